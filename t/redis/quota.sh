#!/bin/bash
#
# A quota that gateways have together: each knows what the others have sent as
# soon as they have told Redis, and what it has sent itself at once.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

fleet_ledger="size=1m sync=200ms"
fleet_body=$(printf %01000d 0)
location a '
    registry_limit egress count=egress per=tenant quota=20kB/month;
    add_header X-Limit $registry_limit_status always;'
location b '
    registry_limit weekly count=egress per=tenant quota=1GB/week;'

month=registry:egress:{\(anonymous\)}:$(date -u +%Y-%m)
index=sha256:$(printf %064d 1)
platform=sha256:$(printf %064d 2)
blob=sha256:$(printf %064d 3)


get() {                                         # N PATH
    curl -s -o "$dir/body" -m 10 -w '%{http_code}' \
        "http://127.0.0.1:${gateway_port[$1]}/v2/$2"
}


pulls() {                                       # N COUNT
    local i

    for ((i = 0; i < $2; i++)); do get "$1" "a/r$i/manifests/1"; done
}


# Gateway N refuses, with so many bytes used or more.

refuses() {                                     # N [BYTES]
    [ "$(get "$1" a/other/manifests/1)" = 403 ] &&
        [ "$(jq '.errors[0].detail.used' "$dir/body")" -ge "${2:-20000}" ]
}


passes() {                                      # N
    [ "$(get "$1" a/passes/manifests/1)" = 200 ]
}


redis_has() {                                   # BYTES
    [ "$(redis hvals "$month" | awk '{ n += $1 } END { print n + 0 }')" -ge "$1" ]
}


restart() {                                     # N
    stop "${gateway_pids[$1]}"
    start_nginx "$dir/$1.conf" "${gateway_port[$1]}" "$dir/$1.log"
    gateway_pids[$1]=$nginx_pid
}


start_redis
start_fleet 2


# one gateway's bytes count at the other

is "$(get 0 "a/pull/manifests/$index")" 200 "a pull begins at one gateway"
is "$(pulls 0 9; pulls 1 5)" "$(printf 200%.0s {1..14})" "others at both"
runs "Redis has what they have sent" wait_for redis_has 15000
is "$(pulls 1 4)" 200200200200 "below the quota both let pass"
runs "a gateway has what both have sent" wait_for redis_has 19000
get 0 a/more/manifests/1 > /dev/null
runs "where it is used up they refuse: one" wait_for refuses 0
runs "and the other" wait_for refuses 1

is "$(get 1 "a/pull/manifests/$platform")" 200 \
   "a pull that has begun goes on, at the other"
is "$(get 1 "a/pull/blobs/$blob")" 200 "with its blobs"
is "$(get 1 "a/never/blobs/$blob")" 403 "which nobody else gets"


# a gateway that begins, or was killed, asks Redis before it lets pass

restart 0
is "$(get 0 a/other/manifests/1)" 403 "a gateway is restarted: it knows at once"
stop "${gateway_pids[0]}"
rm -r "$dir/ledger0"
mkdir "$dir/ledger0"
restart 0
is "$(get 0 a/other/manifests/1)" 403 \
   "also where it has lost its ledger: Redis has all"
victim=$(pgrep -P "${gateway_pids[0]}")
kill -KILL $victim
wait_for refuses 0
ok $? "workers are killed"


# Redis is lost, and all that was in it

stop "$redis_pid" KILL 2> /dev/null
gone() { [ "$(log_lines 'registry_limit: Redis is away')" -ge 2 ]; }
runs "Redis is away, which is logged" wait_for gone
is "$(get 0 a/other/manifests/1) $(get 1 a/other/manifests/1)" "403 403" \
   "what it said last goes on to hold"
start_redis
back() { [ "$(log_lines 'counted there again')" -ge 2 ]; }
runs "it is back, with nothing in it" wait_for back
sleep 1
is "$(get 0 a/other/manifests/1) $(get 1 a/other/manifests/1)" "403 403" \
   "which makes nobody forget what was sent"


# from the start

redis flushall > /dev/null
stop "$redis_pid" KILL 2> /dev/null
restart 1
is "$(get 1 a/passes/manifests/1)" 200 \
   "a gateway that begins without Redis lets pass"
rest() { [ "$(pulls 1 5)" != 200200200200200 ] || sleep 0.2; ! passes 1; }
runs "until it has sent as much itself" wait_for rest
start_redis


# sums that no number of Lua holds, days of other periods, and nonsense

today=$(date -u +%F)
redis hset "$month" "x:$today" 9007199254740993 "y:$today" 5000000000000000000 \
    "z:${today%-??}-00" 7 "v:$today" 1e9 "w:$today" -5 > /dev/null
runs "sums are exact" wait_for refuses 1 5009007199254740993
monday=$(date -u -d "$today -$(($(date -u +%u) - 1)) days" +%F)
redis hset "registry:egress:{(anonymous)}:${monday%-??}" "x:$monday" 2000000000 \
    "x:$(date -u -d "$monday - 1 day" +%F)" 9000000000 > /dev/null
week() { [ "$(get 1 b/other/manifests/1)" = 403 ]; }
runs "a week begins on Monday" wait_for week

is "$(cat "$dir"/?.log | grep -E '\[(emerg|alert|crit)\]|Sanitizer' |
      grep -v 'exited on signal 9')" "" "nginx complains of nothing"

finish
