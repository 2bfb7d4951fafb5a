#!/bin/bash
#
# A quota of egress, where the store is a file: what counts, what is refused,
# and what a client reads.

. "$(dirname "$0")/../lib/ledger.sh"

manifest=/v2/acme/app/manifests
blob=/v2/acme/app/blobs/sha256:$(printf %064d 1)

make_file v2/acme/app/manifests/1 1000
make_file v2/acme/app/manifests/2 1000
make_file "${blob#/}" 100000
make_file v2/other/app/manifests/1 1000

"$NGX_REGISTRY" tenant set acme > /dev/null
"$NGX_REGISTRY" tenant set other > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)
other=$("$NGX_REGISTRY" key create --tenant other --role registry-admin)

workers=2
ledger_options="size=1m sync=100ms"
server_extra='
location = /metrics { registry_metrics; }
location /v2/tried/ {
    registry       on;
    registry_limit tried count=egress per=tenant quota=1kB/day dry_run;
    add_header     X-Limit "$registry_limit_status|$registry_limit_name" always;
    proxy_pass     http://127.0.0.1:$backend;
}'
limits='registry_limit egress count=egress per=tenant quota=10kB/month;
    add_header X-Limit "$registry_limit_status|$registry_limit_name" always;
    add_header X-Reason "$registry_decision|$registry_reason" always;'


answer() {                                      # KEY PATH [CURL-OPTIONS]
    curl -s -m 20 -o "$dir/body" -D "$dir/head" -w '%{http_code}' -u "x:$1" \
        "${@:3}" "$url$2"
}


header() {                                      # NAME
    sed -n "s/^$1: //Ip" "$dir/head" | tr -d '\r'
}


used() {                                        # FIELD
    jq -r ".errors[0].detail.$1" "$dir/body"
}


# What the ledger has of a tenant; its rows are closed after the answers.

booked_of() {                                   # TENANT
    rows | grep "^$1 " |
        grep -oE ' (egress|redirected)=[0-9]+' | cut -d = -f 2 |
        awk '{ n += $1 } END { print n + 0 }'
}


# The next pull is refused, and the detail has what the ledger had.

refused_with() {                                # TENANT KEY
    local before

    before=$(booked_of "$1")
    [ "$(answer "$2" "/v2/$1/app/manifests/1")" = 403 ] &&
        [ "$(used used)" = "$before" ]
}


start_ledger "$limits"


# up to the quota

for i in 1 2 3 4 5 6 7; do answer "$key" $manifest/1; done > /dev/null
is "$(answer "$key" $manifest/1) $(header warning)" "200 " \
   "below 80 % nothing is said"
is "$(answer "$key" $manifest/1)" 200 "the ninth"
is "$(header warning)" \
   '299 - "limit egress: 80% of the 10kB that may be sent in a month are used"' \
   "from 80 % on the client is warned"
is "$(answer "$key" $manifest/1) $(header x-limit)" "200 passed|" "the last"

is "$(answer "$key" $manifest/2)" 403 "then a pull is refused"
is "$(jq -r '.errors[0].code' "$dir/body")" DENIED "as DENIED"
next=$(date -u -d "$(date -u +%Y-%m-01) + 1 month" +%Y-%m-%dT00:00:00Z)
is "$(jq -r '.errors[0].message' "$dir/body")" \
   "the quota \"egress\" is used up: 10kB may be sent in a month per tenant, the next month begins at $next" \
   "with a message that says until when"
is "$(jq -c '.errors[0].detail' "$dir/body")" \
   "{\"name\":\"egress\",\"quota\":10000,\"used\":10000,\"period\":\"month\",\"per\":\"tenant\",\"ends\":\"$next\"}" \
   "and a detail"
is "$(header x-limit) $(header x-reason)" "refused|egress limit|quota" \
   "and the variables"
is "$(header retry-after)$(header ratelimit-limit)" "" \
   "there is nothing to wait for"
