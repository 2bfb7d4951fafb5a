#!/bin/bash
#
# What may come to the primaries of a cluster, each done to real ones: cut off
# from the others, killed, stopped, replaced by command, and so many at a time
# that the cluster is down.  Who is known is served, nobody is told "no such
# key" who was not looked for, and what is revoked is seen wherever it was.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/redis_cluster.sh"
. "$(dirname "$0")/../lib/many_keys.sh"
. "$(dirname "$0")/../lib/bound.sh"

# What is cut off goes on answering, as Redis can be told to.

fleet_bus=1
fleet_conf+='
cluster-allow-reads-when-down yes'

start_cluster 1
put_keys used 12
put_keys victim 20
put_keys cold 60
make_keys never 99

for name in "${!key_of[@]}"; do
    [[ $name != used* ]] || printf '%s\tBearer %s\n' \
        /v2/acme/app/manifests/1 "${key_of[$name]}"
done > "$dir/list"

copied() {
    local port

    for port in "${cluster_ports[@]:0:3}"; do
        [ "$(redis_at "$port" wait 1 100)" = 1 ] || return 1
    done
}

copied
wait_for copied

http_extra='registry_cache negative=1s;'
start_gateway "$cluster_url $options timeout=1s"

background "$top/t/bench/watch.pl" "$port" "$dir/list" "$dir/count" close \
    > "$dir/watched" 2> "$dir/failures"
watch_pid=$!
wait_for test -s "$dir/count"


# Keys of the slots that the first, second and third primary had: victims0 and
# so on hold their names.

for name in victim cold; do
    names=($(printf '%s\n' "${!key_of[@]}" | grep "^$name"))

    for i in "${names[@]}"; do
        echo "cluster keyslot $(record_of "${key_of[$i]}")"
    done | redis_at "${cluster_ports[0]}" > "$dir/slots"

    mapfile -t slots < "$dir/slots"

    for i in "${!names[@]}"; do
        declare -n list="${name}s$((slots[i] < 5461 ? 0 :
                                    slots[i] < 10923 ? 1 : 2))"
        list+=("${names[i]}")
    done
done


# Sets key to the next of these, and slot.

next() {                                        # victim|cold SLOTS
    declare -n list="$1s$2"

    key=${key_of[${list[0]}]}
    list=("${list[@]:1}")
    slot=$(slot_of "$(record_of "$key")")
}


answers() {                                     # STATUS KEY
    [ "$(status_of "$2")" = "$1" ]
}


# The owner of slot, as any but one of the nodes knows it.

owner_now() {                                   # OLD-PORT
    owner_known_to "$(other_than "$1")"
}

taken_over() {                                  # OLD-PORT
    local new=$(owner_now "$1")

    [ -n "$new" ] && [ "$new" != "$1" ]
}

other_than() {                                  # PORT
    local port

    for port in "${cluster_ports[@]}"; do
        [ "$port" = "$1" ] || [ -z "$(running "$port")" ] || echo "$port"
    done | head -1
}

owner_known_to() {                              # PORT
    redis_at "$1" cluster slots | paste -sd ' ' |
        grep -oE "[0-9]+ [0-9]+ 127.0.0.1 [0-9]+ [0-9a-f]{40}" |
        awk -v slot="$slot" '$1 <= slot && slot <= $2 { print $4; exit }'
}

revoke_at() {                                   # PORT KEY
    redis_at "$1" get "$(record_of "$2")" |
        jq -c '. + {"revoked_at":"2026-01-01T00:00:00Z"}' | tr -d '\n' |
        redis_at "$1" -x set "$(record_of "$2")" > /dev/null
}

has_recovered() {
    answers 200 "$key" && tracks "$new"
}

is_settled() {
    local port

    for port in "${cluster_ports[@]}"; do
        settled "$port" || return 1
    done
}


# A primary is cut off from the others, and not from the gateway

next victim 0
old=$(owner_of "$slot")
runs "a key is served" answers 200 "$key"
cut_off "$old"
is_down() { redis_at "$1" cluster info | grep -q cluster_state:fail; }
runs "a primary is cut off" wait_for is_down "$old"
runs "another takes its slots" wait_for taken_over "$old"
new=$(owner_now "$old")
revoke_at "$new" "$key"
seen_within $LEASE "$key" "what is revoked there is seen"
like "$(redis_at "$old" get "$(record_of "$key")")" '^\{[^_]*\}$' \
    "though the old one answers, and knows nothing of it"
