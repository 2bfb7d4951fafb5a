#!/bin/bash
#
# The page of registry_status, in a browser: what it shows, that it takes
# nothing from elsewhere, and that no name becomes HTML.

. "$(dirname "$0")/../lib/ledger.sh"

make_file v2/acme/app/manifests/1 500
make_file v2/acme/app/manifests/2 2000000
touch "$files/v2/index"

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)

# a route or network may hold what an operator takes from elsewhere; a tenant of
# registry_anonymous, what a client says

evil='<img/src=x/onerror=alert(1)>'
server_extra='
location = /status { registry_status; }
location /v2/open/ {
    registry on;
    registry_anonymous tenant=$http_x_tenant repository:**:pull;
    proxy_pass http://127.0.0.1:$backend;
}'

make_file v2/open/app/manifests/1 700
start_ledger 'registry_limit pulls count=pull per=key rate=5/30d;'

for i in 1 2 1; do
    get /v2/acme/app/manifests/$i -u "x:$key" > /dev/null
done

get /v2/acme/app/manifests/1 > /dev/null
get /v2/open/app/manifests/1 -H "X-Tenant: $evil" > /dev/null
booked "$evil"


status() {                                      # JQ-EXPRESSION
    curl -s "$url/status" | jq -c "$1"
}


page() {                                        # CURL-OPTIONS
    curl -s -H 'Accept: text/html,*/*;q=0.8' "$@" "$url/status"
}


is "$(status '.limits[0] | [.limit, .permits, .window, .passed, .keys, .near,
    .exhausted]')" '["pulls",5,2592000,3,1,0,0]' "a limit, and who uses it"
get /v2/acme/app/manifests/1 -u "x:$key" > /dev/null
is "$(status '.limits[0] | [.near, .exhausted]')" '[1,0]' "near its end"
get /v2/acme/app/manifests/1 -u "x:$key" > /dev/null
is "$(status '.limits[0] | [.near, .exhausted]')" '[0,1]' "and at it"
is "$(status '.now - (.time | fromdate)')" 0 "the time is UTC"

is "$(page -D - -o /dev/null | tr -d '\r' |
    grep -iE '^(cache-control|x-content-type-options):')" \
   "Cache-Control: no-store
X-Content-Type-Options: nosniff" "nobody keeps it or guesses its type"


# The hashes are those of what is in the page.

policy=$(page -D - -o /dev/null | tr -d '\r' |
    sed -n 's/^Content-Security-Policy: //p')


hash_of() {                                     # ELEMENT
    page | perl -0777 -ne "m{<$1>(.*?)</$1>}s and print \$1" |
        openssl dgst -sha256 -binary | base64
}


is "$policy" "default-src 'none'; connect-src 'self'; img-src data:; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
script-src 'sha256-$(hash_of script)'; style-src 'sha256-$(hash_of style)'" \
   "a browser runs the script of the page, and no other"
is "$(page | grep -oE '(https?:)?//[a-z][^ ]*|@import|url\(' | head -1)" "" \
   "it asks for nothing elsewhere"
is "$(page | grep -oE 'innerHTML|outerHTML|insertAdjacent|document\.write|eval')" \
   "" "and makes no HTML of what it gets"

command -v chromium > /dev/null ||
    { diag "there is no chromium"; finish; }


browse() {                                      # OPTIONS...
    HOME=$dir timeout 60 chromium --headless --no-sandbox --disable-gpu \
        --disable-dev-shm-usage --user-data-dir="$dir/chromium" \
        --virtual-time-budget=4000 --window-size=1100,1250 "$@" \
        "$url/status" 2> "$dir/chromium.err"
}


dom=$(browse --dump-dom)
like "$dom" 'Egress today, by tenant and route' "chromium shows the egress"
like "$dom" '<td class="name">acme</td>' "the tenant is there"
like "$dom" '&lt;img/src=x/onerror=alert\(1\)&gt;' \
     "a name that is HTML is shown as it is"
is "$(grep -c '<img' <<< "$dom")" 0 "and is none"
like "$dom" 'no_credentials' "decisions are there"
like "$dom" '<td class="name">pulls</td>' "limits are there"
is "$(grep -ciE 'Content Security Policy|Uncaught' "$dir/chromium.err")" 0 \
   "the browser has nothing to complain of"

browse --screenshot="$dir/page.png" > /dev/null
like "$(head -c 4 "$dir/page.png" | tail -c 3)" PNG "it makes a picture of it"
[ -z "${KEEP_SCREENSHOT-}" ] || {
    cp "$dir/page.png" "$KEEP_SCREENSHOT"
    browse --screenshot="$KEEP_SCREENSHOT.dark.png" --force-dark-mode \
        --blink-settings=preferredColorScheme=0 > /dev/null
}

finish
