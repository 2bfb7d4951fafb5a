#!/bin/bash
#
# What becomes of requests when Redis fails: an outage is never taken for "no
# such key", and who was known is served.

. "$(dirname "$0")/../lib/redis.sh"

start_redis
"$NGX_REGISTRY" tenant set acme > /dev/null
key=$(new_key --tenant acme --role image-puller)
other=$(new_key --tenant acme --role image-puller)
cold=$(new_key --tenant acme --role image-puller)
revoked=$(new_key --tenant acme --role image-puller)
unknown=$("$NGX_REGISTRY" --store "file:$dir/other.json" tenant set acme \
    > /dev/null; "$NGX_REGISTRY" --store "file:$dir/other.json" \
    key create --tenant acme --role image-puller)
copy_records
http_extra='registry_cache negative=1s;'
start_gateway
is "$(status_of "$key") $(status_of "$other") $(status_of "$revoked")" \
   "200 200 200" "keys are known"


# Redis is killed

kill -9 "$redis_pid"
wait "$redis_pid" 2> /dev/null

failed=0
for i in {1..40}; do
    [ "$(status_of "$key")" = 200 ] || failed=$((failed + 1))
    sleep 0.1
done
is "$failed" 0 "killed: a known key is served, for seconds"
is "$(status_of "$cold")" 503 "one that was never asked for cannot be"
like "$(curl -si -u "x:$cold" "$url/v2/acme/app/manifests/1" | tr -d '\r')" \
     'Retry-After: 1.*"code":"UNAVAILABLE"' "and the client is told when"

kill -HUP "$(< "$dir/nginx.pid")"
sleep 1
is "$(status_of "$other")" 200 "a worker that starts meanwhile knows it, too"

start_redis
copy_records
wait_for tracked
sleep 0.5
is "$(status_of "$cold")" 200 "Redis is back: so are all keys"
is "$(status_of "$key")" 200 "and the known"


# Redis hangs

kill -STOP "$redis_pid"
sleep 2.5
start=$(date +%s%N)
for i in {1..10}; do status_of "$key" > /dev/null; done
ms=$((($(date +%s%N) - start) / 1000000))
is "$(status_of "$key")" 200 "stopped: a known key is served"
[ $ms -lt 3000 ]; ok $? "without waiting long each time"
is "$(status_of "$unknown")" 503 "an unknown one is not"
kill -CONT "$redis_pid"
wait_for tracked
sleep 3
is "$(status_of "$unknown")" 401 "it goes on: the unknown key is none"


# the tracker alone is cut

redis client kill type pubsub > /dev/null
revoke "$revoked"
sleep 2.1
is "$(status_of "$revoked")" 401 \
   "a revocation that the tracker missed is seen when its lease has run out"
wait_for tracked

# and for good: nothing is fresh any more, but Redis is asked each time

redis acl setuser default resetchannels > /dev/null
redis client kill type pubsub > /dev/null
sleep 3
revoke "$other"
is "$(status_of "$other")" 401 "without a tracker, within the ttl"
is "$(status_of "$key")" 200 "others are served"
logged 'registry.*track'; ok $? "the log says so"
redis acl setuser default allchannels > /dev/null


# Redis refuses

redis acl setuser default -get > /dev/null
sleep 3
is "$(status_of "$unknown")" 503 "no permission is not \"no such key\""
is "$(status_of "$key")" 200 "a known key is served"
redis acl setuser default +get > /dev/null
wait_for test 401 = "$(status_of "$unknown")"
sleep 0.5
is "$(status_of "$unknown")" 401 "permitted again"

# a script that does not end

redis config set busy-reply-threshold 50 > /dev/null
(redis eval 'while true do end' 0 > /dev/null 2>&1 &)
sleep 3
is "$(status_of "$unknown")" 503 "busy is not \"no such key\""
is "$(status_of "$key")" 200 "a known key is served"
redis script kill > /dev/null
sleep 1
is "$(status_of "$unknown")" 401 "the script is gone"


# 2,000 clients that go away while Redis hangs

fds() { ls "/proc/$(pgrep -P "$(< "$dir/nginx.pid")" | head -n 1)/fd" | wc -l; }

sleep 1
before=$(fds)
kill -STOP "$redis_pid"
timeout 8 ab -q -s 1 -t 4 -n 2000 -c 100 -A "x:$unknown" \
    "$url/v2/acme/app/manifests/1" > /dev/null 2>&1
kill -CONT "$redis_pid"
sleep 2
after=$(fds)
[ "$after" -le $((before + 3)) ]
ok $? "no connection stays behind ($before, then $after)"
is "$(status_of "$key")" 200 "and all is well"

# workers that end while Redis hangs

kill -STOP "$redis_pid"
sleep 0.5
kill -HUP "$(< "$dir/nginx.pid")"
sleep 2
kill -CONT "$redis_pid"

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
