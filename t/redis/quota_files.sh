#!/bin/bash
#
# A gateway that has no descriptors left while it adds up the ledger for quotas:
# what Redis has of its own bytes is not taken for those of others, for good.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

fleet_ledger="size=1m sync=200ms"
fleet_body=$(printf %01000d 0)
location a '
    registry_limit egress count=egress per=tenant quota=15kB/month;'

month=registry:egress:{\(anonymous\)}:$(date -u +%Y-%m)

gcc -shared -fPIC -O2 -o "$dir/no_files.so" "$top/t/lib/no_files.c" -ldl
export NO_FILES=$dir/no_files
TEST_NGINX_PRELOAD=${TEST_NGINX_PRELOAD:+$TEST_NGINX_PRELOAD:}$dir/no_files.so


pull() {
    curl -s -o /dev/null -m 10 -w '%{http_code}' \
        "http://127.0.0.1:${gateway_port[0]}/v2/a/r/manifests/1"
}


redis_has() {                                   # BYTES
    [ "$(redis hvals "$month" | awk '{ n += $1 } END { print n + 0 }')" -ge "$1" ]
}


start_redis
start_fleet 1

is "$(for i in {1..8}; do pull; done)" "$(printf 200%.0s {1..8})" \
   "a bit more than half of a quota is used"
runs "Redis has it" wait_for redis_has 8000

# some rounds without files, and some with them

touch "$NO_FILES"
sleep 1
rm "$NO_FILES"
sleep 1

is "$(for i in {1..6}; do pull; done)" "$(printf 200%.0s {1..6})" \
   "after that nothing counts twice"
is "$(grep -E '\[(emerg|alert|crit)\]|Sanitizer' "$dir"/0.log)" "" \
   "nginx complains of nothing"

finish
