#!/bin/bash
#
# A download that is under way at midnight, of a client that goes away without
# having read it: what is taken back is taken from the day that has counted it.

. "$(dirname "$0")/../lib/ledger.sh"
. "$(dirname "$0")/../lib/clock.sh"

blob=/v2/acme/app/blobs/sha256:$(printf %064d 1)
size=30000000

make_file "${blob#/}" $size

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)

start_ledger


# Of the two days: what is booked, less what was taken back.

egress() {                                      # DAY
    local n

    n=$(rows "$1" | grep -oE ' egress=[0-9-]+' | cut -d = -f 2)
    echo "${n:-0}"
}


has_begun() { [ "$(egress "$today")" -gt 1000000 ]; }

stands_still() {
    local n

    n=$(egress "$today")
    sleep 0.5
    [ "$(egress "$today")" = "$n" ]
}

is_closed() { rows "$tomorrow" | grep -q requests=1; }


today=$(date -u +%F)
tomorrow=$(date -u -d "$today + 1 day" +%F)

# it reads a little, and then nothing

background curl -s -u "x:$key" --limit-rate 1000 -o /dev/null "$url$blob"
client=$!

wait_for has_begun
wait_for stands_still
before=$(egress "$today")

clock 86400
sleep 0.5
kill -KILL "$client"
runs "the request ends on the next day" wait_for is_closed

is "$(egress "$tomorrow")" 0 "on which nothing was sent, nor is less than that"
after=$(egress "$today")
[ "$after" -gt 0 ] && [ "$after" -lt "$before" ]
ok $? "what nobody got is taken back where it was counted: $after of $before"

is "$(grep -E '\[(alert|emerg)\]|Sanitizer' "$errors")" "" \
   "nginx complains of nothing"

finish
