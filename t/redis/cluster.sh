#!/bin/bash
#
# A cluster of three primaries: each answers for its keys and tells of them, and
# slots that have moved are followed.  The gateway has the user of
# docs/redis.acl, who may do no more than that.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/redis_cluster.sh"
. "$(dirname "$0")/../lib/many_keys.sh"
. "$(dirname "$0")/../lib/bound.sh"

start_cluster
put_keys used 30
put_keys cold 9
make_keys never 3

# The first key of a name that each primary has.

of_each() {                                     # NAME COUNT
    local i owner seen=

    for ((i = 1; i <= $2; i++)); do
        owner=$(owner_of_key "${key_of[$1$i]}")
        [[ " $seen " = *" $owner "* ]] || echo "$1$i"
        seen+=" $owner"
    done
}

# Redis is asked nothing; on a machine that is slow a lease may end, and then
# once more.

quietly() {                                     # COMMAND...
    local try

    for try in 1 2 3 4 5; do
        "$@" || return 1
        reset_calls
        "$@" || return 1
        [ "$(calls get)" != 0 ] || return 0
    done

    return 1
}

answers() {                                     # STATUS KEY
    [ "$(status_of "$2")" = "$1" ]
}

workers=2
start_gateway "$cluster_url $options timeout=2s"


# Lookups

mapfile -t three < <(of_each used 30)
is "${#three[@]}" 3 "the records of 30 keys are on all three primaries"
runs "each key is let in" all_served used 30
is "$(status_of "${key_of[never1]}")" 401 "one that is unknown is not"
runs "for who is known nothing is asked" quietly all_served used 30
is "$(errors_of MOVED)" 0 "nobody was asked for what another has"

reset_calls
is "$(status_of "${key_of[cold2]}")" 200 "a new key, whose tenant is known"
n=$(calls get)
[ "$n" -ge 1 ] && [ "$n" -le 2 ]
ok $? "takes one question, or two of a worker that did not know the tenant"

reset_calls
ab -q -n 1000 -c 200 -A "x:${key_of[cold3]}" "$url/v2/acme/app/manifests/1" \
    > "$dir/ab.log" 2>&1
is "$(grep -c Non-2xx "$dir/ab.log") $(sed -n 's/^Complete requests: *//p' \
    "$dir/ab.log")" "0 1000" "1,000 requests for one new key are served"
n=$(calls get)
[ "$n" -le 4 ]
ok $? "after one question of each worker, and at most one for the tenant ($n)"


# Each primary tells of its keys

for name in "${three[@]}"; do
    status_of "${key_of[$name]}" > /dev/null
    revoke "${key_of[$name]}"
    is "$(status_of "${key_of[$name]}")" 401 \
        "a key of primary $((++primary)) is revoked"
done

# Where one is not heard of any more, its keys are asked for, and no others

names=()
for i in {1..30}; do
    [[ " ${three[*]} " = *" used$i "* ]] || names+=("used$i")
done
owner=$(owner_of_key "${key_of[${names[0]}]}")
status_of "${key_of[${names[0]}]}" > /dev/null
redis_at "$owner" client kill type pubsub > /dev/null
revoke "${key_of[${names[0]}]}"
seen_within $LEASE "${key_of[${names[0]}]}" \
    "CLIENT KILL: what a tracker has missed is seen"
wait_for tracked
asks_none() {
    reset_calls
    answers 200 "${key_of[${names[1]}]}" && [ "$(calls get)" = 0 ]
}
runs "and all is well again" wait_for asks_none


# A slot moves

key=${key_of[${names[2]}]}
slot=$(slot_of "$(record_of "$key")")
from=$(owner_of "$slot")
to=$(printf '%s\n' "${cluster_ports[@]}" | grep -vx "$from" | head -1)

status_of "$key" > /dev/null
move_slot "$slot" "$to"
reset_calls
is "$(status_of "$key")" 200 "its slot has moved: a key is served"
is_asked_there() {
    local record=$(redis_at "$to" get "$(record_of "$key")")

    reset_calls
    redis_at "$to" set "$(record_of "$key")" "$record" > /dev/null
    answers 200 "$key" && [ "$(errors_of MOVED)" = 0 ]
}
runs "and then asked for where it is now" wait_for is_asked_there
revoke "$key"
is "$(status_of "$key")" 401 "revoked there, it is refused"
like "$(redis_at "$to" get "$(record_of "$key")")" revoked_at \
    "by the record that was revoked"


# The gateway cannot do more than it must

as_gateway() {                                  # COMMAND...
    redis_at "$(running "${cluster_ports[@]}")" -c --user gateway \
        --pass gw-secret --no-auth-warning "$@" 2>&1
}

is "$(grep -c NOPERM "$errors")" 0 "nothing it needs is refused"

for name in key:used1x000000 tenant:acme role:puller issuer:x; do
    like "$(as_gateway set "registry:$name" x)" '^NOPERM' \
       "the gateway cannot set ${name%%:*}s"
    like "$(as_gateway del "registry:$name")" '^NOPERM' "nor remove them"
done

for command in "cluster reset" "cluster nodes" "cluster failover" \
    "cluster setslot 1 stable" "cluster forget x" "readonly" "flushall"
do
    like "$(as_gateway $command)" '^NOPERM' "nor use $command"
done


# Workers are replaced, while requests go on

for name in "${names[@]:3}"; do
    printf '%s\tBearer %s\n' /v2/acme/app/manifests/1 "${key_of[$name]}"
done > "$dir/list"

background "$top/t/bench/watch.pl" "$port" "$dir/list" "$dir/count" close \
    > "$dir/watched" 2> "$dir/failures"
watch_pid=$!
more_requests() {                               # COUNT
    local wanted=$(($(< "$dir/count") + $1))

    wait_for eval '[ "$(< "$dir/count")" -ge '$wanted' ]'
}
wait_for test -s "$dir/count"
old=$(pgrep -P "$gateway_pid")
kill -HUP "$gateway_pid"
replaced() {
    local pid

    for pid in $old; do
        ! kill -0 "$pid" || return 1
    done
}
runs "workers are replaced" wait_for replaced
runs "and requests go on" more_requests 100
wait_for tracked
kill "$watch_pid"
wait "$watch_pid"
read -r _ failed _ < "$dir/watched"
is "$failed $(head -n 5 "$dir/failures")" "0 " "all were answered"
runs "each new worker listens to all primaries" wait_for tracked
stop_gateway

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"


# What registry_store names is where to begin

workers=1
begin_with() {                                  # NAME STATUS HOSTS
    start_gateway "redis+cluster://$3 $options timeout=2s"
    is "$(status_of "${key_of[cold1]}")" "$2" "$1"
    stop_gateway
}

one=${cluster_ports[1]}
begin_with "one node, by its name" 200 "localhost:$one"
begin_with "one of three, where nobody is at the others" 200 \
    "127.0.0.1:$(free_port),127.0.0.1:$one,no-such-host.invalid:1"
untracked=1
begin_with "nobody" 503 "127.0.0.1:$(free_port)"

redis_port=$(free_port)
background redis-server --bind 127.0.0.1 --port "$redis_port" --save "" \
    --dir "$dir" > "$dir/redis.log" 2>&1
wait_for redis-cli -p "$redis_port" ping
start_gateway "redis+cluster://127.0.0.1:$redis_port timeout=2s"
is "$(status_of "${key_of[cold1]}")" 503 "a Redis that is no cluster"
logged 'does not tell of its cluster: ERR This instance has cluster support d'
ok $? "the log says so"
stop_gateway

! grep -q gw-secret "$errors"
ok $? "no password in the log"

finish