runs "the log has it" grep -qE 'limited: quota "egress", 10kB in a month per tenant, 10000 bytes are used, for "acme", operation pull, repository "acme/app"' "$errors"

is "$(answer "$key" $manifest/1 -I)" 200 "HEAD is free"
is "$(answer "$key" "$blob")" 200 "the blobs of a pull that was admitted follow"
is "$(header x-limit)" "exempt|egress" "exempt"
is "$(answer "$other" /v2/other/app/manifests/1)" 200 \
   "another tenant is not concerned"
runs "what was sent meanwhile is counted, too" wait_for refused_with acme "$key"


# blobs without a pull

is "$(answer "$key" "/v2/acme/web/blobs/${blob##*/}")" 403 \
   "nor are there blobs of a repository without a pull"


# records, at once

says() { [ "$(answer "$key" $manifest/2)" = "$1" ]; }

"$NGX_REGISTRY" tenant set acme --limit egress=1MB/month > /dev/null
runs "the record of the tenant gives more" wait_for says 200
"$NGX_REGISTRY" tenant set acme --limit egress=1kB/week > /dev/null
runs "less, in another period" wait_for says 403
is "$(used period)" week "which the detail says"
"$NGX_REGISTRY" tenant set acme --limit egress=off > /dev/null
runs "none at all" wait_for says 200
"$NGX_REGISTRY" tenant set acme --limit egress=1/s > /dev/null
runs "a rate is none" wait_for says 403
runs "which is logged" wait_for logged 'is a rate where a quota is needed'
"$NGX_REGISTRY" tenant set acme --unlimit egress > /dev/null


# Range: what is sent counts, not what is asked for

before=$(booked_of acme)
is "$(answer "$key" "$blob" -H 'Range: bytes=0-9')" 206 "ten bytes of a blob"
has() { [ "$(booked_of acme)" = "$1" ]; }
runs "are ten bytes" wait_for has $((before + 10))
is "$(answer "$key" "$blob" -H 'Range: bytes=0-9,0-9,0-9')" 206 "three times ten"
three=$(stat -c %s "$dir/body")
runs "are what they are, with what is between them" \
    wait_for has $((before + 10 + three))
runs "and the quota has it" wait_for refused_with acme "$key"


# a dry run

for i in 1 2 3; do answer "$other" /v2/tried/app/manifests/1; done > /dev/null
is "$(header x-limit) $(header warning)" "refused_dry_run|tried " \
   "a dry run lets pass, and tells nobody"


# a restart, a reload, a killed worker: the ledger knows

stop_gateway() {
    stop "$gateway_pid"
}


stop_gateway
start_ledger "$limits"
runs "the first request after a restart finds all of it" refused_with acme "$key"
kill -HUP "$gateway_pid"
sleep 0.5
runs "after a reload, too" refused_with acme "$key"
pkill -KILL -P "$gateway_pid"
wait_for says 403
runs "and when workers were killed" wait_for refused_with acme "$key"


# a day that is over counts in its month, and not in the next

stop_gateway
cc -I"$top/src/core" -I"$top/src/ledger" -o "$dir/ledger_day" \
    "$top/t/lib/ledger_day.c" "$top/build/libregistry.a"
first=$(date -u +%Y-%m-01)
"$dir/ledger_day" "$ledger" "$(date -u -d "$first - 1 day" +%F)" other other/a 5000000
start_ledger "$limits"
is "$(answer "$other" /v2/other/app/manifests/1)" 200 \
   "what was sent last month does not count"

if [ "$(date -u +%d)" -gt 2 ]; then
    stop_gateway
    "$dir/ledger_day" "$ledger" "$first" other other/a 10000
    start_ledger "$limits"
    is "$(answer "$other" /v2/other/app/manifests/1)" 403 \
       "what was sent on the first of the month does"
fi

is "$(grep -E '\[(alert|emerg)\]|Sanitizer' "$errors" | grep -v 'exited on signal 9')" "" "nginx complains of nothing"

finish
