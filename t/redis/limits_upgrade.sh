#!/bin/bash
#
# Another nginx binary takes over (USR2, then QUIT), while both serve: what they
# have in Redis and in the ledger is counted once, whoever serves.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

location exact '
    registry_limit exact count=request per=repository rate=20/31d mode=exact;'
location lease '
    registry_limit lease count=request per=repository rate=200/31d;'
location quota '
    registry_limit egress count=egress per=tenant quota=400kB/month;'

fleet_ledger="size=1m sync=200ms"
fleet_body=$(printf %01000d 0)

start_redis


# In the background of nginx's own making: only then does it take USR2.

gateway_port[0]=$(free_port)
: > "$passed_log"
fleet_conf 0 > "$dir/0.conf"
LD_PRELOAD=${TEST_NGINX_PRELOAD-} "$(command -v "$NGINX")" -p "$dir" -e "$dir/0.log" \
    -c "$dir/0.conf"
wait_for listens "${gateway_port[0]}"
old=$(cat "$dir/0.pid")
pids+=("$old")


pulls() {                                       # COUNT
    local i

    for ((i = 0; i < $1; i++)); do
        curl -s -o /dev/null -m 10 -w '%{http_code}\n' \
            "http://127.0.0.1:${gateway_port[0]}/v2/quota/r$RANDOM/manifests/1"
    done | sort | uniq -c | awk '{ print $2 "=" $1 }' | xargs
}


refuses() {
    [ "$(pulls 4)" = 403=4 ]
}


upgraded() {
    local new=$(cat "$dir/0.pid" 2> /dev/null)
    [ -n "$new" ] && [ "$new" != "$old" ] && [ -s "$dir/0.pid.oldbin" ] &&
        pgrep -P "$new" > /dev/null
}


most_pass() {
    ask 0 "lease/a" 3 > /dev/null
    [ "$(passed lease/a)" -ge 150 ]
}


is "$(pulls 80) $(ask 0 exact/a 12) $(ask 0 lease/a 20)" \
   "200=80 200=12 200=20" "some pass with the old binary"

ask 0 lease/a 60 > /dev/null &
asker=$!
kill -USR2 "$old"
runs "there is a new one beside it" wait_for upgraded
pids+=("$(cat "$dir/0.pid")")
wait $asker

is "$(ask 0 exact/a 12)" "200=8 429=4" "exact: both together let pass the rest"
runs "lease: nearly all of them pass" wait_for most_pass
ask 0 lease/a 60 > /dev/null
ok $(($(passed lease/a) > 200)) "and no more"
is "$(pulls 6)" "200=6" "a quota: below it both let pass"

kill -QUIT "$old"
gone() { ! kill -0 "$old" 2> /dev/null; }
runs "the old one goes" wait_for gone
is "$(ask 0 exact/a 5)" "429=5" "the new one knows what was used: exact"
ask 0 lease/a 20 > /dev/null
ok $(($(passed lease/a) > 200)) "lease"
exhausts() { pulls 50 > /dev/null; refuses; }
runs "and of the quota" wait_for exhausts

# a refusal has a body of some 300 bytes, which the ledger has, too

sent=$(wc -l < "$passed_log")
[ "$sent" -ge 350 ] && [ "$sent" -le 402 ]
ok $? "of which as much was sent as there was: $sent kB"

is "$(grep -E '\[(emerg|alert|crit)\]|Sanitizer' "$dir/0.log")" "" \
   "nginx complains of nothing"

finish
