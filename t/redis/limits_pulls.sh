#!/bin/bash
#
# A pull that one gateway has admitted gets its blobs and the manifest of its
# platform from any other, whatever limits say there.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/limits.sh"

location lease '
    registry_limit pulls count=pull    per=address rate=2/31d;
    registry_limit calls count=request per=address rate=7/31d mode=exact;'
location exact '
    registry_limit pulls_2 count=pull  per=address rate=2/31d mode=exact;'
location one '
    registry_limit pulls_1 count=pull  per=address rate=1/31d mode=exact;'
location local '
    registry_limit pulls_3 count=pull    per=address rate=2/31d mode=local;
    registry_limit calls_3 count=request per=address rate=3/31d mode=local;'

start_redis
start_fleet 2

index=sha256:$(printf %064d 1)
platform=sha256:$(printf %064d 2)
other=sha256:$(printf %064d 3)
blob=sha256:$(printf %064d 4)

get() {                                         # N PATH
    curl -s -o /dev/null -m 10 -w '%{http_code}' \
        "http://127.0.0.1:${gateway_port[$1]}/v2/$2"
}

known() {                                       # REPOSITORY
    [ -n "$(redis get "registry:limit:pull:a=127.0.0.1,r=$1")" ]
}


follow() {                                      # REPOSITORY COUNT
    redis get "registry:limit:pull:a=127.0.0.1,r=$1" |
        grep -q "^[0-9]* $2 "
}


# pulls

is "$(get 0 "one/a/manifests/$index")" 200 "a pull begins at a gateway"
runs "which tells the others" wait_for follow one/a 1
is "$(get 1 "one/b/manifests/$platform")" 429 "there are no more"
is "$(get 1 "one/a/manifests/$index")" 429 "also of the same again"
is "$(get 1 "one/a/manifests/$platform")" 200 \
   "but what follows it is not refused by another"
is "$(get 1 "one/a/manifests/$other")" 429 "once"

is "$(get 0 "exact/a/manifests/$index")" 200 "a pull begins"
is "$(get 0 "exact/a/manifests/$platform")" 200 "and its platform follows"
runs "which all get to know" wait_for follow exact/a 0
is "$(get 1 "exact/b/manifests/$index")" 200 "another one"
is "$(get 1 "exact/a/manifests/$other")" 429 "and that was that"


# blobs

is "$(get 0 lease/a/manifests/1)" 200 "a pull begins"
runs "the others know" wait_for known lease/a

answers=
for i in 1 2 3 4 5 6 7 8; do
    answers+=" $(get 1 "lease/a/blobs/$blob")"
done

is "$answers" " 200 200 200 200 200 200 200 200" \
   "it gets its blobs at another gateway, though there are no more requests"
is "$(get 1 "lease/b/blobs/$blob") $(get 1 lease/a/tags/list)" "429 429" \
   "but none of another repository, nor anything else"

is "$(log_lines 'is away')" 0 "Redis is not away"


# whatever counts

is "$(get 0 local/a/manifests/1)" 200 "gateways that count each for itself"
wait_for known local/a
answers=
for i in 1 2 3 4 5; do answers+=" $(get 1 "local/a/blobs/$blob")"; done
is "$answers" " 200 200 200 200 200" "have pulls together all the same"


# who has no answer refuses

stop "$redis_pid" KILL 2> /dev/null
gone() { [ "$(log_lines 'is away')" = 2 ]; }
wait_for gone
is "$(get 1 "local/b/blobs/$blob")" 429 "Redis is away: what is not known"
is "$(get 1 "local/a/blobs/$blob")" 200 "and what is"

finish