is "$(redis_at "$old" role | head -1)" master "and says it is a master"
next cold 0
runs "and the gateway goes on with the new one" wait_for has_recovered
join_again "$old"
runs "it comes back as a replica" wait_for follows "$old"
wait_for is_settled


# One is killed

next victim 1
old=$(owner_of "$slot")
answers 200 "$key"
kill_member "$old"
is "$(status_of "$key")" 200 "a primary is killed: a known key is served"
is "$(next cold 0; status_of "$key")" 200 "those of others are looked up"
runs "another takes its slots" wait_for taken_over "$old"
new=$(owner_now "$old")
revoke_at "$new" "$key"
seen_within $LEASE "$key" "what is revoked there is seen"
next cold 1
runs "and the gateway goes on with the new one" wait_for has_recovered
start_member "$old"
runs "it comes back as a replica" wait_for follows "$old"
wait_for is_settled


# One is stopped, and goes on with what it knew

next victim 2
old=$(owner_of "$slot")
answers 200 "$key"
known=$key
pause_member "$old"
is "$(status_of "$key")" 200 "a primary is stopped: a known key is served"
runs "another takes its slots" wait_for taken_over "$old"
new=$(owner_now "$old")
revoke_at "$new" "$key"
seen_within $LEASE "$key" "what is revoked there is seen"
next cold 2
runs "and the gateway goes on with the new one" wait_for has_recovered
resume_member "$old"
is "$(status_of "$known")" 401 "the old one goes on, and is not asked"
wait_for follows "$old"
wait_for is_settled


# One is replaced by command

next victim 0
old=$(owner_of "$slot")
answers 200 "$key"
replica=${cluster_ports[0]}
[ "$replica" != "$old" ] || replica=${cluster_ports[3]}
redis_at "$replica" cluster failover > /dev/null
runs "a failover by command" wait_for taken_over "$old"
new=$(owner_now "$old")
revoke_at "$new" "$key"
seen_within $LEASE "$key" "what is revoked on the new primary is seen"
wait_for is_settled


# The cluster is down: one primary is left, and none of the replicas

alive=$(owner_of 0)
for i in 0 1 2; do
    next victim $i
    answers 200 "$key" || echo "Bail out! a key is not known"
    victims[i]=$key
done
for node in "${cluster_ports[@]}"; do
    redis_at "$node" save > /dev/null
done
complaints() {
    grep -c "Redis at \"127.0.0.1\" port $alive says that its cluster is down" \
        "$errors"
}
before=$(complaints)
has_complained() { [ "$(complaints)" -gt "$before" ]; }
for node in "${cluster_ports[@]}"; do
    [ "$node" = "$alive" ] || kill_member "$node"
done
runs "the cluster is down" wait_for is_down "$alive"
runs "the log says so" wait_for has_complained
is "$(status_of "${key_of[never1]}")" 503 "nobody is said to be unknown"
next cold 0                                     # the one above is known
next cold 0
like "$(redis_at "$alive" get "$(record_of "$key")")" tenant \
    "what is left answers"
is "$(status_of "$key")" 503 "but is not listened to"
is "$(for i in 0 1 2; do status_of "${victims[i]}"; done)" 200200200 \
    "who is known is served"
old=$(pgrep -P "$gateway_pid")
kill -HUP "$gateway_pid"
gone() { ! kill -0 "$old"; }
runs "other workers take over" wait_for gone
is "$(for i in 0 1 2; do status_of "${victims[i]}"; done)" 200200200 \
    "and serve who is known"
for node in "${cluster_ports[@]}"; do
    [ "$node" = "$alive" ] || start_member "$node"
done
wait_for is_settled
for i in 0 1 2; do
    next cold $i
    runs "the others are back: slots $i are looked up" wait_for \
        answers 200 "$key"
done
runs "and who is not found is unknown" wait_for answers 401 "${key_of[never2]}"


# Of those who are in use

kill "$watch_pid"
wait "$watch_pid"
read -r requests failed _ < "$dir/watched"
[ "$requests" -gt 200 ]
ok $? "of all requests ($requests)"
is "$failed $(head -n 5 "$dir/failures")" "0 " "none was answered otherwise"

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
