#!/bin/bash
#
# Limits that gateways have together: each request asks Redis, or takes one of
# the permits that its gateway has from there.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

location exact '
    registry_limit exact count=request per=repository rate=20/31d mode=exact;'
location lease '
    registry_limit lease count=request per=repository rate=200/31d;'
location pair '
    registry_limit a count=request per=repository rate=100/31d mode=exact;
    registry_limit b count=request per=repository rate=100/31d;
    registry_limit c count=request per=repository rate=5/31d mode=exact;'

start_redis
start_fleet 4


# Asks until most of the 200 have passed: what other gateways hold comes back,
# but where a machine is so slow that it is too late.

most_pass() {                                   # REPOSITORY
    ask 0 "$1" 3 > /dev/null
    [ "$(passed "$1")" -ge 150 ]
}


# exact

is "$(ask 0 exact/a 15)" "200=15" "exact: one gateway lets pass what there is"
is "$(ask 1 exact/a 15)" "200=5 429=10" "and another one what is left"
is "$(redis --scan --pattern 'registry:limit:exact:*')" \
   "registry:limit:exact:20/2678400/20:r=exact/a" "by one key in Redis"
is "$(granted exact exact/a)" 20 "which says that all are gone"
is "$(counter waited exact) $(counter permits_granted exact)" "20 20" \
   "all of whom have waited for it, as the metrics tell"


# lease

for n in 0 1 2 3; do
    ask $n lease/a 100 > "$dir/answers.$n" &
    askers[n]=$!
done
wait "${askers[@]}"

ok $(($(passed lease/a) > $(granted lease lease/a))) \
   "lease: four gateways let pass no more than Redis has granted"
runs "and what is not used is there for others" wait_for most_pass lease/a
ask 2 lease/a 60 > /dev/null
ok $(($(passed lease/a) > 200)) "but no more than there are"

# who asks once in a while has no batch that others would have to wait for

for n in 0 1 2 3; do ask $n lease/b 1; done > /dev/null
is "$(granted lease lease/b)" 4 "who asks seldom gets no more than that"


# several limits, one of which refuses

refunded() {
    [ "$(granted a pair/$pair)" = 5 ] && [ "$(granted b pair/$pair)" = 5 ]
}

# Where a machine is so slow that it is too late for what is given back, another
# repository is asked for.

for pair in 1 2 3 4 5; do
    answers=$(ask 0 pair/$pair 20)
    wait_for refunded && break
done

is "$answers" "200=5 429=15" "the strictest of three limits answers"
runs "and the others are not charged for what it refused" refunded
is "$(counter permits_granted a) $(counter permits_returned a)" \
   "$((20 * pair)) $((15 * pair))" "which the metrics tell, too"


# what Redis forgets of scripts

redis script flush > /dev/null
is "$(ask 2 exact/b 30)" "200=20 429=10" "scripts are flushed: exact goes on"
redis script flush > /dev/null
ask 3 lease/c 100 > /dev/null
runs "so does lease" wait_for most_pass lease/c
is "$(log_lines 'is away')" 0 "and nobody takes Redis for away"


# workers are killed, and nginx is reloaded, while they are busy

for i in 1 2 3; do
    ask 0 lease/d 60 > /dev/null & askers[0]=$!
    ask 1 lease/d 60 > /dev/null & askers[1]=$!
    victim=$(pgrep -P "${gateway_pids[0]}" | head -n 1)
    [ -z "$victim" ] || kill -KILL "$victim"
    kill -HUP "${gateway_pids[1]}"
    wait "${askers[@]}"
done

ok $(($(passed lease/d) > $(granted lease lease/d))) \
   "workers are killed and nginx is reloaded: no more than was granted"
ok $(($(granted lease lease/d) > 200)) "and no more was granted than there is"


# requests that end while they wait

kill -STOP "$redis_pid"
for i in 1 2 3 4 5 6 7 8; do
    curl -s -m 0.2 -o /dev/null \
        "http://127.0.0.1:${gateway_port[2]}/v2/exact/c/tags/list" &
    askers[i]=$!
    curl -s -m 0.2 -o /dev/null \
        "http://127.0.0.1:${gateway_port[2]}/v2/lease/e/tags/list" &
    askers[i + 8]=$!
done
wait "${askers[@]}"
kill -CONT "$redis_pid"
is "$(ask 2 exact/d 5) $(ask 2 lease/f 1)" "200=5 200=1" \
   "clients leave while Redis hangs: others are answered"

is "$(cat "$dir"/?.log | grep -E '\[(emerg|alert|crit)\]|Sanitizer' |
      grep -v 'exited on signal 9')" "" "nginx complains of nothing"

finish
