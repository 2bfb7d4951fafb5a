#!/bin/bash
#
# multi.conf: many registries behind one name.  Whoever is the first choice of
# anybody is killed once.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

etc=$dir/gateway/etc/nginx
export BACKEND_PORT=$(free_port)
edge_port=$(free_port)
declare -A registries


# A registry with a storage of its own, on one of the addresses.

start_registry() {                              # NAME ADDRESS
    local conf=$dir/$1/registry.yml

    mkdir -p "$dir/$1/log" "$dir/$1/data"
    sed -e "s|/var/lib/docker-registry|$dir/$1/data|" \
        -e "s|127.0.0.1:5000|$2:$BACKEND_PORT|" \
        "$top/conf.example/docker-registry.yml" > "$conf"

    background env $(compgen -e REGISTRY_ | sed 's/^/-u /') \
        docker-registry serve "$conf" > "$dir/$1/log/registry.log" 2>&1
    registries[$1]=$!

    wait_for answers "http://$2:$BACKEND_PORT/v2/" 200 ||
        give_up "$1 starts"
}


# What a replica does of its own accord.

replicate() {                                   # FROM TO
    cp -a "$dir/$1/data/." "$dir/$2/data/"
}


# How often a registry was asked so, so far.

asked() {                                       # NAME METHOD PATH
    grep 'response completed' "$dir/$1/log/registry.log" |
        grep "http.request.method=$2 " | grep -c "http.request.uri=\"*$3"
}


# The status of a request from an address.

from() {                                        # ADDRESS METHOD PATH [OPTION]...
    local address=$1 method=$2 path=$3

    shift 3
    status "$method" "$path" --interface "$address" "$@" \
        -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        -H 'Accept: application/vnd.oci.image.index.v1+json'
}


edge_conf() {
    cat <<END
$(nginx_user)
load_module  $MODULE;
pid          $dir/edge/nginx.pid;

events { }

http {
    $(nginx_paths "$dir/edge/tmp")

    registry_cdn edge {
        url   http://127.0.0.9:$edge_port/;
        sign  hmac key_file=$etc/cdn.key;
    }

    upstream storage {
        server  127.0.0.1:$BACKEND_PORT;
        server  127.0.0.2:$BACKEND_PORT backup;
    }

    server {
        listen  127.0.0.9:$edge_port;

        location = /health { return 204; }

        location / {
            registry_verify_url  edge;
            rewrite              ^/public(/.*) \$1 break;
            proxy_pass           http://storage;
        }
    }
}
END
}


start_edge() {
    mkdir -p "$dir/edge/log" "$dir/edge/tmp"
    edge_conf > "$dir/edge/nginx.conf"
    start_nginx "$dir/edge/nginx.conf" "$PORT" "$dir/edge/log/error.log"
    edge_pid=$nginx_pid
    wait_for answers "http://127.0.0.9:$edge_port/health" 204 ||
        give_up "the private endpoint starts"
}


# multi.conf, with networks that there are here.

start_multi() {
    export PORT=$(free_port)
    gateway=127.0.0.1:$PORT

    "$top/scripts/render-example" "$dir/gateway" multi.conf
    head -c 32 /dev/urandom | base64 > "$etc/cdn.key"
    sed -i -e 's|10\.2\.0\.0/16|127.0.2.0/24|' \
        -e 's|10\.0\.0\.0/8|127.0.3.0/24|' \
        -e "s|blobs.internal:8082|127.0.0.9:$edge_port|" \
        -e "s|127.0.0.9:8082|127.0.0.9:$edge_port|" \
        -e "s|https://edge.example.net|http://127.0.0.9:$edge_port/public|" \
        "$etc/registry.conf"

    start_nginx "$etc/nginx.conf" "$PORT" "$gateway_errors" ||
        give_up "the gateway starts"
}


registry tenant set acme
registry tenant set ml
key=$(new_key --tenant acme --scope 'repository:**:pull,push,delete')

for name in main:1 main-us:2 ml:3 ml-copy:4; do
    start_registry "${name%:*}" "127.0.0.${name#*:}"
done

start_multi
start_edge

oci_layout "$dir/image" amd64
oci_layout "$dir/model" amd64
oci_layout "$dir/late" amd64
auth_file "$key" "$dir/key.json"

digest_of() {                                   # LAYOUT
    jq -r '.manifests[0].digest' "$dir/$1/index.json"
}

layer_of() {                                    # LAYOUT
    jq -r '.layers[0].digest' "$dir/$1/blobs/sha256/$(digest_of "$1" |
        cut -d : -f 2)"
}

image=$(digest_of image)
layer=$(layer_of image)


# what is pushed goes to the primary of its namespace

runs "an image is pushed" copy_image key "oci:$dir/image" \
    "docker://$gateway/acme/app:1"
runs "a model is pushed" copy_image key "oci:$dir/model" \
    "docker://$gateway/ml/llm:1"
