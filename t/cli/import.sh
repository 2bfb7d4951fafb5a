#!/bin/bash
#
# egress import: logs of CDNs and edges say what was delivered, each request once,
# and never whose it was where nothing says so.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

ledger=$dir/ledger
unset REGISTRY_STORE
ledger_add "$ledger" <<'END'
2026-02-01 acme acme/app pull cdn - 10 0 9000 0 3 1 0
END

import() {                                      # FORMAT ARGUMENTS...
    reg egress import --format "$1" --ledger "$ledger" --route cdn "${@:2}"
}

table() {
    sed 's/  */ /g; s/ $//; 1d; s|'"$dir"'/||'
}

delivered() {
    reg egress report --ledger "$ledger" --month 2026-02 --by tenant \
        --by repository --by day --format json |
        jq -r '.[] | select(.delivered_bytes > 0)
            | [.[][0:99]?, .delivered_bytes] | join(" ")'
}

everything() {
    (cd "$ledger" && cat delivered-*.log | sha256sum)
}


# an edge of our own

edge() {                                        # ID TIME STATUS BYTES TENANT REPOSITORY
    printf '{"time":"%s","id":"%s","status":%s,"bytes":%s,"cache":"HIT",' \
        "$2" "$1" "$3" "$4"
    printf '"method":"%s","tenant":"%s","repository":"%s","uri":"/x"}\n' \
        "${7:-GET}" "$5" "$6"
}

{
    edge request-1 2026-02-01T23:59:59+00:00 200 1000 acme acme/app
    edge request-2 2026-02-02T00:00:00+00:00 206 200 acme acme/app
    edge request-3 2026-02-02T00:00:00+00:00 200 30 "" public/base
    edge request-4 2026-02-02T00:00:01+00:00 403 500 "" ""
    edge request-5 2026-02-02T00:00:01+00:00 200 700 "" ""
    edge request-6 2026-02-02T00:00:01+00:00 200 0 acme acme/app HEAD
} > "$dir/edge.log"

is "$(import nginx "$dir/edge.log" | table)" \
   "edge.log 4 3 1.23 kB 0 1 0 700 B" "an edge: what it has sent, and for nobody"
is "$(delivered | sort)" "(anonymous) public/base 2026-02-02 30
acme acme/app 2026-02-01 1000
acme acme/app 2026-02-02 200" "is in reports, beside the redirects"
is "$(reg egress report --ledger "$ledger" --month 2026-02 --format json |
    jq -c '.[0] | [.redirected_bytes, .delivered_bytes]')" "[9000,1200]" \
   "which it does not touch"

before=$(everything)
is "$(import nginx "$dir/edge.log" | table)" "edge.log 4 0 0 B 3 1 0 700 B" \
   "the same log again is no news"
gzip -k "$dir/edge.log"
is "$(import nginx "$dir/edge.log.gz" | table)" \
   "edge.log.gz 4 0 0 B 3 1 0 700 B" "nor is it when it was rotated and packed"
is "$(everything)" "$before" "and nothing is written"

edge request-7 2026-02-02T00:01:00+00:00 200 5 acme acme/app >> "$dir/edge.log"
tail -3 "$dir/edge.log" > "$dir/part.log"
is "$(import nginx "$dir/part.log" "$dir/edge.log" | table)" \
   "part.log 2 1 5 B 0 1 0 700 B
edge.log 5 0 0 B 4 1 0 700 B" "one that grew, and a part of it, count once"
for i in {1..6}; do import nginx "$dir/edge.log" > /dev/null & done
wait
is "$(delivered | awk '{ n += $4 } END { print n }')" 1235 "nor at once"


# CloudFront

fields="#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol sc-content-len"

front() {                                       # ID STATUS BYTES QUERY [LENGTH] [PATH]
    printf '2026-02-03\t10:00:00\tFRA2\t%s\t192.0.2.1\tGET\td1.cloudfront.net\t' "$3"
    printf '%s\t%s\t-\tdocker\t%s\t-\tHit\t%s\tcdn.example.com\thttps\t%s\n' \
        "${6:-/v2/acme/app/blobs/sha256:ab}" "$2" "$4" "$1" "${5:--}"
}

