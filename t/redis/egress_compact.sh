#!/bin/bash
#
# egress compact: what many instances have counted becomes one, and whatever they
# send late, again, or while that is going on is there once.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"
. "$(dirname "$0")/../lib/ledger_script.sh"

start_redis
REGISTRY_STORE=redis://127.0.0.1:$redis_port
tool=$NGX_REGISTRY

reg() {
    "$tool" "$@"
}

report() {
    reg egress report --from 2026-01-01 --to 2026-02-28 --format csv --by day \
        --by tenant --by repository --by route --by network "$@"
}

compact() {                                     # MEMBER
    reg egress compact --format json | jq ".[].$1"
}

quota() {
    redis hvals 'registry:egress:{acme}:2026-01' |
        awk '{ n += $1 } END { print n }'
}


# the scripts, in any order

for seed in 1 2 3 4 5; do
    is "$("$top/t/lib/ledger_fold" "$redis_port" "$(ledger_script sync)" \
            "$(ledger_script fold)" $seed 400 2>&1 |
        sed 's/\(new\|old\|folded\) [0-9]*$/\1/')" "folded
new
old" "400 steps at random, $seed"
done


# twelve pods, and a ledger with what all of them have counted

rows() {                                        # POD
    perl -e '
        srand $ARGV[0];
        printf "2026-0%d-%02d %s a/r%d pull %s net %s\n", 1 + rand 2, 1 + rand 2,
            (qw( acme globex ))[rand 2], rand 40, (qw( origin cdn ))[rand 2],
            join " ", map { int rand 10 ** (1 + rand 15) } 1 .. 7
            for 1 .. 400;' "$1"
}

for pod in {1..12}; do
    rows $pod > "$dir/rows$pod"
    ledger_add "$dir/pod$pod" < "$dir/rows$pod"
    [ $pod = 12 ] || reg egress sync --ledger "$dir/pod$pod" > /dev/null
done

cat "$dir"/rows? "$dir"/rows?? | ledger_add "$dir/all"
cat "$dir"/rows? "$dir"/rows1[01] | ledger_add "$dir/eleven"

day='registry:egress:{acme}:2026-01-01'
fields=$(redis hlen "$day")
bytes=$(quota)

is "$(report --ledger "$dir/eleven" | sha256sum)" "$(report | sha256sum)" \
   "eleven pods have sent"
is "$(compact instances)" 88 "eleven instances of four days and two tenants"
is "$(report --ledger "$dir/eleven" | sha256sum)" "$(report | sha256sum)" \
   "which changes no report"
ok $(($(redis hlen "$day") * 2 > fields)) \
   "but the fields: $(redis hlen "$day") of $fields"
is "$(redis hkeys "$day" | grep -c '^[0-9a-f]\{16\}|')" 0 "none is a pod's"
is "$(quota)" "$bytes" "nor the month that quotas read"
is "$(redis hlen 'registry:egress:{acme}:2026-01')" 2 "which has a field a day"
is "$(compact fields)" 0 "the second time there is nothing to do"

for pod in 3 12 7; do
    reg egress sync --ledger "$dir/pod$pod" > /dev/null
done
is "$(report --ledger "$dir/all" | sha256sum)" "$(report | sha256sum)" \
   "what comes again counts once, and what comes late, too"
like "$(compact fields)" '^[1-9]' "that of the late one is folded"
is "$(report --ledger "$dir/all" | sha256sum)" "$(report | sha256sum)" \
   "and still there once"


# while others send and read

redis flushall > /dev/null
compactions=()
for pod in {1..12}; do
    { reg egress sync --ledger "$dir/pod$pod" &&
        reg egress sync --ledger "$dir/pod$pod"; } > /dev/null &
    compactions+=($!)
done
for i in {1..6}; do
    { reg egress compact && reg egress compact; } > /dev/null &
    compactions+=($!)
done
wait "${compactions[@]}"
is "$(report --ledger "$dir/all" | sha256sum)" "$(report | sha256sum)" \
   "twelve send and six fold at once"

redis flushall > /dev/null
for pod in {1..12}; do
    reg egress sync --ledger "$dir/pod$pod" > /dev/null
done
wanted=$(report | sha256sum)
reg egress compact > /dev/null &
different=0
while kill -0 $! 2> /dev/null; do
    [ "$(report | sha256sum)" = "$wanted" ] || different=$((different + 1))
done
wait $!
is "$different" 0 "reports meanwhile say the same"


# what is not touched

today=$(date -u +%F)
for pod in 1 2; do
    echo "$today acme a/b pull origin net 5 0 0 0 1 1 0" |
        ledger_add "$dir/now$pod"
    reg egress sync --ledger "$dir/now$pod" > /dev/null
done
compact fields > /dev/null
is "$(redis hkeys "registry:egress:{acme}:$today" | grep -c '^[0-9a-f]\{16\}|')" \
   2 "today is not folded"
redis persist "$day" > /dev/null
reg egress compact --keep 30d > /dev/null
like "$(redis ttl "$day")" '^25[0-9]{5}$' "what has no end gets one"


# files

is "$(reg --store "file:$dir/none.json" egress compact --ledger "$dir/pod1" \
    --keep 1d --format json | jq -c '.[] | [.days, .files]')" "[0,4]" \
   "files that are old enough are removed"
is "$(ls "$dir/pod1"/*.ledger 2> /dev/null)" "" "and are gone"
is "$(reg egress compact --ledger "$dir/now1" --format json | jq '.[].files')" \
   0 "others stay"
fails "a directory is one" "$dir/none: no such directory" \
    reg egress compact --ledger "$dir/none"
fails "without one there is a Redis" "give --ledger DIR" \
    reg --store "file:$dir/none.json" egress compact

finish
