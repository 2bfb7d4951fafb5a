#!/bin/bash
#
# Slots move from primary to primary with their keys, while those are in use:
# nobody who is known is turned away, and nobody is let in who was revoked
# meanwhile.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/redis_cluster.sh"
. "$(dirname "$0")/../lib/many_keys.sh"
. "$(dirname "$0")/../lib/bound.sh"

start_cluster
put_keys used 12
put_keys victim 4
put_keys cold 4
make_keys never 3

for name in "${!key_of[@]}"; do
    [[ $name != used* ]] || printf '%s\tBearer %s\n' \
        /v2/acme/app/manifests/1 "${key_of[$name]}"
done > "$dir/list"

# What is not known is remembered, and a machine that is slow is no outage.

workers=2
http_extra='registry_cache negative=1h;'
start_gateway "$cluster_url $options timeout=2s"

background "$top/t/bench/watch.pl" "$port" "$dir/list" "$dir/count" close \
    > "$dir/watched" 2> "$dir/failures"
watch_pid=$!
wait_for test -s "$dir/count"


# Sets slot, from and to for the slot of a key.

of_slot() {                                     # KEY
    slot=$(slot_of "$(record_of "$1")")
    from=$(owner_of "$slot")
    to=$(printf '%s\n' "${cluster_ports[@]}" | grep -vx "$from" | shuf -n 1)
}


# Others in the slot of a key, so that it takes several steps to move.

fill_slot() {                                   # KEY
    local i

    for i in {1..250}; do
        echo "SET x$i{$(record_of "$1")} 1"
    done | redis_at "$from" > /dev/null
}


# A key's record has gone before its slot, where only ASK leads.

begin() {                                       # KEY
    of_slot "$1"
    begin_move "$slot" "$to"
    move_keys "$slot" "$to"
}


# Keys in use

reset_calls

moved=

for i in {1..12}; do
    of_slot "${key_of[used$i]}"
    fill_slot "${key_of[used$i]}"
    move_slot "$slot" "$to"
    moved+=$(redis_at "$to" cluster countkeysinslot "$slot")
    moved+=" $(redis_at "$from" cluster countkeysinslot "$slot"), "
done

is "$moved" "$(printf '251 0, %.0s' {1..12})" \
    "12 slots with 251 keys each have moved"
count=$(< "$dir/count")
runs "requests go on" wait_for eval '[ "$(< "$dir/count")" -gt $((count + 50)) ]'


# A key that is revoked while its slot is on its way

for i in 1 2 3; do
    victim=${key_of[victim$i]}
    begin "$victim"
    [ $i = 1 ] && runs "a record has moved, its slot has not: served" \
        served "$victim"
    [ $i = 2 ] || runs "and again" served "$victim"
    revoke "$victim"
    is "$(status_of "$victim")" 401 "revoked where it is then, it is refused"
    end_move "$slot" "$to"
    is "$(status_of "$victim")" 401 "and when the slot has followed"
done

# It is revoked just as it moves: it may be here or there.

victim=${key_of[victim4]}
of_slot "$victim"
fill_slot "$victim"
runs "a key is served" served "$victim"
move_slot "$slot" "$to" &
move_pid=$!
revoke "$victim"
is "$(status_of "$victim")" 401 "revoked while it moves, it is refused"
wait "$move_pid"
is "$(status_of "$victim")" 401 "and when it has"


# Keys that nobody knows yet

for i in 1 2; do
    begin "${key_of[cold$i]}"
    is "$(status_of "${key_of[cold$i]}")" 200 "a new key, asked for by ASKING"
    end_move "$slot" "$to"
    is "$(status_of "${key_of[cold$i]}")" 200 "and where it is"
done

begin_move "$(slot_of "$(record_of "${key_of[never1]}")")" \
    "$(of_slot "${key_of[never1]}"; echo "$to")"
is "$(status_of "${key_of[never1]}")" 401 "nor is one known that does not exist"
put_keys never 1
is "$(status_of "${key_of[never1]}")" 200 "until it does, where the slot goes to"

[ "$(errors_of ASK)" -gt 4 ] && [ "$(errors_of MOVED)" -gt 0 ]
ok $? "replies led elsewhere: $(errors_of ASK) times ASK, $(errors_of MOVED) MOVED"


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
