#!/bin/bash
#
# Four gateways are offered far more than a limit that they have together, while
# workers are killed, nginx is reloaded and Redis forgets its scripts: they let
# pass no more than the bound of docs/limits.md, and about as much as the rate.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

rate=100
burst=50

location lease "
    registry_limit lease count=request per=repository rate=${rate}r/s
                         burst=$burst;"
location exact "
    registry_limit exact count=request per=repository rate=${rate}r/s
                         burst=$burst mode=exact;"

start_redis
start_fleet 4


now_ms() {
    local now=${EPOCHREALTIME/./}

    echo $((now / 1000))
}


# All gateways, for two seconds; prints how many passed, and the bound for the
# time that it took.  A permit is used for L, a tenth of the window, at most, or
# as long as an answer takes: a second is for a machine that is slow.

offer() {                                       # REPOSITORY
    local n begin=$(now_ms) askers=() took

    for n in 0 1 2 3; do
        while [ $(($(now_ms) - begin)) -lt 2000 ]; do
            ask $n "$1" 200 > /dev/null
        done &
        askers+=($!)
    done

    [ -z "${2-}" ] || "$2"
    wait "${askers[@]}"
    took=$(($(now_ms) - begin))

    echo "$(passed "$1") $((burst + rate * (took + 1000) / 1000))" \
        "$((rate * took / 1000))"
}


within() {                                      # PASSED BOUND SUSTAINED
    diag "$1 passed, no more than $2 may, and the rate alone is $3"
    [ "$1" -le "$2" ]
}


trouble() {
    local victim

    sleep 0.3
    redis script flush > /dev/null
    kill -HUP "${gateway_pids[1]}"
    victim=$(pgrep -P "${gateway_pids[0]}" | head -n 1)
    [ -z "$victim" ] || kill -KILL "$victim"
}


for mode in lease exact; do
    read -r got bound sustained < <(offer $mode/a)
    within "$got" "$bound" "$sustained"
    ok $? "$mode: ten times the rate is offered, and no more than the bound passes"
    [ $((got * 2)) -ge "$sustained" ]
    ok $? "and no permit is wasted by the way"

    read -r got bound sustained < <(offer $mode/b trouble)
    within "$got" "$bound" "$sustained"
    ok $? "the same with workers killed, a reload and a flush in the midst"
done

is "$(log_lines 'is away')" 0 "Redis is never taken for away"


# Redis is killed in the midst, and comes back with nothing: each gateway goes
# on with its share of the burst, and the new Redis with a whole one.

offer lease/c > "$dir/offered" &
offering=$!
sleep 0.5
stop "$redis_pid" KILL 2> /dev/null
sleep 0.3
start_redis
wait $offering
read -r got bound sustained < "$dir/offered"
within "$got" $((bound + 2 * burst)) "$sustained"
ok $? "Redis is killed in the midst, and comes back with nothing"
[ $((got * 2)) -ge "$sustained" ]
ok $? "and meanwhile they go on"

finish
