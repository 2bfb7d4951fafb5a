#!/bin/bash
#
# Every file of conf.example/ is started, and does what it says.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

etc=$dir/gateway/etc/nginx
tested=()


# Starts an example after nginx has found no fault in it.

example() {                                     # NAME
    tested+=("$1")
    "$top/scripts/render-example" "$dir/gateway" "$1"
    is "$("$NGINX" -t -p "$dir/gateway" -e "$gateway_errors" \
        -c "$etc/nginx.conf" 2>&1 |
        grep -vE '\[info\]|syntax is ok|test is successful')" "" \
        "$1: nginx -t has nothing to say"

    start_gateway "$1"
}


# Starts an upload; prints the Location without what is random in it.

upload_location() {                             # PATH [OPTION]...
    request POST "$@" -D "$dir/headers" > /dev/null
    sed -nE 's/\r//; s/^location: //I; T; s/[0-9a-f-]{36}/UUID/; s/_state=.*//p' \
        "$dir/headers"
}


# A member of the last line of the log.

logged() {                                      # MEMBER...
    tail -n 1 "$gateway_log" | jq -r "[$(printf '.%s,' "$@")empty] | join(\" \")"
}


registry tenant set acme
acme=$(new_key --tenant acme --role image-pusher)
oci_layout "$dir/image" amd64
start_backend


# registry.conf

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


# redis.conf, with the users of redis.acl

mkdir "$dir/redis"
export REDIS_PORT=$(free_port)
echo gateway-password > "$etc/redis.password"
echo admin-password > "$dir/redis/password"
sed -e 's/^user gateway on/& >gateway-password/' \
    -e 's/^user admin on/& >admin-password/' \
    "$top/docs/redis.acl" > "$dir/redis/users.acl"
background redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --save "" \
    --dir "$dir/redis" --aclfile "$dir/redis/users.acl" \
    > "$dir/redis/redis.log" 2>&1
redis=$!
wait_for listens "$REDIS_PORT"
registry store copy --to "redis://127.0.0.1:$REDIS_PORT?user=admin\
&password_file=$dir/redis/password" 2> /dev/null

example redis.conf
key=$acme
is "$(status GET /v2/)" 200 "redis.conf: a ping with a key"
key=$(mistyped "$acme")
is "$(status GET /v2/)" 401 "redis.conf: a ping with a mistyped key"
stop $redis
key=$acme
is "$(status GET /v2/)" 200 "redis.conf: Redis may be away for a while"
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
is "$(logged tenant)" public "anonymous.conf: the log has the tenant"
stop_gateway


# ledger.conf

mkdir "$dir/gateway/egress"
example ledger.conf
key=$acme
size=$(curl -s -u "x:$key" "http://$gateway/v2/" | wc -c)
wait_for grep -q . <("$top/t/lib/ledger_rows" "$dir/gateway/egress")
is "$("$top/t/lib/ledger_rows" "$dir/gateway/egress" | grep acme)" \
   "acme - ping origin office egress=$size requests=1" \
   "ledger.conf: it is booked to the tenant and its network"
no_secret_leaked
stop_gateway


# tokens.conf

registry token keygen "$etc/token.key" 2> /dev/null
example tokens.conf
key=
status GET /v2/acme/app/manifests/1 -D "$dir/headers" > /dev/null
is "$(sed -n 's/\r//; s/^WWW-Authenticate: //Ip' "$dir/headers")" \
   "Bearer realm=\"http://$gateway/token\",service=\"registry.example.com\",\
scope=\"repository:acme/app:pull\"" "tokens.conf: clients are sent to the tokens"
runs "tokens.conf: a public image is pulled without a key" \
    skopeo --insecure-policy copy -q --src-no-creds --src-tls-verify=false \
    "docker://$gateway/public/app:1" "dir:$dir/public-token"
auth_file "$acme" "$dir/acme.json"
runs "tokens.conf: another one with a key" ask_image acme inspect \
    "docker://$gateway/acme/app:1"
request GET /jwks > /dev/null
is "$(jq -r '.keys[].alg' "$dir/body")" ES256 "tokens.conf: with public keys"
no_secret_leaked
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


# limits.conf

example limits.conf
key=$acme
status GET /v2/acme/app/manifests/1 -D "$dir/headers" > /dev/null
is "$(sed -n 's/\r//; s/^ratelimit-[a-z]*: //Ip' "$dir/headers" | xargs)" \
   "100;w=21600 99;w=21600" "limits.conf: a pull is told what is left"
