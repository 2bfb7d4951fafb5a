#!/bin/bash
#
# Redis is gone while keys are in use, and the configuration is loaded anew in
# the midst of it: nobody who was known notices.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/many_keys.sh"

start_redis
put_keys used 50
put_keys cold 2
redis save > /dev/null

for name in "${!key_of[@]}"; do
    [[ $name != used* ]] || printf '%s\tBearer %s\n' \
        /v2/acme/app/manifests/1 "${key_of[$name]}"
done > "$dir/list"

# Here a machine that is slow is no outage.

workers=2
start_gateway "redis://127.0.0.1:$redis_port timeout=2s"


# Requests go on all the time, each on a connection of its own: one that is kept
# may be closed by a reload just as the next request is on its way.

background "$top/t/bench/watch.pl" "$port" "$dir/list" "$dir/count" close \
    > "$dir/watched" 2> "$dir/failures"
watch_pid=$!

more_requests() {                               # COUNT
    local wanted=$(($(< "$dir/count") + $1))

    wait_for eval '[ "$(< "$dir/count")" -ge '$wanted' ]'
}

answered() {                                    # STATUS NAME
    [ "$(status_of "${key_of[$2]}")" = "$1" ]
}

wait_for test -s "$dir/count"
runs "50 keys are used" more_requests 200

stop "$redis_pid" KILL 2> /dev/null

runs "Redis is killed: a new key cannot be looked up" \
    wait_for answered 503 cold1
runs "and the keys are used" more_requests 200

# New workers know what the others have left in the zone.

old=$(pgrep -P "$gateway_pid")
kill -HUP "$gateway_pid"
new_workers() {
    local pid

    for pid in $old; do
        ! kill -0 "$pid" || return 1
    done
}
runs "other workers take over" wait_for new_workers
runs "and the keys are used" more_requests 200
is "$(status_of "${key_of[cold1]}")" 503 "while a new one cannot be looked up"

start_redis
runs "Redis is back: it can" wait_for answered 200 cold2
runs "and the keys are used" more_requests 200

kill "$watch_pid"
wait "$watch_pid"
read -r requests failed _ < "$dir/watched"
[ "$requests" -ge 800 ]
ok $? "of all requests ($requests)"
is "$failed $(head -n 5 "$dir/failures")" "0 " "none was answered otherwise"

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
