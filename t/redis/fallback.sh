#!/bin/bash
#
# A Redis that does not let changes be tracked by REDIRECT, as managed ones do:
# what is tried instead, that the log says so with its bound, and that the bound
# is kept.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/fault_proxy.sh"
. "$(dirname "$0")/../lib/many_keys.sh"
. "$(dirname "$0")/../lib/bound.sh"

start_redis
start_proxy
put_keys known 1
put_keys victim 20
victims=0

echo secret > "$dir/password"
untracked=1

# what a gateway needs whatever it may track

base='on >secret ~registry:* resetchannels -@all +auth +ping +role +get'


gateway() {                                     # TTL ACL...
    http_extra="registry_cache ttl=$1;"
    shift
    redis acl setuser gateway reset > /dev/null
    redis acl setuser gateway $base "$@" > /dev/null
    : > "$errors"
    start_gateway "redis://127.0.0.1:$proxy_port timeout=5s user=gateway \
password_file=$dir/password"
    wait_for logged 'Redis at "[^"]*" (tells|lets) '
}


# What the log says of tracking, each line once, without what is before it.

told() {
    grep -o 'Redis at "[0-9.:]*" \(tells\|lets\) .*' "$errors" | uniq
}


warm() {
    reset_calls
    served "${key_of[known1]}" && [ "$(calls get)" = 0 ]
}


next_victim() {
    victim=${key_of[victim$((++victims))]}
    wait_for warm && wait_for served "$victim"
}


publish() {                                     # KEY
    redis publish registry:changed "registry:key:$(key_id "$1")" > /dev/null
}


heard() {                                       # NAME [COMMAND]
    next_victim
    revoke "$victim"
    [ -z "${2-}" ] || "$2" "$victim"
    runs "$1: a revocation is heard of" wait_for refused "$victim"
}


cut() {                                         # NAME BOUND
    next_victim
    fault mute tracker
    revoke "$victim"
    seen_within "$2" "$victim" "$1: when nothing is heard any more it is seen"
    fault pass
    runs "and all is well again" wait_for warm
}


# REDIRECT

gateway 1h '&__redis__:invalidate' +subscribe +hello '+client|id' \
    '+client|tracking' '&registry:changed'
is "$(told)" "Redis at \"127.0.0.1:$proxy_port\" tells of changes by CLIENT `
   `TRACKING REDIRECT; each is seen within 2000 ms" \
   "REDIRECT is used where it is allowed"
heard "REDIRECT"
cut "REDIRECT" $LEASE
stop_gateway


# push messages: no channel is needed

pushes=$(grep -q reg_resp_allow_pushes "$MODULE" && echo 1)

if [ -n "$pushes" ]; then
    gateway 1h +hello '+client|tracking' +subscribe '&registry:changed'
    is "$(told)" "Redis at \"127.0.0.1:$proxy_port\" tells of changes by push `
       `messages; each is seen within 2000 ms" "else push messages"
    heard "push messages"
    redis flushall > /dev/null
    runs "and that all is gone" wait_for refused "${key_of[known1]}"
    put_keys known 1
    put_keys victim 20
    cut "push messages" $LEASE
    stop_gateway

    # the same with the channel of REDIRECT, as on Redis Cloud

    gateway 1h '&__redis__:invalidate' +hello '+client|tracking' +subscribe
    like "$(told)" 'push messages' "CLIENT ID is refused: push messages"
    stop_gateway
else
    tap_count=$((tap_count + 1))
    echo "ok $tap_count # SKIP push messages need hiredis 1.0 or later"
fi


# the channel of ngx-registry

channel_acl=('&registry:changed' +subscribe)
gateway 1h "${channel_acl[@]}"
like "$(told)" '^Redis at "[^"]*" lets changes be heard on the channel '`
   `'"registry:changed" only; those of ngx-registry are seen within 2000 ms, '`
   `'others within the ttl, 3600000 ms; it refuses CLIENT (ID|TRACKING): ' \
   "else the channel"
heard "the channel" publish

# what is not published is not heard of, so that was no luck

next_victim
revoke "$victim"
is "$(status_of "$victim")" 200 "what others change is not"

cut "the channel" $LEASE
stop_gateway

gateway 3s "${channel_acl[@]}"
next_victim
revoke "$victim"
seen_within 3000 "$victim" "what is not published is seen within the ttl"
stop_gateway


# nothing at all

gateway 1s
like "$(told)" '^Redis at "[^"]*" lets no change be heard; each is seen '`
   `'within the ttl, 1000 ms; it refuses SUBSCRIBE: NOPERM ' \
   "else nothing is heard"
served "${key_of[known1]}"
reset_calls
for i in {1..20}; do served "${key_of[known1]}" || break; done
[ "$i $(calls get)" != "20 20" ]
ok $? "a record is not asked for each time"
wait_for served "${key_of[victim$((++victims))]}"
victim=${key_of[victim$victims]}
revoke "$victim"
seen_within 1000 "$victim" "what changes is seen within the ttl"
stop_gateway

# no lease without ROLE

gateway 1s '&__redis__:invalidate' +subscribe '+client|id' \
    '+client|tracking' -role
like "$(told)" 'lets no change be heard; .* it refuses ROLE: NOPERM ' \
   "nor is it where ROLE is refused"
stop_gateway


# It changes while the gateway runs

gateway 1h '&__redis__:invalidate' "${channel_acl[@]}" +hello '+client|id' \
    '+client|tracking'
wait_for warm
redis acl setuser gateway '-client|id' '-client|tracking' > /dev/null
redis client kill type pubsub > /dev/null
redis client kill user gateway > /dev/null
runs "what is refused later is noticed" wait_for logged 'on the channel'
redis acl setuser gateway '+client|id' '+client|tracking' > /dev/null
redis client kill user gateway > /dev/null
next_victim
revoke "$victim"
runs "and what is allowed again" wait_for refused "$victim"
is "$(told | sed 's/.*\(REDIRECT\|channel\).*/\1/' | paste -sd ' ')" \
   "REDIRECT channel REDIRECT" "the log says each once"

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
