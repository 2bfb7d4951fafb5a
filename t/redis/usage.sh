#!/bin/bash
#
# registry_usage: the uses of keys are in Redis, and wait while it is away.

. "$(dirname "$0")/../lib/redis.sh"

start_redis

"$NGX_REGISTRY" tenant set acme
key=$(new_key --tenant acme --role image-puller)
id=$(key_id "$key")
copy_records

http_extra="registry_usage on interval=100ms;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;"

start_gateway "redis://127.0.0.1:$redis_port"


use_from() {                                    # ADDRESS [PATH]
    curl -s -o /dev/null -m 5 -w '%{http_code}' -u "x:$key" -A test/1 \
        -H "X-Real-IP: $1" "$url${2:-/v2/acme/app/manifests/1}"
}


usage() {                                       # JQ-FILTER
    "$NGX_REGISTRY" --store "redis://127.0.0.1:$redis_port" \
        key usage "$id" --format json 2> /dev/null | jq -c "$1"
}


used() {                                        # ADDRESS COUNT
    [ "$(usage "[.[] | select(.address == \"$1\") | .count] | add")" = "$2" ]
}


is "$(use_from 192.0.2.1)" 200 "a key is used"
wait_for used 192.0.2.1 1
is "$(usage '[.[] | [.address, .agent, .operation, .decision, .repository]]')" \
   '[["192.0.2.1","test/1","pull","allow","acme/app"]]' "and Redis has it"

like "$(redis ttl "registry:usage:{$id}")" '^345[0-9]{5}$' "for 400 days"

logged 'from a new network'
is $? 1 "the first network of a key is no news"

is "$(use_from 192.0.2.200)" 200 "nor is another address of it"
wait_for used 192.0.2.200 1
logged 'from a new network'
is $? 1 "as the log shows"

is "$(use_from 203.0.113.7)" 200 "the second network"
wait_for logged "\"$id\" was used from a new network, 203.0.113.0/24"
ok 0 "is in the log"

# another gateway of the fleet knows it

stop_gateway
: > "$errors"
start_gateway "redis://127.0.0.1:$redis_port"

is "$(use_from 203.0.113.8)" 200 "and no news to another gateway"
wait_for used 203.0.113.8 1
logged 'from a new network'
is $? 1 "as its log shows"

# Redis forgets scripts

redis script flush > /dev/null
is "$(use_from 192.0.2.3)" 200 "a key is used when Redis has forgotten scripts"
wait_for used 192.0.2.3 1
ok 0 "and it is written down"

# what is used while Redis is away is written down when it is back

redis save > /dev/null
stop "$redis_pid"

codes=
for i in 1 2 3; do
    codes+=$(use_from 192.0.2.4)
done
is "$codes" 200200200 "a key is used while Redis is away"

start_redis
wait_for used 192.0.2.4 3
ok 0 "and that is written down when Redis is back"

# a worker that ends writes what it has

stop_gateway
http_extra=${http_extra/100ms/1h}
start_gateway "redis://127.0.0.1:$redis_port"

is "$(use_from 192.0.2.5)" 200 "a key is used shortly before the end"
stop_gateway
wait_for used 192.0.2.5 1
ok 0 "which is written down"

# somebody who may not write

redis config set maxmemory 1 > /dev/null
http_extra=${http_extra/1h/100ms}
: > "$errors"
start_gateway "redis://127.0.0.1:$redis_port"
is "$(use_from 192.0.2.6)" 200 "a key is used while Redis takes nothing"
wait_for logged 'the usage of keys cannot be written down: OOM'
ok 0 "which the log says"
redis config set maxmemory 0 > /dev/null
wait_for used 192.0.2.6 1
ok 0 "and it is written down later"

stop_gateway

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

# In a file, on a disk that gets full: three lines wait.  A write takes one and a
# bit of the second, and the next one all of that but its end.  The file is long
# enough for the log of errors to have room beside it.

file=$dir/store.json.usage
head -c 100000 /dev/zero | tr '\0' '\n' > "$file"

worker_limit() {                                # BYTES
    prlimit --pid "$(pgrep -P "$gateway_pid")" --fsize="$1":unlimited
}

written() {                                     # BYTES
    [ "$(stat -c %s "$file")" -ge "$1" ]
}

file_usage() {
    "$NGX_REGISTRY" key usage "$id" --format json 2> "$dir/stderr" |
        jq -c '[.[] | [.address, .count]] | sort'
}

trap '' XFSZ
untracked=1 start_gateway "$REGISTRY_STORE"
trap - XFSZ
wait_for pgrep -P "$gateway_pid" > /dev/null

worker_limit 100000
codes=
for i in 1 2 3; do
    codes+=$(use_from "192.0.2.$i")
done
is "$codes" 200200200 "a key is used while the disk is full"
wait_for logged "usage\" failed"
ok $? "as the log says"

worker_limit 100200
wait_for written 100200
line=$(tail -c +100001 "$file" | head -n 1 | wc -c)
worker_limit $((100200 + line))
wait_for written $((100200 + line))
worker_limit unlimited
wait_for eval '[[ $(file_usage) = *192.0.2.3* ]]'
is "$(file_usage)" '[["192.0.2.1",1],["192.0.2.2",1],["192.0.2.3",1]]' \
    "each use is written down once"

stop_gateway

finish
