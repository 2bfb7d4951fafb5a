#!/bin/bash
#
# Real clients get blobs by way of an edge on another host, go on where a
# connection to it was cut, and never show it their keys.

set -uo pipefail
. "$(dirname "$0")/../lib/offload.sh"
. "$(dirname "$0")/../lib/fault_proxy.sh"


# What the edge was asked since the last time, less what is always so.

edge_saw() {
    tail -n "+$((edge_lines + 1))" "$edge_log" |
        sed 's/ acme acme.app authorization="-" cookie="-"//' |
        sed -E 's/"bytes=[0-9]+-([0-9]*)"/part/; s/range="-"/whole/; s/range=//' |
        sort | uniq -c | xargs
}


edge_forget() {
    edge_lines=$(wc -l < "$edge_log")
}


# CLIENT pulls by "CLIENT_pull", and "CLIENT_forget" lets it begin anew.

goes_by_the_edge() {                            # CLIENT
    local before=$(redirected)

    edge_forget
    runs "$1 pulls" "$1_pull"
    is "$(edge_saw)" "2 200 GET whole" "$1: both blobs came from the edge"
    is "$(($(redirected) - before))" "$size" \
        "$1: and were booked as the manifest has them"

    "$1_forget"
    edge_forget
    fault cut 150000
}


resumes() {                                     # CLIENT
    goes_by_the_edge "$1"
    runs "$1 pulls though the edge is cut off" "$1_pull"
    is "$(edge_saw)" "2 200 GET whole 1 206 GET part" \
       "$1: it goes on where it was"
}


# Older ones do not go on by themselves, and need not: they may be told again.

begins_anew() {                                 # CLIENT
    goes_by_the_edge "$1"
    "$1_pull" > "$dir/cut.log" 2>&1 || runs "$1, cut off, pulls again" "$1_pull"
    like "$(edge_saw)" '^[2-4] 200 GET whole' "$1: from the edge"
}


start_backend
registry tenant set acme
pusher=$(new_key --tenant acme --role image-pusher)
puller=$(new_key --tenant acme --role image-puller)

redis_port=$edge_port
start_proxy 127.0.0.2
edge_public=127.0.0.2:$proxy_port
start_offload

oci_layout "$dir/image" amd64
auth_file "$pusher" "$dir/pusher.json"
auth_file "$puller" "$dir/puller.json"
runs "an image is pushed" copy_image pusher "oci:$dir/image" \
    "docker://$gateway/acme/app:1"

app=$gateway/acme/app:1
manifest=$dir/image/blobs/sha256/$(jq -r '.manifests[0].digest' \
    "$dir/image/index.json" | cut -d : -f 2)
layer=$(jq -r '.layers[0].digest' "$manifest")
size=$(jq '[.config.size, .layers[].size] | add' "$manifest")


skopeo_pull() {
    copy_image puller "docker://$app" "oci:$dir/pulled" &&
        cmp "$dir/image/blobs/sha256/${layer#*:}" \
            "$dir/pulled/blobs/sha256/${layer#*:}"
}

skopeo_forget() {
    rm -r "$dir/pulled"
}

begins_anew skopeo


podman_pull() {
    podman --root "$dir/podman" --runroot "$dir/podman-run" \
        --storage-driver vfs pull -q --tls-verify=false \
        --authfile "$dir/puller.json" "$app"
}

podman_forget() {
    podman --root "$dir/podman" --runroot "$dir/podman-run" \
        --storage-driver vfs rmi "$app" > /dev/null 2>&1
}

if command -v podman > /dev/null; then
    begins_anew podman
fi


docker_pull() {
    docker pull -q "$app"
}

docker_forget() {
    docker rmi "$app" > /dev/null
}

if start_docker; then
    docker login --username someone --password-stdin "$gateway" \
        <<< "$puller" > /dev/null 2>&1
    resumes docker
fi


ctr_pull() {
    ctr_images pull --plain-http -u "someone:$puller" "$app"
}

ctr_forget() {
    ctr_images rm --sync "$app" > /dev/null
}

if start_containerd; then
    resumes ctr
fi


is "$(grep -vc 'authorization="-" cookie="-" range=' "$edge_log")" 0 \
   "the edge never saw a credential"
no_secret_leaked

finish
