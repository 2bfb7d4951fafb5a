#!/bin/bash
#
# Quotas and compaction: what is folded counts once, for the gateway that has
# sent it as for the others, and so does what comes late.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

fleet_ledger="size=1m sync=200ms"
location a '
    registry_limit egress count=egress per=tenant quota=20kB/month;'

# in the month there has to be a day that is over for two

if [ "$(date -u +%d)" -le 3 ]; then
    ok 0 "not on the first days of a month"
    finish
fi

day=$(date -u -d "$(date -u +%Y-%m-%d) - 3 days" +%F)
month=registry:egress:{\(anonymous\)}:$(date -u +%Y-%m)

cc -I"$top/src/core" -I"$top/src/ledger" -o "$dir/ledger_day" \
    "$top/t/lib/ledger_day.c" "$top/build/libregistry.a"


was_sent() {                                    # N BYTES
    "$dir/ledger_day" "$dir/ledger$1" "$day" "(anonymous)" a/app "$2"
}


of_the_day() {
    redis hgetall "$month" | paste - - |
        awk -v day="$day" '$1 ~ day "$" { n += $2 } END { print n + 0 }'
}


is_there() { [ "$(of_the_day)" = "$1" ]; }


# Gateway N refuses; each refusal is some 300 bytes.

uses() {                                        # N BYTES
    local used

    used=$(curl -s -m 10 "http://127.0.0.1:${gateway_port[$1]}/v2/a/app/manifests/1" |
        jq '.errors[0].detail.used')
    [ "$used" -ge "$2" ] && [ "$used" -lt $(($2 + 9000)) ]
}


both_use() {                                    # BYTES NAME
    sleep 0.6
    runs "$2: one gateway" wait_for uses 0 "$1"
    runs "$2: and the other" wait_for uses 1 "$1"
}


restart() {                                     # N
    stop "${gateway_pids[$1]}"
    start_nginx "$dir/$1.conf" "${gateway_port[$1]}" "$dir/$1.log"
    gateway_pids[$1]=$nginx_pid
}


compact() {
    "$NGX_REGISTRY" egress compact --store "redis://127.0.0.1:$redis_port" \
        > /dev/null
}


start_redis
start_fleet 2

was_sent 0 10500
was_sent 1 10500
restart 0
restart 1
runs "what both had sent three days ago is in Redis" wait_for is_there 21000
both_use 21000 "before"

compact
is "$(redis hget "$month" "folded:$day")" 21000 "it is folded"
both_use 21000 "after"
restart 0
both_use 21000 "and after a restart"

was_sent 0 500
"$NGX_REGISTRY" egress sync --ledger "$dir/ledger0" \
    --store "redis://127.0.0.1:$redis_port" > /dev/null
is "$(of_the_day)" 21500 "what comes late is beside it"
compact
is "$(redis hget "$month" "folded:$day")" 21500 "and is folded, too"
both_use 21500 "with what came late"

is "$(cat "$dir"/?.log | grep -E '\[(emerg|alert|crit)\]|Sanitizer')" "" \
   "nginx complains of nothing"

finish