claims='Expires=1&x-tenant=acme&x-repository=acme%252Fapp&Signature=x&Key-Pair-Id=K'

{
    echo "$fields"
    front front-id-1 200 1500 "$claims" 1000
    front front-id-2 200 400 "$claims" 1000
    front front-id-3 200 70 "Expires=1&Signature=x"
    front front-id-4 403 900 "$claims"
    front front-id-5 000 0 "$claims"
} | gzip > "$dir/front.gz"

is "$(import cloudfront "$dir/front.gz" | table)" \
   "front.gz 3 2 1.40 kB 0 1 0 70 B" "CloudFront: headers are no body"
is "$(delivered | tail -1)" "acme acme/app 2026-02-03 1400" \
   "nor is what was cut short"


# our own signature

printf 'a secret of some length\n' > "$dir/cdn.key"

signed() {                                      # TENANT [PATH]
    local query="reg_expires=1&reg_tenant=$1&reg_repository=acme/app" mac

    mac=$(printf 'reg1\nGET\ncdn.example.com\n%s\n%s' \
            "${2:-/v2/acme/app/blobs/sha256:ab}" "$query" |
        openssl dgst -sha256 -hmac "$(< "$dir/cdn.key")" -binary |
        basenc --base64url | tr -d =)
    echo "$query&reg_signature=$mac"
}

{
    echo "$fields"
    front front-id-6 200 10 "$(signed acme)"
    front front-id-7 200 20 "$(signed acme | sed s/acme/evil/)"
    front front-id-8 200 40 "$(signed acme '/a%20b')" - '/a%2520b'
} > "$dir/signed"

is "$(import cloudfront "$dir/signed" | table)" "signed 3 0 0 B 0 0 3 70 B" \
   "without its key nobody is charged by our signature"
front front-id-9 200 80 "${claims//acme/evil}" >> "$dir/signed"
is "$(import cloudfront --key "$dir/cdn.key" "$dir/signed" | table)" \
   "signed 4 2 50 B 0 0 2 100 B" "with it, who it was signed for"
is "$(delivered | grep -c evil)" 0 "and no other, also where nobody has signed"


# Cloudflare

flare() {                                       # RAY TIME STATUS BYTES QUERY
    printf '{"RayID":"%s","EdgeStartTimestamp":%s,"EdgeResponseStatus":%s,' "$1" "$2" "$3"
    printf '"EdgeResponseBodyBytes":%s,"ClientRequestMethod":"GET",' "$4"
    printf '"ClientRequestHost":"cdn.example.com",'
    printf '"ClientRequestURI":"/v2/acme/app/blobs/sha256:ab?%s"}\n' "$5"
}

{
    flare 7f00000000000001 1770192000000000000 200 3 "$(signed acme)&verify=1-x"
    flare 7f00000000000002 1770192000 206 4 "$(signed acme)"
    flare 7f00000000000003 '"2026-02-04T08:00:00Z"' 200 5 "$(signed acme)"
    flare 7f00000000000004 1770192000 200 60 "verify=1-x"
} > "$dir/flare"

is "$(import cloudflare --key "$dir/cdn.key" --network eu "$dir/flare" | table)" \
   "flare 4 3 12 B 0 1 0 60 B" "Cloudflare, with each kind of time"
is "$(reg egress report --ledger "$ledger" --month 2026-02 --by network \
    --by day --format csv | tr -d '\r' | grep ^eu)" "eu,2026-02-04,0,0,0,12,0,0,0" \
   "on a network"


# what is refused, and left alone

kept=$(everything)

