#!/bin/bash
#
# A backend that takes nothing but tokens of the gateway: docker-registry with
# "auth: token", and a certificate of the key that signs.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v skopeo > /dev/null || skip_all "skopeo is not installed"

etc=$dir/gateway/etc/nginx
mkdir -p "$etc"


# The certificate that the backend has of the first key of a file.

certificate() {                                 # KEY FILE
    openssl req -x509 -key "$1" -days 2 -subj /CN=gateway -out "$2" \
        2> /dev/null
}


# registry.conf with tokens for the backend.

gateway_conf() {                                # [PARAMETER]...
    sed -e '/^upstream/i registry_token_key  /etc/nginx/token.key;' \
        -e '/registry  *on;/a registry_backend_auth  token service=backend '"$*"';' \
        -e '/listen /a registry_token_issuer  registry.example.com;' \
        "$top/conf.example/registry.conf"
}


# What the backend was sent last, less the signature.

last_token() {
    tail -n 1 "$backend_log" | sed -nE 's/.*authorization="Bearer ([^"]*)"/\1/p'
}


registry token keygen "$etc/token.key" 2> /dev/null
certificate "$etc/token.key" "$dir/gateway.crt"

start_backend "
auth:
  token:
    realm: http://127.0.0.1:1/token
    service: backend
    issuer: registry.example.com
    rootcertbundle: $dir/gateway.crt" 401
backend=127.0.0.1:$BACKEND_PORT

registry tenant set acme
pusher=$(new_key --tenant acme --role image-pusher)
admin=$(new_key --tenant acme --role registry-admin)

start() {                                       # [PARAMETER]...
    start_gateway
    gateway_conf "$@" | sed -e "s|/etc/nginx/|$etc/|" \
        -e "s|127.0.0.1:8080|127.0.0.1:$PORT|" \
        -e "s|127.0.0.1:5000|$backend|" \
        -e "s|file:/var/lib/ngx-registry/|file:$dir/gateway/|" \
        > "$etc/registry.conf"
    stop_gateway
    start_nginx "$etc/nginx.conf" "$PORT" "$gateway_errors" ||
        give_up "the gateway starts"
    gateway_pid=$nginx_pid
}


start kid=libtrust
oci_layout "$dir/image" amd64
app=docker://$gateway/acme/app
copy=docker://$gateway/acme/copy

for name in pusher admin; do
    auth_file "${!name}" "$dir/$name.json"
done


# nobody gets in but by the gateway

is "$(curl -s -u "someone:$pusher" -o /dev/null -w '%{http_code}' \
    "http://$backend/v2/")" 401 "the backend takes no API key"
key=$pusher
is "$(status GET /v2/)" 200 "a ping by the gateway"
runs "a push" copy_image pusher "oci:$dir/image:latest" "$app:1"
runs "a pull" copy_image pusher "$app:1" "oci:$dir/back:latest"
runs "a mount" copy_image pusher "$app:1" "$copy:1"
like "$(grep 'POST /v2/acme/copy/blobs/uploads/' "$backend_log")" \
     '^201 \S+ \S+\?from=acme%2Fapp&mount=sha256' \
     "its layers are mounted: the backend answers 201, not 202"
is "$(ask_image pusher list-tags "$app" | jq -c .Tags)" '["1"]' "a list"
key=$admin
is "$(status GET /v2/_catalog)" 200 "the catalog"
runs "a deletion" ask_image admin delete "$copy:1"


# what a token for the backend is good for

key=$pusher
status GET /v2/acme/app/tags/list > /dev/null
token=$(last_token)
bearer=(-H "Authorization: Bearer $token")


direct() {                                      # METHOD PATH
    curl -s -X "$1" "${bearer[@]}" -o /dev/null -w '%{http_code}' \
        "http://$backend$2"
}


is "$(direct GET /v2/acme/app/tags/list)" 200 "what was authorised"
is "$(direct PUT /v2/acme/app/manifests/2)" 401 "not another operation"
is "$(direct GET /v2/acme/copy/tags/list)" 401 "not another repository"
is "$(direct GET /v2/_catalog)" 401 "not the catalog"
key=
is "$(status GET /v2/acme/app/tags/list "${bearer[@]}")" 401 \
   "and nothing at the gateway"


# the name of a key as others have it: Distribution 2 does not know it

stop_gateway
start
key=$pusher
is "$(status GET /v2/acme/app/tags/list)" 502 \
   "docker-registry 2.8 does not know keys by their thumbprints"
like "$(< "$gateway_errors")" 'the backend wants credentials' \
     "which the error log says"

finish
