#!/bin/bash
#
# A proxy between the gateway and Redis spoils what passes.  Whoever is known is
# served all the same, of others nothing is said that Redis did not say, and
# when the fault is gone all is well without anybody's help.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/fault_proxy.sh"
. "$(dirname "$0")/../lib/many_keys.sh"
. "$(dirname "$0")/../lib/bound.sh"

start_redis
start_proxy
put_keys known 1
put_keys cold 99
put_keys victim 9
make_keys never 99
next=0

http_extra='registry_cache negative=1s;'
start_gateway "redis://127.0.0.1:$proxy_port timeout=100ms"


# What a client is told of a key, "503 1" with the Retry-After.

answer_to() {                                   # KEY
    curl -s -o /dev/null -D - -m 5 -u "x:$1" "$url/v2/acme/app/manifests/1" |
        tr -d '\r' | sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p
            s/^Retry-After: /and Retry-After /p' | paste -sd ' '
}


# The lease holds: what is known is served, and nothing asked.

warm() {
    reset_calls
    [ "$(status_of "${key_of[known1]}")" = 200 ] && [ "$(calls get)" = 0 ]
}


spoiled() {                                     # NAME FAULT...
    local i name=$1 seen=

    shift
    fault "$@"

    for i in 1 2 3; do
        next=$((next + 1))
        seen+="$(status_of "${key_of[known1]}") "
        seen+="$(answer_to "${key_of[cold$next]}") "
        seen+="$(answer_to "${key_of[never$next]}"); "
    done

    is "$(tr ';' '\n' <<< "$seen" | sed 's/^ //' | sort -u | grep .)" \
       "200 503 and Retry-After 1 503 and Retry-After 1" \
       "$name: the known are served, of others nothing is said"

    fault pass
    next=$((next + 1))
    wait_for served "${key_of[cold$next]}" &&
        wait_for refused "${key_of[never$next]}" && wait_for warm
    ok $? "and all is well again"
}

is "$(status_of "${key_of[known1]}")" 200 "a key is known"
wait_for warm

spoiled "answers come too late" delay 300
spoiled "they drip" drip 10
spoiled "nothing gets to Redis" deaf
spoiled "nothing comes back" mute
spoiled "connections are reset" reset
spoiled "nobody listens" away
spoiled "replies are cut" truncate
spoiled "garbage" text 'HTTP/1.1 400 Bad Request\r\n\r\n'
spoiled "a string of a terabyte" text '$1099511627776\r\n'
spoiled "a string of 2 GB" text '$2147483647\r\nx'
spoiled "an array of a billion" text '*1000000000\r\n'
spoiled "arrays in arrays" nest 10000
spoiled "a length that is none" text '$-2\r\n'
spoiled "a reply of another type" text ':1\r\n'


# The tracker alone is cut off.  A key that is revoked then is refused at the
# latest in a request that begins when the lease is over: of those that begin
# LEASE and a margin after the revocation none is served, however slow the
# machine is, for the lease is a matter of clocks and then Redis is asked.

stop_gateway
start_gateway "redis://127.0.0.1:$proxy_port timeout=5s"

asked() {
    reset_calls
    served "${key_of[known1]}" && [ "$(calls get)" = 2 ]
}


cut() {                                         # NAME FAULT...
    local name=$1 victim=${key_of[victim$((++victims))]}

    shift
    wait_for warm && wait_for served "$victim"
    ok $? "$name: the tracker works"

    fault "$@" tracker
    revoke "$victim"
    seen_within $LEASE "$victim" \
        "a revocation is seen by who begins when the lease is over"
    runs "others are asked for, each once for a request" wait_for asked

    fault pass
}

victims=0
cut "nothing comes to it" mute
cut "nothing gets to Redis" deaf
cut "it is reset" reset
cut "all comes too late" delay 3000
cut "it drips" drip 100


# A worker that does not run for longer than the lease, and hears of nothing

wait_for warm
wait_for served "${key_of[victim6]}"
worker=$(pgrep -P "$gateway_pid")
fault mute tracker
kill -STOP "$worker"
revoke "${key_of[victim6]}"
sleep "$((LEASE / 1000)).5"
(sleep 0.3; kill -CONT "$worker") &
runs "a worker that stood still trusts no lease" refused "${key_of[victim6]}"
fault pass


# Redis has forgotten nothing, but refuses to say it: what is served for want of
# an answer is not remembered as if there had been one

wait_for warm
wait_for served "${key_of[victim7]}"
fault reset tracker
revoke "${key_of[victim7]}"
redis acl setuser default -get > /dev/null
fault pass
wait_for tracked
reset_calls
wait_for eval '[ "$(calls role)" -gt 1 ]'
is "$(status_of "${key_of[victim7]}") $(status_of "${key_of[victim7]}")" \
   "200 200" "refused an answer, the gateway serves a known key"
redis acl setuser default +get > /dev/null
runs "and asks again" wait_for refused "${key_of[victim7]}"


! grep -E "\[(alert|emerg)\]|AddressSanitizer|runtime error" "$errors"
ok $? "nothing alarming in the log"

finish