untouched() {                                   # NAME SENTENCE FORMAT FILE
    local sum=$(sha256sum < "$dir/$4")

    fails "$1" "$dir/$4: $2" import "$3" "$dir/$4"
    [ "$(sha256sum < "$dir/$4")$(everything)" = "$sum$kept" ]
    ok $? "$1: nothing was done"
}

edge request-9 2026-02-09T00:00:00+00:00 200 9 acme acme/app > "$dir/good"
{ cat "$dir/good"; printf '{"time":"2026-02'; } > "$dir/cut"
untouched "a log that is cut" "its last line is cut" nginx cut
gzip -c "$dir/edge.log" | head -c -10 > "$dir/cut.gz"
untouched "one that is cut and packed" "(it|its last line) is cut" nginx cut.gz
{ cat "$dir/good"; echo 192.0.2.1 - - GET; } > "$dir/foreign"
untouched "something else" "line 2 is none of such a log: " nginx foreign
edge request-9 2026-02-09T00:00:00+00:00 200 1000000000000000000 acme \
    acme/app > "$dir/huge"
untouched "bytes that could not be read back" \
    "line 1 is none of such a log: it has no good bytes" nginx huge
untouched "the log of another" "line 1 is none of such a log: it has no good RayID" \
    cloudflare good
{ cat "$dir/good"; head -c 99999 /dev/zero | tr '\0' x; echo; } > "$dir/long"
untouched "a line without end" "line 2 is none of such a log" nginx long
sed 's/1\.0/2.0/' "$dir/signed" > "$dir/newer"
untouched "a later version" \
    "it is of version 2.0, and the latest that is known here is 1.0" \
    cloudfront newer
sed 's/ x-edge-request-id/ x-other/' "$dir/signed" > "$dir/fewer"
untouched "a log without ids" "line 2 is none of such a log: it lacks the field x-edge-request-id" \
    cloudfront fewer
sed 1,2d "$dir/signed" > "$dir/headless"
untouched "a log without a head" "line 1 is none of such a log: it does not begin with #Version and #Fields" \
    cloudfront headless
fails "one that is not there" "none: there is no such file" import nginx "$dir/none"
is "$(import nginx "$dir/cut" "$dir/good" 2> "$dir/err" | table)" \
   "good 1 1 9 B 0 0 0 0 B" "others are booked all the same"
is "$(import nginx "$dir/cut" "$dir/good" > /dev/null 2>&1; echo $?)" 2 \
   "and the exit code tells"

refuses "a format is one" 2 "--format is cloudfront, cloudflare or nginx" \
    import json "$dir/good"
refuses "a route is one" 2 "--route is the name of a registry_cdn" \
    reg egress import --format nginx --ledger "$ledger" --route 'a b' "$dir/good"
echo short > "$dir/short.key"
fails "a key is one" "short.key: " import nginx --key "$dir/short.key" "$dir/good"
fails "a ledger is there" "none/delivered.lock: No such file" \
    reg egress import --format nginx --ledger "$dir/none" --route cdn "$dir/good"


# the file that keeps it

file=$ledger/delivered-2026-02-01.v1.log
cp "$file" "$dir/whole"
truncate -s -3 "$file"
is "$(import nginx "$dir/edge.log" | table | cut -d' ' -f 2-4)" "5 1 1.00" \
   "what a crash has cut short is booked again"
runs "and the file is whole" cmp "$dir/whole" "$file"

for what in "garbage" "ngx-registry delivered 2 2026-02-01 0123456789abcdef"; do
    echo "$what" > "$file"
    fails "$what is refused" "$file: it (is no list|was written by a later)" \
        import nginx "$dir/edge.log"
    fails "in reports, too" "$file: it (is no list|was written by a later)" \
        reg egress report --ledger "$ledger" --month 2026-02
    is "$(< "$file")" "$what" "and left alone"
done
cp "$dir/whole" "$file"
touch "$ledger/delivered-2026-02-01.v2.log"
fails "so is a file of a later version" 'v2.log was written by a later version' \
    reg egress report --ledger "$ledger" --month 2026-02

finish