registry tenant set acme --limit pulls=1/31d


refused() {
    [ "$(status GET /v2/acme/app/manifests/1)" = 429 ]
}


runs "limits.conf: a tenant may have less, at once" wait_for refused
is "$(status GET /v2/acme/app/tags/list)" 200 "limits.conf: of pulls alone"
registry tenant set acme --unlimit pulls
stop_gateway


# tls.conf

mkdir "$etc/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
    -subj /CN=registry.example.com -addext \
    subjectAltName=DNS:registry.example.com \
    -keyout "$etc/tls/registry.example.com.key" \
    -out "$etc/tls/registry.example.com.crt" 2> /dev/null
openssl rand -hex 32 > "$etc/registry.pepper"
peppered=$(new_key --pepper-file "$etc/registry.pepper" \
    --tenant acme --role image-pusher)
example tls.conf


# As request() does, by the name of the registry and TLS.

tls() {                                         # METHOD PATH
    curl -s -X "$1" -D "$dir/headers" -o "$dir/body" \
        -w '%{http_version} %{http_code}\n' ${key:+-u "someone:$key"} \
        --resolve "registry.example.com:$PORT:127.0.0.1" \
        --cacert "$etc/tls/registry.example.com.crt" \
        "https://registry.example.com:$PORT$2"
}


key=$peppered
is "$(tls GET /v2/)" "2 200" \
   "tls.conf: a key that is hashed with the pepper, by HTTP/2"
tls POST /v2/acme/app/blobs/uploads/ > /dev/null
like "$(grep -i '^location:' "$dir/headers")" \
     '^location: https://registry.example.com/v2/acme/app/blobs/uploads/' \
     "tls.conf: an upload goes on at the name of the registry"
key=
is "$(tls GET /v2/)" "2 401" "tls.conf: no key"
key=$(mistyped "$peppered")
is "$(tls GET /v2/)" "2 401" "tls.conf: a mistyped key"
fails "tls.conf: another name gets no certificate" 'unrecognized name|alert' \
    curl -svk "https://127.0.0.1:$PORT/v2/"
no_secret_leaked
stop_gateway


# htpasswd.conf: the backend has users and passwords of its own

htpasswd -Bbc "$dir/htpasswd" olduser oldpassword 2> /dev/null
htpasswd -Bb "$dir/htpasswd" gateway gatewaypassword 2> /dev/null
echo gateway:gatewaypassword > "$etc/registry.backend"
start_backend "
auth:
  htpasswd:
    realm: old
    path: $dir/htpasswd" 401
example htpasswd.conf

old=(-H 'Host: old.registry.example.com')
new=(-H 'Host: registry.example.com')
key=
is "$(status GET /v2/ "${old[@]}" -u olduser:oldpassword)" 200 \
   "htpasswd.conf: the old name takes the old password"
is "$(logged decision reason)" "deny malformed" \
   "htpasswd.conf: the log says who has not moved"
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


# cached.conf: one copy of a blob, and each request for it proven

head -c 32 /dev/urandom | base64 > "$etc/cdn.key"
openssl genrsa -out "$etc/cloudfront.pem" 2048 2> /dev/null

start_backend
example cached.conf
key=$acme
auth_file "$acme" "$dir/acme.json"
runs "cached.conf: a push" copy_image acme "oci:$dir/image" \
    "docker://$gateway/acme/app:1"

layer=$(jq -r '.layers[0].digest' "$dir/image/blobs/sha256/$(jq -r \
    '.manifests[0].digest' "$dir/image/index.json" | cut -d : -f 2)")

# a second repository has it, too, a third has not

runs "cached.conf: a copy" copy_image acme "oci:$dir/image" \
    "docker://$gateway/acme/copy:1"

: > "$backend_log"
is "$(status GET "/v2/acme/app/blobs/$layer")" 200 "cached.conf: a blob"
is "$(sha256sum < "$dir/body" | cut -d ' ' -f 1)" "${layer#*:}" \
   "cached.conf: the whole of it"
is "$(status GET "/v2/acme/copy/blobs/$layer")" 200 \
   "cached.conf: of another repository that has it"
is "$(status GET "/v2/acme/none/blobs/$layer")" 404 \
   "cached.conf: and of one that has not"
