#!/bin/bash
#
# pull-through.conf in front of a registry like Docker Hub, which takes nothing
# but tokens, and whose blobs are on another host, by a redirect.
#
#     client --> gateway --> hub (nginx) --> docker-registry
#                  |           +-- its realm is here, too
#                  +-------> the host of its blobs (nginx)
#
# Real clients pull through it, as nodes that have it for a mirror and with an
# API key.  Then the hub breaks in several ways.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v skopeo > /dev/null || skip_all "skopeo is not installed"

etc=$dir/gateway/etc/nginx
hub=$dir/hub
hub_log=$hub/log/access.log
cdn_log=$hub/log/cdn.log
pulls=${PULLS:-60}                  # of so many images
images=${IMAGES:-4}
size=${BLOB_SIZE:-8000000}          # bytes of the blob that a hundred want

mkdir -p "$hub/log" "$hub/tmp" "$etc"


# The registry of others.

hub_registry() {                                # ARGUMENTS
    "$NGX_REGISTRY" --store "file:$hub/store.json" "$@"
}


hub_conf() {
    cat <<END
$(nginx_user)
load_module  $MODULE;
worker_processes  1;
pid          $hub/nginx.pid;

events { }

http {
    $(nginx_paths "$hub/tmp")

    log_format  hub  '\$status \$request_method \$uri';

    registry_store      file:$hub/store.json;
    registry_token_key  $hub/token.key;

    registry_cdn cdn {
        url   http://127.0.0.2:$cdn_port/\$registry_digest_prefix/\$registry_digest_hex/data;
        sign  hmac key_file=$hub/cdn.key;
    }

    server {
        listen                 127.0.0.1:$hub_port;
        access_log             $hub_log hub;
        registry_token_issuer  hub.example.com;
        registry_challenge     bearer realm=http://127.0.0.1:$hub_port/token
                               service=hub.example.com;
        client_max_body_size   0;

        location = /token {
            registry_anonymous  repository:library/**:pull;
            registry_token;
        }

        location / {
            registry             on;
            registry_blob_route  cdn;
            proxy_set_header     Host \$http_host;
            proxy_pass           http://127.0.0.1:$BACKEND_PORT;
        }
    }

    server {
        listen      127.0.0.2:$cdn_port;
        access_log  $cdn_log hub;
        root        $dir/backend/registry/docker/registry/v2/blobs/sha256;

        location / {
            default_type  application/octet-stream;
            add_header    Set-Cookie "of=one";
            if (\$http_authorization) { return 400; }
        }
    }
}
END
}


start_hub() {
    hub_port=$(free_port)
    cdn_port=$(free_port)

    hub_registry token keygen "$hub/token.key" 2> /dev/null
    head -c 32 /dev/urandom | base64 > "$hub/cdn.key"
    hub_registry tenant set robots
    robot=$(hub_registry key create --output key --tenant robots \
        --scope 'repository:**:pull,push')

    hub_conf > "$hub/nginx.conf"
    start_nginx "$hub/nginx.conf" "$hub_port" "$hub/log/error.log" &&
        wait_for answers "http://127.0.0.1:$hub_port/v2/" 401 ||
        give_up "the hub starts"
    hub_pid=$nginx_pid
}


push_to_hub() {                                 # LAYOUT NAME
    skopeo --insecure-policy copy -q --dest-tls-verify=false \
        --dest-creds "robot:$robot" "oci:$1" \
        "docker://127.0.0.1:$hub_port/$2" || give_up "the hub has $2"
}


# The example, with this hub for Docker Hub; a tag is looked up again after TIME,
# and a proof after a second.

start_pull_through() {                          # TIME
    export PORT=$(free_port)
    gateway=127.0.0.1:$PORT

    "$top/scripts/render-example" "$dir/gateway" pull-through.conf
    echo "robot:$robot" > "$etc/hub.password"
    sed -i -e "s|https://registry-1.docker.io|http://127.0.0.1:$hub_port|" \
        -e "s|https://auth.docker.io/token|http://127.0.0.1:$hub_port/token|" \
        -e "s|production.cloudflare.docker.com|127.0.0.2:$cdn_port|" \
        -e "s|# credential_file|credential_file|" \
        -e "s|200 5m|200 $1|" -e 's|ttl=1d|ttl=1s|' \
        "$etc/registry.conf"

    mkdir -p "$dir/gateway/egress"
    sed -i "1i registry_ledger $dir/gateway/egress;" "$etc/registry.conf"

    start_nginx "$etc/nginx.conf" "$PORT" "$gateway_errors" ||
        give_up "the gateway starts"
    gateway_pid=$nginx_pid
}


# How often the hub, or the host of its blobs, was asked so.

asked() {                                       # LOG REGEX
    grep -cE "$2" "$1"
}


# A pull of an image as a node does it: HEAD of the tag, then all of it.

pull() {                                        # NAME
    local url=http://$gateway/v2/$1 accept="Accept: $oci_manifest" manifest

    curl -sf -m 60 -o /dev/null --head -H "$accept" "$url/manifests/1" &&
        manifest=$(curl -sf -m 60 -H "$accept" "$url/manifests/1") &&
        jq -r --arg url "$url/blobs" '.config.digest, .layers[].digest |
            "url = \"\($url)/\(.)\"\noutput = /dev/null"' <<< "$manifest" |
        curl -sf -m 60 -K -
}


# So many pulls, of each image in turn; prints how many fail.

pull_many() {                                   # NUMBER
    local i failed=0

    for i in $(seq "$1"); do
        pull "app$((i % images + 1))" || failed=$((failed + 1))
    done

    echo "$failed"
}


# A blob that no image has, straight into the registry; prints its digest.

big_blob() {                                    # FILE
    local url=http://127.0.0.1:$BACKEND_PORT/v2/library/app1/blobs/uploads/
    local digest=sha256:$(sha256sum "$1" | cut -d ' ' -f 1)

    url=$(curl -s -X POST -D - -o /dev/null "$url" |
        sed -n 's/\r//; s/^Location: //Ip')
    curl -sf -o /dev/null -T "$1" "$url&digest=$digest" &&
        echo "$digest"
}


# Where the host of blobs has it.

blob_file() {                                   # DIGEST
    local hex=${1#*:}

    echo "$dir/backend/registry/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data"
}

oci_manifest=application/vnd.oci.image.manifest.v1+json

start_backend
start_hub
for i in $(seq "$images"); do
    oci_layout "$dir/image$i" amd64
    push_to_hub "$dir/image$i" "library/app$i:1"
done
push_to_hub "$dir/image1" "private/app:1"

registry tenant set nodes
registry tenant set acme
puller=$(new_key --tenant acme --scope 'repository:app1:pull')
start_pull_through 1s
: > "$hub_log"
auth_file "$puller" "$dir/puller.json"

manifest=$(jq -r '.manifests[0].digest' "$dir/image1/index.json")
layer=$(jq -r '.layers[0].digest' "$dir/image1/blobs/sha256/${manifest#*:}")


# clients

runs "skopeo pulls as a node, without a key" skopeo --insecure-policy copy -q \
    --src-no-creds --src-tls-verify=false "docker://$gateway/app1:1" \
    "oci:$dir/pulled"
runs "the layer is what it was" cmp \
    "$dir/image1/blobs/sha256/${layer#*:}" "$dir/pulled/blobs/sha256/${layer#*:}"
runs "and one that only the credential may have" skopeo --insecure-policy \
    inspect --no-creds --tls-verify=false "docker://$gateway/private/app:1"

key=$puller
is "$(status GET "/v2/app1/manifests/1" -H "Accept: $oci_manifest")" 200 \
   "who has a key pulls what its scopes allow"
is "$(status GET "/v2/private/app/manifests/1" -H "Accept: $oci_manifest")" 403 \
   "and not what somebody else has put into the cache"
is "$(status GET "/v2/private/app/blobs/$layer")" 403 "nor a blob of it"
key=
is "$(status GET "/v2/app2/blobs/$layer")" 404 \
   "and a blob is where it is, in the cache or not"

is "$(asked "$cdn_log" "^200 GET .*${layer#*:}")" 1 \
   "of two repositories, a layer was fetched once"
is "$(asked "$cdn_log" '^400')" 0 "and the host of blobs saw no credential"
is "$(asked "$hub_log" '^200 GET /token')" 3 \
   "a token was had once for each repository"

if start_containerd; then
    mkdir -p "$dir/hosts/docker.io"
    cat > "$dir/hosts/docker.io/hosts.toml" <<END
server = "http://127.0.0.1:1"

[host."http://$gateway"]
  capabilities = ["pull", "resolve"]
END
    runs "ctr pulls, with this for a mirror" \
        ctr_images pull --hosts-dir "$dir/hosts" docker.io/library/app2:1
fi

if start_docker --registry-mirror "http://$gateway"; then
    runs "docker pulls, with this for a mirror" docker pull -q app3:1
fi


# a hundred who want the same at once

head -c "$size" /dev/urandom > "$dir/big"
big=$(big_blob "$dir/big") || give_up "the hub has a large blob"
printf 'url = "http://%s/v2/app1/blobs/%s"\noutput = /dev/null\n' \
    $(for i in {1..100}; do echo "$gateway" "$big"; done) > "$dir/hundred"
curl -s --parallel --parallel-immediate --parallel-max 100 -K "$dir/hundred" \
    -w '%{http_code} %{size_download}\n' 2> /dev/null | sort | uniq -c |
    xargs > "$dir/codes"
is "$(cat "$dir/codes")" "100 200 $size" "a hundred get all of it"
is "$(asked "$cdn_log" "GET .*${big#*:}") $(asked "$hub_log" \
    "GET /v2/.*$big")" "1 1" "which was fetched once"

status GET "/v2/app1/blobs/$big" -r 1000-1999 > "$dir/code"
is "$(cat "$dir/code") $(cmp "$dir/body" <(tail -c +1001 "$dir/big" |
    head -c 1000) && echo same)" "206 same" "a part of it comes from the cache"


# bytes that are something else

head -c 500000 /dev/urandom > "$dir/good"
good=$(big_blob "$dir/good") || give_up "the hub has another blob"
printf x | dd of="$(blob_file "$good")" bs=1 seek=499999 conv=notrunc 2> /dev/null
for i in 1 2; do
    curl -s -m 30 -o "$dir/cut" "http://$gateway/v2/app1/blobs/$good"
    is $(($? != 0 && $(stat -c %s "$dir/cut") < 500000)) 1 \
        "what is something else is cut"
done
is "$(asked "$cdn_log" "GET .*${good#*:}")" 2 "and asked for again"
like "$(cat "$gateway_errors")" \
    "sent 500000 bytes for $good that are something else" "the log says so"
cp "$dir/good" "$(blob_file "$good")"
is "$(status GET "/v2/app1/blobs/$good") $(cmp "$dir/body" "$dir/good" &&
    echo same)" "200 same" "until it is right"


# the hub is away, and what is kept is older than it should be

is "$(pull_many "$images")" 0 "each image is pulled once"
stop "$hub_pid"
sleep 2
is "$(pull_many $((2 * images)))" 0 "and while the hub is away"
is "$(status GET "/v2/library/nothing/manifests/1")" 502 \
   "what is not there is not made up"

if docker version > /dev/null 2>&1; then
    docker rmi -f app3:1 > /dev/null 2>&1
    runs "docker pulls as well" docker pull -q app3:1
fi


# many pulls are few for the hub

stop_gateway
rm -rf "$dir"/gateway/cache/*
start_nginx "$hub/nginx.conf" "$hub_port" "$hub/log/error.log" &&
    wait_for answers "http://127.0.0.1:$hub_port/v2/" 401 ||
    give_up "the hub is back"
start_pull_through 1h
: > "$hub_log"
: > "$cdn_log"
is "$(pull_many "$pulls")" 0 "$pulls pulls of $images images"
is "$(asked "$hub_log" '^200 GET /v2/.*/manifests/')" "$images" \
   "as many manifests of the hub"
is "$(asked "$cdn_log" '^200 GET ')" $((2 * images)) "and two blobs of each"

is "$(registry egress report --ledger "$dir/gateway/egress" --format json \
        --by tenant | jq -r '.[] | select(.egress_bytes > 100000).tenant')" nodes \
   "what the gateway sends itself is nobody's egress"

is "$(grep -lF "$robot" "$gateway_errors" "$hub_log" "$cdn_log")" "" \
   "no log holds the credential"
no_secret_leaked

finish
