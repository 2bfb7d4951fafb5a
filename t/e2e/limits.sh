#!/bin/bash
#
# docker and skopeo at a limit: a pull of twenty layers that crosses it half-way
# is completed, and the next one is refused in words that a person can use.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v skopeo > /dev/null || skip_all "skopeo is not installed"

layers=20


# An image of so many layers in DIR, as oci_layout makes one.

oci_layers() {                                  # DIR COUNT
    local type=application/vnd.oci.image i layer list=() diffs=() config

    mkdir -p "$1/blobs/sha256" "$1/root"
    echo '{"imageLayoutVersion":"1.0.0"}' > "$1/oci-layout"

    for ((i = 1; i <= $2; i++)); do
        head -c 2000 /dev/urandom > "$1/root/file-$i"
        tar -C "$1/root" --owner=0 --group=0 -cf "$1/layer.tar" "file-$i"
        diffs+=("sha256:$(sha256sum "$1/layer.tar" | cut -d ' ' -f 1)")
        list+=("$(gzip -nc "$1/layer.tar" |
            oci_blob "$1" $type.layer.v1.tar+gzip)")
    done

    config=$(jq -nc '{architecture: "amd64", os: "linux",
        config: {Cmd: ["/bin/true"]},
        rootfs: {type: "layers", diff_ids: $ARGS.positional}}' \
        --args "${diffs[@]}" | oci_blob "$1" $type.config.v1+json)

    printf '%s\n' "${list[@]}" |
        jq -sc --argjson config "$config" --arg type $type.manifest.v1+json \
            '{schemaVersion: 2, mediaType: $type, config: $config,
              layers: .}' |
        oci_blob "$1" $type.manifest.v1+json |
        jq -c '{schemaVersion: 2, manifests: [. + {annotations:
            {"org.opencontainers.image.ref.name": "latest"}}]}' \
            > "$1/index.json"

    rm -r "$1/root" "$1/layer.tar"
}


# How many blobs the backend was asked for.

blobs_served() {
    grep -cE '^(200|307) GET /v2/acme/app/blobs/' "$backend_log"
}


limited() {                                     # KEY STATUS PATH
    key=$1
    [ "$(status GET "$3")" = "$2" ]
}


start_backend
registry tenant set acme
pusher=$(new_key --tenant acme --role image-pusher --limit calls=off \
    --limit pulls=off)
start_gateway limits.conf
auth_file "$pusher" "$dir/pusher.json"

oci_layers "$dir/image" $layers
app=docker://$gateway/acme/app
runs "an image of $layers layers is pushed" \
    copy_image pusher "oci:$dir/image:latest" "$app:1"


# A limit of requests that lasts to the middle of a pull.

half=$((layers / 2))
registry tenant set acme --limit calls=$half/31d
skopeo=$(new_key --tenant acme --role image-puller)
wait_for limited "$skopeo" 200 /v2/

# skopeo would wait for a minute four times: the one in front is impatient

cat > "$dir/front.conf" <<END
$(nginx_user)
pid  $dir/front.pid;
events { }
http {
    $(nginx_paths "$dir/backend/tmp")
    access_log off;
    server {
        listen              127.0.0.1:$(free_port | tee "$dir/front.port");
        proxy_hide_header   Retry-After;
        add_header          Retry-After 0 always;
        proxy_set_header    Host \$http_host;
        proxy_http_version  1.1;
        location / {
            proxy_pass  http://$gateway;
        }
    }
}
END
start_nginx "$dir/front.conf" "$(< "$dir/front.port")" "$dir/gateway/log/front" ||
    give_up "the server in front starts"
front=127.0.0.1:$(< "$dir/front.port")

gateway_before=$gateway
gateway=$front
auth_file "$skopeo" "$dir/skopeo.json"
gateway=$gateway_before

runs "skopeo: a pull that crosses the limit is completed" \
    copy_image skopeo "docker://$front/acme/app:1" "oci:$dir/back:latest"
is "$(ls "$dir/back/blobs/sha256")" "$(ls "$dir/image/blobs/sha256")" \
   "skopeo: with all layers"
is "$(blobs_served)" $((layers + 1)) "skopeo: and the configuration"
fails "skopeo: the next pull is refused, and the client says why" \
    "toomanyrequests: too many requests: $half in 31d are allowed per address, \
try again in [0-9]+ seconds" \
    copy_image skopeo "docker://$front/acme/app:1" "oci:$dir/next:latest"
is "$(blobs_served)" $((layers + 1)) "skopeo: before it has asked for a layer"


# docker

command -v dockerd > /dev/null && [ "$EUID" = 0 ] || {
    diag "docker is not tested: it is not installed, or this is not root"
    finish
}

start_docker || {
    diag "docker is not tested: dockerd does not start here"
    finish
}

registry tenant set acme --unlimit calls --limit pulls=1/31d
docker=$(new_key --tenant acme --role image-puller --limit calls=1000/31d)
wait_for limited "$docker" 200 /v2/
docker login --username someone --password-stdin "$gateway" \
    <<< "$docker" > "$dir/docker.out" 2>&1
image=$gateway/acme/app:1

runs "docker: a pull that takes the last permit is completed" \
    docker pull -q "$image"
is "$(docker image inspect -f '{{len .RootFS.Layers}}' "$image")" $layers \
   "docker: with all layers"
docker rmi "$image" > /dev/null 2>&1
fails "docker: the next pull is refused, and the client says why" \
    "toomanyrequests: too many pulls: 1 in 31d are allowed per key, try again \
in [0-9]+ seconds" \
    docker pull "$image"

no_secret_leaked
finish