is "$(status HEAD "/v2/acme/none/blobs/$layer" --head)" 404 \
   "cached.conf: nor does HEAD say so"
is "$(status HEAD "/v2/acme/app/blobs/$layer" --head)" 200 \
   "cached.conf: where it is, HEAD does"
is "$(status GET "/v2/acme/none/blobs/$layer" -H 'Range: bytes=0-9')" 404 \
   "cached.conf: nor a range"
is "$(status GET "/v2/acme/app/blobs/$layer" -H 'Range: bytes=0-9')" 206 \
   "cached.conf: which is there where the blob is"
is "$(grep -c "^200 GET /v2/[a-z/]*blobs/$layer" "$backend_log")" 1 \
   "cached.conf: the backend has sent it once"
stop_gateway


# pull-through.conf: pull_through.sh has a hub for it

example pull-through.conf
key=
is "$(status GET /v2/)" 200 "pull-through.conf: a mirror is open to clients"
is "$(status POST /v2/library/app/blobs/uploads/)" 401 \
   "pull-through.conf: nothing is pushed without a key"
key=$acme
is "$(status GET /v2/library/app/manifests/1)" 403 \
   "pull-through.conf: a key has its own scopes"
stop_gateway


# edge.conf and shield.conf: the query is made by hand, as
# src/offload/reg_sign_hmac.c has it

sign_query() {                                  # HOST PATH
    local query mac

    query="reg_expires=$(($(date +%s) + 600))&reg_tenant=acme"
    query+="&reg_repository=acme/app"
    mac=$(printf 'reg1\nGET\n%s\n%s\n%s' "$1" "$2" "$query" |
        openssl dgst -sha256 -hmac "$(< "$etc/cdn.key")" -binary |
        basenc --base64url | tr -d =)
    echo "$query&reg_signature=$mac"
}

for name in edge shield; do
    host=edge.example.net:8081
    [ $name = edge ] || host=d111111abcdef8.cloudfront.net
    target=/v2/acme/app/blobs/$layer
    key=

    example $name.conf
    is "$(status GET "$target")" 403 "$name.conf: without a signature"
    : > "$backend_log"
    is "$(status GET "$target?$(sign_query $host "$target")")" 200 \
       "$name.conf: with one"
    is "$(sha256sum < "$dir/body" | cut -d ' ' -f 1)" "${layer#*:}" \
       "$name.conf: the blob"
    is "$(cut -d ' ' -f 1-3 "$backend_log")" "200 GET $target" \
       "$name.conf: the storage sees no signature"
    is "$(status GET "$target?$(sign_query other "$target")")" 403 \
       "$name.conf: not with that of another host"
    stop_gateway
done

mkdir "$dir/imported"
is "$(jq -c 'select(.status == 200) | [.tenant, .repository, .uri, .cache]' \
        "$dir/gateway/log/edge.log")" \
   "[\"acme\",\"acme/app\",\"$target\",\"MISS\"]" \
   "edge.conf: the log tells whose it was"
runs "edge.conf: it can be imported" registry egress import --format nginx \
    --ledger "$dir/imported" --route edge "$dir/gateway/log/edge.log"
is "$(registry egress report --ledger "$dir/imported" --format json |
        jq -c '.[] | [.tenant, .delivered_bytes]')" \
   "[\"acme\",$(jq -s 'map(select(.status == 200).bytes) | add' \
        "$dir/gateway/log/edge.log")]" "edge.conf: and is in reports"


# multi.conf, of which only the primary is there; the rest is in multi.sh

ml=$(new_key --tenant acme --scope 'repository:ml/**:pull')
example multi.conf
key=$acme
is "$(status GET "/v2/acme/app/blobs/$layer" -D "$dir/headers")" 307 \
   "multi.conf: a blob"
like "$(cat "$dir/headers")" "Location: https://edge.example.net/v2/acme/app/" \
    "multi.conf: from the edge"
key=$ml
is "$(status GET /v2/ml/llm/tags/list)" 502 \
   "multi.conf: a namespace of a registry that is away"
no_secret_leaked
stop_gateway


# which are all there are

is "$(printf '%s\n' "${tested[@]}" | sort | xargs)" \
   "$(cd "$top/conf.example" && ls -- *.conf |
       grep -vE '^(nginx|registry_proxy).conf$' | xargs)" \
   "every example was started"

finish
