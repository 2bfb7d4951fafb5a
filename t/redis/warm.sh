#!/bin/bash
#
# What is asked of Redis: nothing for who is known, and of others no more than
# is needed, all at once.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/many_keys.sh"

start_redis
put_keys warm 20
put_keys cold 5

path=/v2/acme/app/manifests/1
status_port=$(free_port)
http_extra="server {
    listen 127.0.0.1:$status_port;
    location / { stub_status; }
}"

# Redis may be stopped for longer than it usually has for an answer

store="redis://127.0.0.1:$redis_port timeout=20s"


# Redis says itself what it is asked, but for what trackers send by the clock and
# what is ours.

watch() {
    background redis-cli -p "$redis_port" monitor > "$dir/monitor"
    monitor_pid=$!
    wait_for grep -q OK "$dir/monitor"
}


watched() {
    redis echo "the end" > /dev/null
    wait_for grep -q '"the end"' "$dir/monitor"
    stop "$monitor_pid"

    sed -E 's/^[^]]*\] //' "$dir/monitor" |
        grep -vE '^("PING"|"ROLE"|"(echo|set|del)".*|OK)$'
}


# A command succeeds, and Redis is asked nothing.  On a machine that is slow a
# lease may end, and everything is asked for anew: then once more.

quietly() {                                     # COMMAND...
    local try asked

    for try in 1 2 3 4 5; do
        watch
        "$@" || return 1
        asked=$(watched)
        [ -n "$asked" ] || return 0
    done

    echo "$asked"
    return 1
}


# Bytes that Redis has not read.

unread() {
    ss -Htn state established "sport = :$redis_port" |
        awk '{ n += $1 } END { print n + 0 }'
}


# Requests that nginx has read and not answered, but for the one that asks.

waiting() {
    curl -s "http://127.0.0.1:$status_port/" |
        sed -n 's/.*Writing: \([0-9]*\).*/\1/p' | awk '{ print $1 - 1 }'
}


start_gateway "$store"


# Known keys

all_served() {
    local name

    for name in "${!key_of[@]}"; do
        [[ $name != warm* ]] || [ "$(status_of "${key_of[$name]}")" = 200 ] ||
            return 1
    done
}

runs "20 keys are let in" all_served

five_times() {
    local i

    for i in {1..5}; do all_served || return 1; done
}

in_a_row() {
    ab -q -k -n 2000 -c 50 -A "x:${key_of[warm1]}" "$url$path" \
        > "$dir/ab.log" 2>&1 && ! grep Non-2xx "$dir/ab.log"
}

others_change() {
    redis set registry:key:other0000000 '{}' > /dev/null
    redis del registry:key:other0000000 > /dev/null
    all_served
}

runs "100 requests with known keys: Redis is asked nothing" quietly five_times
runs "nor by 2,000 with one of them" quietly in_a_row
runs "nor when records of others change" quietly others_change


# What is not known is asked for together: everything that a key stands on

"$NGX_REGISTRY" --store "redis://127.0.0.1:$redis_port" \
    role set one --scope 'repository:acme/one:pull' > /dev/null
"$NGX_REGISTRY" --store "redis://127.0.0.1:$redis_port" \
    role set two --scope 'repository:acme/app:pull' > /dev/null
key=$("$NGX_REGISTRY" --store "redis://127.0.0.1:$redis_port" \
    key create --tenant acme --role one --role two)

watch
is "$(status_of "$key")" 200 "a new key with two roles"
is "$(watched | tr -d '\n')" "\"GET\" \"registry:key:$(key_id "$key")\"\
\"GET\" \"registry:role:one\"\"GET\" \"registry:role:two\"" \
    "its record is asked for, then its roles; its tenant is known"

# The key is known, tenant and roles have changed; now Redis reads nothing, so
# whatever it has got was sent without waiting for an answer to any of it.  On
# a machine that is slow the lease may end in between: then again.

command_size() {                                # NAME
    printf '*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n' ${#1} "$1" | wc -c
}

wanted=0
for name in registry:tenant:acme registry:role:one registry:role:two; do
    wanted=$((wanted + $(command_size $name)))
done

all_asked() {
    [ "$(unread)" -ge $wanted ]
}

together=1

for try in 1 2 3 4 5; do
    wait_for test 200 = "$(status_of "$key")"

    for name in registry:tenant:acme registry:role:one registry:role:two; do
        redis get $name | tr -d '\n' | redis -x set $name > /dev/null
    done

    reset_calls
    kill -STOP "$redis_pid"
    background curl -s -o "$dir/answer" -w '%{http_code}' -m 30 \
        -u "x:$key" "$url$path" > "$dir/status"
    curl_pid=$!
    for i in {1..30}; do all_asked && together=0 && break; sleep 0.05; done
    kill -CONT "$redis_pid"
    wait "$curl_pid"

    [ $together != 0 ] || break
done

ok $together "tenant and roles are asked for without waiting for one of them"
is "$(< "$dir/status")" 200 "and the request is answered"

stop_gateway


# A thousand requests for one key that nobody knows yet: they all wait, as Redis
# answers nothing, and each worker has asked once.  Where the lease ends
# meanwhile, who came later asks again.

workers=2
start_gateway "$store"

all_wait() {
    [ "$(waiting)" -ge 1000 ]
}

together() {                                    # NAME
    local sweep_pid

    printf '%s\tBearer %s\n' $path "${key_of[$1]}" > "$dir/list"
    watch
    kill -STOP "$redis_pid"
    background "$top/t/bench/sweep.pl" "$port" 1000 "$dir/list" 1000 \
        > "$dir/answers"
    sweep_pid=$!
    wait_for all_wait
    waited=$?
    kill -CONT "$redis_pid"
    wait "$sweep_pid"
    asked=$(watched | grep -c "\"GET\" \"registry:key:$(
        key_id "${key_of[$1]}")\"")
}

for i in 1 2 3 4 5; do
    together "cold$i"
    [ "$asked" -gt 2 ] || break
done

ok $waited "1,000 requests wait for the record of one key"
is "$(cut -d ' ' -f 2- "$dir/answers")" "200 1000" "each is answered with 200"
like "$asked" '^[12]$' "Redis was asked once by each worker"

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
