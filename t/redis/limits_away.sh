#!/bin/bash
#
# Redis goes away under limits that gateways have together, and comes back.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

location exact '
    registry_limit exact count=request per=repository rate=100/31d mode=exact;'
location lease '
    registry_limit lease count=request per=repository rate=100/31d;'
location local '
    registry_limit local count=request per=repository rate=100/31d mode=local;'

start_redis
start_fleet 2

# what is heard last is what counts, and many answers may overtake each other

is "$(ask 0 exact/a 39) $(ask 0 exact/a 1)" "200=39 200=1" \
   "while Redis is there it counts"

lines() {                                       # TEXT COUNT
    [ "$(log_lines "$1")" = "$2" ]
}

stop "$redis_pid" KILL 2> /dev/null
runs "Redis is killed: each gateway says so" wait_for lines 'is away' 2

is "$(ask 0 exact/b 100) $(ask 1 exact/b 100)" "200=50 429=50 200=50 429=50" \
   "and lets pass its part of what there was"
is "$(ask 0 lease/b 100) $(ask 1 lease/b 100)" "200=50 429=50 200=50 429=50" \
   "whatever the mode"
is "$(ask 0 exact/a 100)" "200=30 429=70" "also of what Redis had left at last"
is "$(ask 0 local/b 110)" "200=100 429=10" "but for limits of its own"

kill -HUP "${gateway_pids[0]}"
reloaded() { [ "$(pgrep -P "${gateway_pids[0]}" | wc -l)" = 2 ]; }
wait_for reloaded
is "$(ask 0 exact/b 10)" "429=10" "a reload changes nothing"
is "$(log_lines 'is away')" 2 "and nobody says it twice"

start_redis
runs "Redis is back: each says so" wait_for lines 'Redis answers' 2

# and its workers are all connected again

connected() { [ "$(redis client list | grep -c 'sub=1')" = 4 ]; }
wait_for connected
is "$(ask 0 exact/c 60) $(ask 1 exact/c 60)" "200=60 200=40 429=20" \
   "and there it is counted"

redis config set maxmemory 1 > /dev/null
runs "it refuses to write: it is as good as away" \
    wait_for lines "is away (OOM" 2
is "$(ask 1 lease/d 100)" "200=50 429=50" "and each counts alone"

finish
