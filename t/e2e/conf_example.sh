#!/bin/bash
#
# Every file of conf.example/ is started, and does what it says.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

tested=()


# Starts an example after nginx has found no fault in it.

example() {                                     # NAME
    local output

    tested+=("$1")
    "$top/scripts/render-example" "$dir/gateway" "$1"
    output=$(nginx -t -p "$dir/gateway" -e "$gateway_errors" \
        -c "$dir/gateway/etc/nginx/nginx.conf" 2>&1)
    is "$(grep -vE '\[info\]|syntax is ok|test is successful' <<< "$output")" "" \
        "$1: nginx -t has nothing to say"

    start_gateway "$1"
}


status() {
    request "$@" | head -n 1
}


# Starts an upload; prints the Location without what is random in it.

upload_location() {
    request POST "$@" -D "$dir/headers" > /dev/null
    sed -nE 's/\r//; s/^location: //I; T; s/[0-9a-f-]{36}/UUID/; s/_state=.*//p' \
        "$dir/headers"
}


registry tenant set acme
acme=$(new_key --tenant acme --role image-pusher)
oci_layout "$dir/image" amd64


# registry.conf

start_backend
example registry.conf
key=
is "$(request GET /v2/)" \
   '401
{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}' \
   "registry.conf: a ping without a key"
key=$acme
is "$(status GET /v2/)" 200 "registry.conf: a ping with a key"
is "$(upload_location /v2/acme/app/blobs/uploads/)" \
   "http://$gateway/v2/acme/app/blobs/uploads/UUID?" \
   "registry.conf: an upload goes on where it began"
is "$(status GET /)" 404 "registry.conf: nothing else is served"
no_secret_leaked
stop_gateway


# anonymous.conf

for name in public/app acme/app; do
    skopeo --insecure-policy copy -q --dest-tls-verify=false \
        "oci:$dir/image:latest" "docker://127.0.0.1:$BACKEND_PORT/$name:1"
done

example anonymous.conf
runs "anonymous.conf: a public image is pulled without credentials" \
    skopeo --insecure-policy copy -q --src-no-creds --src-tls-verify=false \
    "docker://$gateway/public/app:1" "dir:$dir/public"
fails "anonymous.conf: another one is not" \
    'authentication required|unauthorized' \
    skopeo inspect --no-creds --tls-verify=false "docker://$gateway/acme/app:1"
key=
is "$(status POST /v2/public/app/blobs/uploads/)" 401 \
   "anonymous.conf: nothing is pushed without credentials"
is "$(tail -n 1 "$gateway_log" | jq -r .tenant)" public \
   "anonymous.conf: the log has the tenant"
stop_gateway


# api.conf

chat=$(new_key --tenant acme --scope api:chat:invoke)
example api.conf
key=
is "$(status POST /chat/completions -d '{}')" 401 \
   "api.conf: a call without a key"
key=$acme
is "$(status POST /chat/completions -d '{}')" 403 \
   "api.conf: a call with a key for something else"
key=$chat
is "$(status POST /chat/completions -d '{}' -H 'X-Tenant: other')" 404 \
   "api.conf: a call with the scope reaches the backend, which has no chat"
is "$(grep /chat/ "$backend_log")" \
   '404 POST /chat/completions HTTP/1.1 tenant="acme" authorization="-"' \
   "api.conf: once, with the tenant and without the key"
stop_gateway


# tls.conf

mkdir -p "$dir/gateway/etc/nginx/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
    -subj /CN=registry.example.com -addext \
    subjectAltName=DNS:registry.example.com \
    -keyout "$dir/gateway/etc/nginx/tls/registry.example.com.key" \
    -out "$dir/gateway/etc/nginx/tls/registry.example.com.crt" 2> /dev/null
openssl rand -hex 32 > "$dir/gateway/etc/nginx/registry.pepper"

example tls.conf
peppered=$(registry --pepper-file "$dir/gateway/etc/nginx/registry.pepper" \
    key create --tenant acme --role image-pusher | tee -a "$secrets")