is "$(find "$dir"/{main,main-us,ml,ml-copy}/data -name repositories \
        -exec ls {} + | grep -v ':$' | xargs)" "acme ml" \
   "each is in one registry"
is "$(ls "$dir/main/data/docker/registry/v2/repositories") \
$(ls "$dir/ml/data/docker/registry/v2/repositories")" "acme ml" \
   "which is the one of its namespace"


# what a replica does not have yet comes from the primary

is "$(from 127.0.2.1 GET "/v2/acme/app/manifests/$image")" 200 \
   "far away, it is there before the replica has it"
is "$(asked main-us GET "/v2/acme/app/manifests/")" 1 \
   "which was asked first"

replicate main main-us
replicate ml ml-copy


# who reads asks the nearest

before=$(asked main GET /v2/acme/app/)
is "$(from 127.0.2.1 GET "/v2/acme/app/manifests/$image")" 200 \
   "the replica has it"
is "$(asked main GET /v2/acme/app/)" "$before" "and nobody else was asked"
is "$(from 127.0.0.1 GET "/v2/acme/app/manifests/$image")" 200 \
   "in the region of the primary it is the primary's"
is "$(asked main GET /v2/acme/app/)" $((before + 1)) "and that was asked"


# what is asked by HEAD is the primary's to say

before=$(asked main HEAD /v2/acme/app/)
is "$(from 127.0.2.1 HEAD "/v2/acme/app/blobs/$layer" --head)" 200 \
   "a HEAD from far away"
is "$(asked main HEAD /v2/acme/app/)" $((before + 1)) "went to the primary"


# a private endpoint, for those who are there

location() {                                    # ADDRESS
    from "$1" GET "/v2/acme/app/blobs/$layer" -D "$dir/headers" > /dev/null
    sed -n 's/\r//; s/^Location: \([^?]*\).*/\1/Ip' "$dir/headers"
}

is "$(location 127.0.0.1)" \
   "http://127.0.0.9:$edge_port/public/v2/acme/app/blobs/$layer" \
   "the world gets blobs from the public edge"
is "$(location 127.0.3.1)" \
   "http://127.0.0.9:$edge_port/v2/acme/app/blobs/$layer" \
   "internal networks from the private endpoint"
from 127.0.3.1 GET "/v2/acme/app/blobs/$layer" -L > /dev/null
is "$(sha256sum < "$dir/body" | cut -d ' ' -f 1)" "${layer#*:}" \
   "which has them"

stop "$edge_pid"

by_the_gateway() {
    [ "$(from 127.0.3.1 GET "/v2/acme/app/blobs/$layer")" = 200 ]
}

wait_for by_the_gateway
ok $? "killed: blobs come by way of the gateway"
is "$(location 127.0.0.1)" \
   "http://127.0.0.9:$edge_port/public/v2/acme/app/blobs/$layer" \
   "and for the world nothing changes"


# the replica of a region is killed

stop "${registries[main-us]}" KILL
is "$(from 127.0.2.1 GET "/v2/acme/app/manifests/$image")" 200 \
   "killed, the replica: those near it read from the primary"
is "$(from 127.0.2.1 GET "/v2/acme/app/blobs/$layer")" 307 \
   "and blobs are proven there"
runs "and nobody who pushes notices" copy_image key "oci:$dir/late" \
    "docker://$gateway/acme/late:1"
start_registry main-us 127.0.0.2
start_edge


# the primary is killed

stop "${registries[main]}" KILL
is "$(from 127.0.0.1 GET "/v2/acme/app/manifests/$image")" 200 \
   "killed, the primary: those near it read from the replica"
is "$(from 127.0.0.1 HEAD "/v2/acme/app/manifests/1" --head)" 200 \
   "which answers a HEAD, too"
runs "an image is pulled" copy_image key "docker://$gateway/acme/app:1" \
    "oci:$dir/pulled"
is "$(status POST /v2/acme/app/blobs/uploads/)" 502 \
   "nothing is pushed to anybody else"
is "$(jq -r '.errors[0].code' "$dir/body")" UNAVAILABLE \
   "and the client hears so"
runs "other namespaces do not notice" copy_image key "oci:$dir/late" \
    "docker://$gateway/ml/late:1"
start_registry main 127.0.0.1


# the registry of a namespace is killed

stop "${registries[ml]}" KILL
model=$(digest_of model)
is "$(from 127.0.0.1 GET "/v2/ml/llm/manifests/$model")" 200 \
   "killed, the registry of a namespace: its replica has it"
is "$(asked ml-copy GET "/v2/ml/llm/manifests/")" 1 "and was asked"
is "$(status POST /v2/ml/llm/blobs/uploads/)" 502 "nothing is pushed there"
runs "and elsewhere nothing changes" copy_image key "oci:$dir/late" \
    "docker://$gateway/acme/later:1"

finish
