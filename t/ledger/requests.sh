#!/bin/bash
#
# What one request of each kind books.

. "$(dirname "$0")/../lib/ledger.sh"

hex=$(printf 'ab%.0s' {1..32})
blob=/v2/acme/app/blobs/sha256:$hex

make_file "v2/acme/app/manifests/1" 500
make_file "$blob" 3000000
yes 'compresses well' | head -c 200000 > "$files/v2/acme/app/manifests/big"
touch "$files/v2/index"

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)

http_extra='
proxy_cache_path cache levels=1 keys_zone=cache:1m;
proxy_cache_valid 200 1h;
registry_ledger_network $http_x_network;'

start_ledger


# Each test is a network of its own: requests, and the rows of it then.

net=n1


books() {                                       # NAME LINES...
    local name=$1 wanted

    shift
    wanted=$(printf '%s\n' "$@" | sort)

    wait_for books_now "$wanted"
    is "$(here)" "$wanted" "$name"
    net=n$((${net#n} + 1))
}


books_now() {
    [ "$(here)" = "$1" ]
}


here() {
    rows | sed -n "s/ $net / /p"
}


as() {                                          # PATH [CURL-OPTIONS]
    local path=$1

    shift
    anybody "$path" -u "x:$key" "$@" > /dev/null
}


anybody() {                                     # PATH [CURL-OPTIONS]
    local path=$1

    shift
    get "$path" -H "X-Network: $net" "$@"
}


as /v2/acme/app/manifests/1
as /v2/acme/app/manifests/1
books "a manifest, twice" \
    "acme acme/app pull origin egress=1000 requests=2 pulls=2"

as /v2/acme/app/manifests/1 -I
books "HEAD has no body" "acme acme/app pull origin requests=1"

as "$blob"
books "a blob is no pull" \
    "acme acme/app pull origin egress=3000000 requests=1"

as "$blob" -r 0-999
as "$blob" -r 2999000-
books "ranges" "acme acme/app pull origin egress=2000 requests=2"

size=$(anybody "$blob" -u "x:$key" -r 0-9,100-199)
books "several ranges in one answer" \
    "acme acme/app pull origin egress=$size requests=1"

tag=$(curl -sI -H "X-Network: $net" -u "x:$key" "$url$blob" | tr -d '\r' |
    sed -n 's/^ETag: //p')
as "$blob" -H "If-None-Match: $tag"
books "304" "acme acme/app pull origin requests=2"

as /v2/acme/app/manifests/1 --http2 --noproxy '*'
url=$tls as /v2/acme/app/manifests/1 --http1.1
url=$tls as "$blob" --http1.1
url=$tls as "$blob" --http2
url=$tls as "$blob" --http2 -r 0-999
books "TLS and HTTP/2" \
    "acme acme/app pull origin egress=6002000 requests=5 pulls=2"

net="a|b {c}" as /v2/acme/app/manifests/1
net=$(printf 'x%.0s' {1..40}) as /v2/acme/app/manifests/1
net= as /v2/acme/app/manifests/1
wait_for booked_now ' - egress'
is "$(rows | grep -v ' n[0-9]* ')" "acme acme/app pull origin - egress=500 \
requests=1 pulls=1
acme acme/app pull origin a_b__c_ egress=500 requests=1 pulls=1
acme acme/app pull origin $(printf 'x%.0s' {1..32}) egress=500 requests=1 \
pulls=1" "networks, made fit"

body=$(anybody /v2/acme/nothing/manifests/1 -u "x:$key")
as /v2/acme/other/manifests/1
books "what the backend does not have makes no row" \
    "acme (unknown) pull origin egress=$((2 * body)) requests=2"

denied=$(anybody /v2/acme/app/manifests/1)
evil=$(anybody /v2/acme/app/../x)
books "nobody, and no request of the API" \
    "(anonymous) (unknown) pull origin egress=$denied requests=1" \
    "(anonymous) (unknown) - origin egress=$evil requests=1"

head -c 70000 /dev/zero > "$dir/upload"
session=/v2/acme/app/blobs/uploads/u-1
as $session -T "$dir/upload" -X PATCH
books "an upload" "acme acme/app push origin ingress=70000 requests=1"

as $session -T "$dir/upload" -X PATCH -H 'Transfer-Encoding: chunked'
books "an upload in chunks" \
    "acme acme/app push origin ingress=70000 requests=1"

url=$tls as $session -T "$dir/upload" -X PATCH --http2
books "an upload by HTTP/2" \
    "acme acme/app push origin ingress=70000 requests=1"

as /v2/acme/app/manifests/2 -T "$dir/upload"
books "a manifest is a push" \
    "acme acme/app push origin ingress=70000 requests=1 pushes=1"

size=$(anybody "/v2/acme/moved/blobs/sha256:$hex" -u "x:$key")
books "the backend's own redirect" \
    "acme acme/moved pull backend egress=$size requests=1"


# other configurations

stop "$gateway_pid"
start_ledger 'gzip on; gzip_types *; gzip_proxied any; gzip_http_version 1.0;'

size=$(anybody /v2/acme/app/manifests/big -u "x:$key" -H 'Accept-Encoding: gzip')
[ "$size" -lt 100000 ]
ok $? "it is compressed"
books "what gzip leaves of it" \
    "acme acme/app pull origin egress=$size requests=1 pulls=1"

stop "$gateway_pid"
start_ledger 'proxy_cache cache; add_header X-Cache $upstream_cache_status;'

as "$blob"
as "$blob"
like "$(curl -s -u "x:$key" -o /dev/null -D - -H "X-Network: $net" \
    "$url$blob")" 'X-Cache: HIT' "it comes from the cache"
books "what comes from the cache" \
    "acme acme/app pull origin egress=9000000 requests=3"

stop "$gateway_pid"
server_extra='
location @again {
    rewrite ^ /v2/acme/app/manifests/1 break;
    proxy_pass http://127.0.0.1:$backend;
}'
start_ledger 'proxy_intercept_errors on; error_page 404 = @again;'

as /v2/acme/mirrored/manifests/1
books "an internal redirect is one request" \
    "acme acme/mirrored pull origin egress=500 requests=1 pulls=1"

finish
