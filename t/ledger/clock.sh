#!/bin/bash
#
# A clock that goes days ahead, and back: who reads the ledger meanwhile does
# not fall over it, and no file is taken for too old.

. "$(dirname "$0")/../lib/ledger.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"
. "$(dirname "$0")/../lib/clock.sh"

day=86400
today=$(date -u +%F)

"$NGX_REGISTRY" tenant set acme > /dev/null

server_extra='
location = /metrics { registry_metrics; }'
ledger_options="size=128m keep=400d"

for i in 2 3; do
    echo "$(date -u -d "$today + $i day" +%F) acme acme/app pull origin - 1"
done | ledger_add "$ledger"

start_ledger


file_of() {                                     # DAYS
    local files=("$ledger/egress-$(date -u -d "$today + $1 day" +%F)".*)

    [ -e "${files[0]}" ]
}


# Requests on another day; when the second has its answer, the first is booked.

booked_on() {                                   # DAYS
    local i

    clock $(($1 * day))

    for i in 1 2; do
        curl -s -m 5 -o /dev/null "$url/v2/acme/app/manifests/1"
    done
}


# Two files later the one of now is closed.  Many scrapes take long enough.

for ((i = 0; i < 20; i++)); do
    curl -s -m 60 -o /dev/null -w '%{http_code}\n' "$url/metrics" \
        > "$dir/status.$i" &
    scrapes+=($!)
done

sleep 0.2
booked_on 2
booked_on 3
wait "${scrapes[@]}"
like "$(sort -u "$dir"/status.* | xargs)" '^(200 )?500$' \
    "a scrape that is under way then has no answer"
clock 0
is "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$url/metrics")" 200 \
   "and the next one has"


# Beyond what is kept

booked_on 1000
is "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$url/metrics")" 200 \
   "on a day far ahead"
sleep 11
runs "no file goes, as none of the day before is there" file_of 0
booked_on 1001
is_removed() { ! file_of 0; }
for ((i = 0; i < 150; i++)); do
    is_removed && break
    sleep 0.1
done
runs "on the next day they go" is_removed

is "$(grep -E '\[(alert|emerg)\]|Sanitizer' "$errors")" "" \
   "nginx complains of nothing"

finish
