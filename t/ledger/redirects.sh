#!/bin/bash
#
# What is booked where the backend proves blobs by a redirect, and by an edge
# that serves them from its disk.

. "$(dirname "$0")/../lib/ledger.sh"

hex=$(printf 'ab%.0s' {1..32})
other=$(printf 'cd%.0s' {1..32})
blob=/v2/acme/moved/blobs/sha256:$hex

mkdir -p "$files/v2/acme/moved/manifests"
printf '{"layers":[{"digest":"sha256:%s","size":4321}]}' "$hex" \
    > "$files/v2/acme/moved/manifests/1"
make_file "disk/sha256:$hex" 4321
echo "a secret that nobody guesses" > "$dir/cdn.key"

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)

http_extra="registry_cdn cdn {
    url http://e.example/disk/\$registry_digest;
    sign hmac key_file=$dir/cdn.key;
}"
server_extra="location = /metrics { registry_metrics; }
location /disk/ { registry_verify_url cdn; root $files; }"

start_ledger "registry_blob_route cdn; registry_storage_host 127.0.0.1;
    proxy_redirect off;"


has() {                                         # REGEX NAME
    booked "$1"
    ok $? "$2"
}


says() {                                        # LINE
    curl -s "$url/metrics" | grep -qxF "$1"
}


moved() {                                       # DIGEST [CURL-OPTIONS]
    local digest=$1

    shift
    get "/v2/acme/moved/blobs/sha256:$digest" -u "x:$key" "$@" > /dev/null
}


moved "$hex"
has '^acme acme/moved pull cdn - egress=[0-9]+ requests=1$' \
    "a redirect of unknown size is one of that repository and route"

get /v2/acme/moved/manifests/1 -u "x:$key" > /dev/null
moved "$hex"
has '^acme acme/moved pull cdn - egress=[0-9]+ redirected=4321 requests=2$' \
    "once a manifest has said how large it is, it counts"

moved "$hex" -r 321-
has '^acme acme/moved pull cdn - egress=[0-9]+ redirected=8321 requests=3$' \
    "and so does a part of it"

moved "$hex" -H 'Range: bytes=9-2'
has '^acme acme/moved pull cdn - egress=[0-9]+ redirected=12642 requests=4$' \
    "what ends before it begins is no range, and gets all of it"

moved "$other"
has '^acme acme/moved pull cdn - egress=[0-9]+ redirected=12642 requests=5$' \
    "what no manifest has named has no bytes"

wait_for says 'registry_blob_redirects_total{size="known"} 3'
ok $? "metrics: how many had a size"
wait_for says 'registry_blob_redirects_total{size="unknown"} 2'
ok $? "metrics: and how many had none"


# the edge

before=$(rows | sed -n 's/^acme acme.moved pull cdn - egress=\([0-9]*\) .*/\1/p')
location=$(curl -s -o "$dir/page" -D - -u "x:$key" "$url$blob" |
    sed -n 's/\r//; s/^Location: //Ip')
page=$(stat -c %s "$dir/page")
path=${location#http://e.example}

is "$(curl -s -o /dev/null -w '%{http_code}' "$url$path")" 200 \
   "the edge has it on its disk"
has "^acme acme/moved pull cdn - egress=$((before + page + 4321)) redirected=16963 requests=7\$" \
    "and books it to whom it was signed for"

is "$(curl -s -o /dev/null -w '%{http_code}' "$url${path%%\?*}?x")" 403 \
   "nobody gets it without"
is "$(rows | grep -c '(unknown) pull cdn')" 0 "nor has the name of the route"

finish
