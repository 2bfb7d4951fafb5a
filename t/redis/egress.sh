#!/bin/bash
#
# The ledger of a fleet: sent to Redis by hosts whose nginx is gone, and reported
# from there as from the files.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

start_redis
REGISTRY_STORE=redis://127.0.0.1:$redis_port
tool=$NGX_REGISTRY
all=$dir/all

reg() {
    "$tool" "$@"
}


# Rows of two hosts, and in a third ledger those of both.

for host in 1 2; do
    perl -e '
        srand $ARGV[0];
        for (1 .. 3000) {
            my $t = int rand 4;
            printf "2026-0%d-%02d %s %s/r%d %s %s %s %s\n", 1 + rand 2,
                1 + rand 3, (qw( acme globex initech (anonymous) ))[$t],
                (qw( acme globex initech (unknown) ))[$t], rand 400,
                (qw( pull push ))[rand 2], (qw( origin cdn ))[rand 2],
                (qw( office internet ))[rand 2],
                join " ", map { int rand 10 ** (1 + rand 12) } 1 .. 7;
        }' $host > "$dir/host$host"
    ledger_add "$dir/ledger$host" < "$dir/host$host"
done

cat "$dir/host1" "$dir/host2" | ledger_add "$all"

reg tenant set acme --label team=red
reg tenant set globex --label team=blue
reg repository set 'acme/**' --owner globex

cat > "$dir/prices" <<'END'
{"version":1,"currency":"EUR","prices":[
 {"route":"cdn","price":"0.02"},
 {"tiers":[{"up_to":"1TB","price":"0.09"},{"price":"0.05"}]}]}
END


# A page says when it was made, which may be a second later.

same() {                                        # NAME ARGUMENTS...
    local name=$1

    shift
    reg egress report --ledger "$all" "$@" 2>&1 |
        sed 's/&middot; made [^<]*//' > "$dir/files"
    reg egress report "$@" 2>&1 |
        sed 's/&middot; made [^<]*//' > "$dir/redis"
    runs "$name: as from files" cmp "$dir/files" "$dir/redis"
    [ "$(wc -c < "$dir/files")" -gt 60 ]
    ok $? "$name: there is a report"
}


all_the_same() {                                # NAME
    same "$1, by tenant" --month 2026-01
    same "$1, by everything" --from 2026-01-02 --to 2026-02-02 --format csv \
        --by day --by tenant --by repository --by route --by network \
        --by operation
    same "$1, by label and owner" --month 2026-02 --by label:team \
        --payer owner --format json
    same "$1, priced" --month 2026-02 --prices "$dir/prices" --format focus
    same "$1, a page" --month 2026-02 --prices "$dir/prices" --format html
}


is "$(reg egress report --month 2026-01 --format json)" "[]" \
   "there is nothing at first"
is "$(reg egress sync --ledger "$dir/ledger1" --format json |
    jq -r '.[] | "\(.files) \(.rows == .news - 24)"')" "6 true" \
   "a ledger is sent: its rows, and bytes of four tenants on six days"
reg egress sync --ledger "$dir/ledger2" > /dev/null
all_the_same "two hosts"
is "$(reg egress sync --ledger "$dir/ledger2" --format json | jq '.[].news')" 0 \
   "what is sent again is no news"
all_the_same "sent twice"

day=registry:egress:{acme}:2026-01-02
like "$(redis ttl "$day")" '^3[0-9]{7}$' "it is kept as by a gateway"
reg egress sync --ledger "$dir/ledger1" --keep 10d > /dev/null
like "$(redis ttl "$day") $(redis ttl registry:egress:{acme}:2026-01)" \
    '^8[0-9]{5} 5[0-9]{6}$' "or as long as --keep says, and months for quotas"

sum=$(awk '$1 ~ /2026-01/ && $2 == "acme" { n += $7 + $9 } END { print n }' \
    "$dir/host1" "$dir/host2")
is "$(redis hvals registry:egress:{acme}:2026-01 |
      awk '{ n += $1 } END { print n }')" "$sum" \
   "the month has what left for clients"


# budgets, of what the fleet has sent

today=$(date -u +%F)
for host in 1 2; do
    {
        echo "$today acme acme/a pull origin net 4000000 0 0 0 1 1 0"
        echo "$today globex g/a pull cdn net 0 0 1000000 0 1 1 0"
    } | ledger_add "$dir/now$host"
    reg egress sync --ledger "$dir/now$host" > /dev/null
done
reg budget set tenant:acme 10MB/day --alert 50,80,100
reg budget set label:team=blue 2MB/day
checkers=()
for i in {1..8}; do
    reg budget check > /dev/null 2>> "$dir/told" &
    checkers+=($!)
done
wait "${checkers[@]}"
is "$(sed 's/ since.*//' "$dir/told" | sort)" \
   "ngx-registry: budget label:team=blue: 100 % of 2MB/day is used: 2.00 MB
ngx-registry: budget label:team=blue: 80 % of 2MB/day is used: 2.00 MB
ngx-registry: budget tenant:acme: 50 % of 10MB/day is used: 8.00 MB
ngx-registry: budget tenant:acme: 80 % of 10MB/day is used: 8.00 MB" \
   "of eight at once, one tells of each alert of the fleet"
is "$(reg budget check 2>&1 > /dev/null)" "" "and nobody again"


# what is wrong

printf x > "$dir/one"
redis hset "$day" 'x|y' 1 > /dev/null
fails "a field that is none is an error" \
    "the field x\|y of \S+ is not what a gateway writes there, or a later" \
    reg egress report --month 2026-01
redis hdel "$day" 'x|y' > /dev/null
redis set registry:egress:{x}:2026-01-01 1 > /dev/null
fails "a key that is none, too" 'WRONGTYPE|other kind|wrong kind' \
    reg egress report --month 2026-01
redis del registry:egress:{x}:2026-01-01 > /dev/null

file=$(ls "$dir/ledger1"/*2026-01-02* | head -1)
cp "$file" "$dir/whole"
head -c 5000 "$dir/whole" > "$file"
fails "a file that is cut is not sent" "^ngx-registry: $file: .* or it was cut|should be of" \
    reg egress sync --ledger "$dir/ledger1"
printf '\x02' | dd of="$dir/whole" bs=1 seek=8 conv=notrunc 2> /dev/null
cp "$dir/whole" "$file"
fails "nor one of a later version" \
    "it is a ledger of version 2, and the latest that is known here is 1" \
    reg egress sync --ledger "$dir/ledger1"
runs "and both stay as they are" cmp "$dir/whole" "$file"
fails "a file is no destination" "which ledger\? --store is a file, so give --ledger DIR" \
    reg --store "file:$dir/s" egress sync --ledger "$dir/ledger2"
fails "nor is a ledger where there is none" "$dir/none: no such directory" \
    reg egress sync --ledger "$dir/none"
fails "a time is one" "--keep: " reg egress sync --ledger "$all" --keep long

finish
