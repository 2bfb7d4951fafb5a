#!/bin/bash
#
# The ledger in Redis: whatever is sent twice, late or after an outage, each
# byte is there once.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/ledger_script.sh"

today=$(date -u +%F)
yesterday=$(date -u -d yesterday +%F)
ledger=$dir/ledger
mkdir -m 777 "$ledger"

cc -I"$top/src/core" -I"$top/src/ledger" -o "$dir/ledger_day" \
    "$top/t/lib/ledger_day.c" "$top/build/libregistry.a"

# the gateway may do what docs/redis.acl says, and the test anything

echo gateway-password > "$dir/password"
{
    echo "user default on nopass ~* &* +@all"
    grep '^user gateway ' "$top/docs/redis.acl" |
        sed 's/^user gateway on/& >gateway-password/'
} > "$dir/users.acl"
chmod 644 "$dir/password"

start_redis --aclfile "$dir/users.acl"
"$NGX_REGISTRY" tenant set acme > /dev/null
key=$(new_key --tenant acme --role registry-admin)
copy_records

workers=2
http_extra="registry_ledger $ledger size=1m sync=100ms;"


# The fields of a day or a month, without who has counted: the sum of each
# counter, or of the bytes.

fields() {                                      # DAY-OR-MONTH [TENANT]
    redis hgetall "registry:egress:{${2:-acme}}:$1" | paste - - |
        awk '{
            name = $1
            sub(/^[0-9a-f]*[|:]/, "", name)
            for (i = 2; i <= NF; i++) sum[name, i] += $i
            if (NF > n[name]) n[name] = NF
        }
        END {
            for (name in n) {
                line = name
                for (i = 2; i <= n[name]; i++) line = line " " sum[name, i]
                print line
            }
        }' | sort
}


has_fields() {                                  # WANTED ARGUMENTS...
    [ "$(fields "${@:2}")" = "$1" ]
}


arrives() {                                     # WANTED NAME ARGUMENTS...
    wait_for has_fields "$1" "${@:3}"
    is "$(fields "${@:3}")" "$1" "$2"
}


pulls() {                                       # COUNT
    local i

    for ((i = 0; i < $1; i++)); do
        status_of "$key" > /dev/null
    done
}


store="redis://127.0.0.1:$redis_port user=gateway password_file=$dir/password"
start_gateway "$store"
pulls 3
arrives "origin||pull|acme/app 0 0 0 0 3 3 0 0" "what was counted arrives" \
    "$today"

pulls 2
arrives "origin||pull|acme/app 0 0 0 0 5 5 0 0" "and what came later" "$today"

is "$(redis hlen "registry:egress:{acme}:$today")" 1 \
   "there is one field for a row, and one instance"
like "$(redis ttl "registry:egress:{acme}:$today")" '^3[0-9]{7}$' \
   "it is kept as long as the files"

stop_gateway
untracked=1
start_gateway "$store"
pulls 1
arrives "origin||pull|acme/app 0 0 0 0 6 6 0 0" \
    "nothing counts twice after a restart" "$today"


# a delayed command of a worker that was killed

field=$(redis hkeys "registry:egress:{acme}:$today")
script=$(ledger_script sync)
is "$(redis eval "$script" 2 "registry:egress:{acme}:$today" \
        "registry:egress:{acme}:${today%-??}" 100000 100000 x:y 0 \
        "$field" "0 0 0 0 2 9 0 0")" 2 "a late one is taken for what it is"
is "$(fields "$today")" "origin||pull|acme/app 0 0 0 0 6 9 0 0" \
   "each counter only grows"
is "$(redis eval "$script" 2 "registry:egress:{acme}:$today" \
        "registry:egress:{acme}:${today%-??}" 100000 100000 x:y 0 \
        "$field" "0 0 0 0 2 9 0 0")" 0 "and the same again is no news"
redis del "registry:egress:{acme}:$today" "registry:egress:{acme}:${today%-??}" \
    > /dev/null

# beyond what numbers of Lua can hold

redis eval "$script" 2 big month 1000 1000 x:y 0 f "18446744073709551614 1" \
    > /dev/null
redis eval "$script" 2 big month 1000 1000 x:y 0 f "18446744073709551615 0" \
    > /dev/null
is "$(redis hget big f)" "18446744073709551615 1" "all 64 bits are kept"


# Redis goes away, and comes back with nothing

stop "$redis_pid"
pulls 4
wait_for logged 'Redis does not take what is sent'
ok $? "an outage is logged"
start_redis --aclfile "$dir/users.acl"
copy_records
pulls 1
arrives "origin||pull|acme/app 0 0 0 0 11 11 0 0" \
    "what was counted meanwhile arrives" "$today"
wait_for logged 'takes what is sent again'
ok $? "its end is logged"


# a worker is killed in the middle of it

for i in 1 2 3; do
    pkill -KILL -P "$gateway_pid" 2> /dev/null
    wait_for pgrep -P "$gateway_pid"
    wait_for curl -s "$url/v2/"
    pulls 1
done

arrives "origin||pull|acme/app 0 0 0 0 14 14 0 0" \
    "another worker goes on after one was killed" "$today"


# days that are over

"$dir/ledger_day" "$ledger" "$yesterday" acme acme/old 1000
"$dir/ledger_day" "$ledger" 2026-01-31 acme acme/older 5000
chmod -R a+rw "$ledger"
stop_gateway
start_gateway "$store"
arrives "origin||pull|acme/old 1000 0 0 0 1 0 0 0" \
    "what was not sent yesterday is" "$yesterday"
arrives "origin||pull|acme/older 5000 0 0 0 1 0 0 0" \
    "and what was not for months" 2026-01-31
arrives "2026-01-31 5000" "the month has the bytes of its days" 2026-01


# another host

mkdir -m 777 "$dir/ledger2"
"$dir/ledger_day" "$dir/ledger2" "$yesterday" acme acme/old 234
chmod -R a+rw "$dir/ledger2"
stop_gateway
http_extra="registry_ledger $dir/ledger2 size=1m sync=100ms;"
start_gateway "$store"
arrives "origin||pull|acme/old 1234 0 0 0 2 0 0 0" \
    "what two hosts have counted adds up" "$yesterday"
is "$(redis hlen "registry:egress:{acme}:$yesterday")" 2 \
   "each has fields of its own"

finish