gateway=registry.example.com:$PORT
tls=(--resolve "$gateway:127.0.0.1" --cacert
     "$dir/gateway/etc/nginx/tls/registry.example.com.crt")


# As request() does, by TLS.

request_tls() {                                 # KEY METHOD PATH [OPTION]...
    local key=$1 method=$2 path=$3

    shift 3
    curl -s "${tls[@]}" -X "$method" -D "$dir/headers" -o "$dir/body" \
        -w '%{http_version} %{http_code}\n' ${key:+-u "someone:$key"} "$@" \
        "https://$gateway$path"
}


wait_for eval '[ "$(request_tls "$peppered" GET /v2/)" = "2 200" ]'
is "$(request_tls "$peppered" GET /v2/)" "2 200" \
   "tls.conf: a key that is hashed with the pepper, by HTTP/2"
is "$(request_tls "" GET /v2/)" "2 401" "tls.conf: no key"
is "$(request_tls "$(mistyped "$peppered")" GET /v2/)" "2 401" \
   "tls.conf: a mistyped key"
request_tls "$peppered" POST /v2/acme/app/blobs/uploads/ > /dev/null
like "$(grep -i '^location:' "$dir/headers")" \
     '^location: https://registry.example.com/v2/acme/app/blobs/uploads/' \
     "tls.conf: an upload goes on at the name of the registry"
fails "tls.conf: another name gets no certificate" 'unrecognized name|alert' \
    curl -svk "https://127.0.0.1:$PORT/v2/"
no_secret_leaked
stop_gateway


# htpasswd.conf: the backend has users and passwords of its own

mkdir -p "$dir/backend"
htpasswd -Bbc "$dir/backend/htpasswd" olduser oldpassword 2> /dev/null
htpasswd -Bb "$dir/backend/htpasswd" gateway gatewaypassword 2> /dev/null
echo gateway:gatewaypassword > "$dir/gateway/etc/nginx/registry.backend"
start_backend "
auth:
  htpasswd:
    realm: old
    path: $dir/backend/htpasswd" 401
example htpasswd.conf

old=(-H 'Host: old.registry.example.com')
new=(-H 'Host: registry.example.com')
key=
is "$(status GET /v2/ "${old[@]}" -u olduser:oldpassword)" 200 \
   "htpasswd.conf: the old name takes the old password"
is "$(tail -n 1 "$gateway_log" | jq -r '.decision + " " + .reason')" \
   "deny malformed" "htpasswd.conf: the log says who has not moved"
is "$(status GET /v2/ "${old[@]}" -u olduser:wrong)" 401 \
   "htpasswd.conf: the backend still checks it"
is "$(status GET /v2/ "${old[@]}" -D "$dir/headers")" 401 \
   "htpasswd.conf: and asks for it"
is "$(sed -n 's/\r//; s/^WWW-Authenticate: //Ip' "$dir/headers")" \
   'Basic realm="old"' "htpasswd.conf: in its own words"
is "$(status GET /v2/ "${new[@]}" -u olduser:oldpassword)" 401 \
   "htpasswd.conf: the new name takes no password"
key=$acme
is "$(status GET /v2/acme/app/tags/list "${new[@]}")" 200 \
   "htpasswd.conf: the new name takes a key, and the backend is content"
is "$(tail -n 1 "$backend_log")" \
   "200 GET /v2/acme/app/tags/list HTTP/1.1 tenant=\"-\" authorization=\"Basic \
$(printf gateway:gatewaypassword | base64)\"" \
   "htpasswd.conf: with the password of the gateway"
stop_gateway


# which are all there are

is "$(printf '%s\n' "${tested[@]}" | sort | xargs)" \
   "$(cd "$top/conf.example" && ls -- *.conf |
       grep -vE '^(nginx|registry_proxy).conf$' | xargs)" \
   "every example was started"

finish
