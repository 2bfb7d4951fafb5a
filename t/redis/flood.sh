#!/bin/bash
#
# Keys that are none, in numbers: what they cost Redis, and those who have one.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/many_keys.sh"

start_redis
put_keys used 50
put_keys late 2

for name in "${!key_of[@]}"; do
    [[ $name != used* ]] || printf '%s\tBearer %s\n' \
        /v2/acme/app/manifests/1 "${key_of[$name]}"
done > "$dir/list"

# What came of a flood of so many different keys over 32 connections, without
# the time that it took.

flood() {                                       # bad|unknown|LIST [COUNT]
    "$top/t/bench/sweep.pl" "$port" 32 "$@" | cut -d ' ' -f 2-
}

found() {
    redis info stats | tr -d '\r' | sed -n 's/^keyspace_hits://p'
}

http_extra='registry_cache negative=1h; keepalive_requests 1000000;'
log_level=error
start_gateway "redis://127.0.0.1:$redis_port timeout=2s"
is "$(flood "$dir/list")" "200 50" "50 keys are used"


# The checksum

reset_calls
is "$(flood bad 5000)" "401 5000" "5,000 keys with a bad checksum are refused"
is "$(calls get)" 0 "without a command"


# Keys that could be: more than there are places for, so that the first of them
# are forgotten again

reset_calls
is "$(flood unknown 6000)" "401 6000" "6,000 keys that are unknown are refused"
is "$(calls get)" 6000 "after one lookup of each"

# On a machine that is slow a lease may end, and everything is asked for anew:
# then once more, with the whole flood before it.

not_driven_out() {
    local try

    for try in 1 2 3 4 5; do
        [ "$(flood unknown 6000)" = "401 6000" ] || return 1
        reset_calls
        [ "$(flood "$dir/list")" = "200 50" ] || return 1
        [ "$(calls get)" != 0 ] || return 0
    done

    return 1
}

not_asked_twice() {
    local try

    for try in 1 2 3 4 5; do
        [ "$(flood unknown 1000)" = "401 1000" ] || return 1
        reset_calls
        [ "$(flood unknown 1000)" = "401 1000" ] || return 1
        [ "$(calls get)" != 0 ] || return 0
    done

    return 1
}

runs "the used ones have not been driven out: nothing is asked for" \
    not_driven_out
runs "a thousand unknown ones again are not asked for another time" \
    not_asked_twice
is "$(status_of "${key_of[late1]}")" 200 "a key that is used first now is let in"


# With every request Redis would be asked again, but does not answer

unsure() {
    [ "$(flood unknown 1)" = "503 1" ]
}

reset_calls
kill -STOP "$redis_pid"
runs "Redis hangs: what was unknown may be known by now" wait_for unsure
is "$(flood unknown 5000)" "503 5000" "5,000 unknown keys are put off"
is "$(flood "$dir/list")" "200 50" "the used ones are let in"
kill -CONT "$redis_pid"
served() {
    [ "$(status_of "${key_of[late2]}")" = 200 ]
}
runs "it goes on" wait_for served
n=$(calls get)
[ "$n" -lt 100 ]
ok $? "after $n lookups"


! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
