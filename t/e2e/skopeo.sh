#!/bin/bash
#
# skopeo: a push, a multi-arch index, a pull, listing, mounts, deletion, and
# what it says when it may not.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v skopeo > /dev/null || skip_all "skopeo is not installed"

start_backend
registry tenant set acme
registry tenant set other

pusher=$(new_key --tenant acme --name pusher --role image-pusher)
puller=$(new_key --tenant acme --name puller --role image-puller)
admin=$(new_key --tenant acme --name admin --role registry-admin)
stranger=$(new_key --tenant other --name stranger --role image-pusher)

start_gateway

for name in pusher puller admin stranger; do
    auth_file "${!name}" "$dir/$name.json"
done

oci_layout "$dir/image" amd64
oci_layout "$dir/index" amd64 arm64


# skopeo without what it needs for plain HTTP and in a test

copy() {                                        # AUTH-NAME FROM TO [OPTION]...
    local auth=$1

    shift
    skopeo --insecure-policy copy -q --authfile "$dir/$auth.json" \
        --src-tls-verify=false --dest-tls-verify=false "$@"
}


ask() {                                         # AUTH-NAME COMMAND ARGUMENT...
    local auth=$1 command=$2

    shift 2
    skopeo "$command" --authfile "$dir/$auth.json" --tls-verify=false "$@"
}


app=docker://$gateway/acme/app


# pushed and pulled, it is the same image

runs "an image is pushed" copy pusher "oci:$dir/image:latest" "$app:1"
runs "it is pulled with a key that may only pull" \
    copy puller "$app:1" "oci:$dir/back:latest"
is "$(skopeo inspect --raw "oci:$dir/back:latest" | sha256sum)" \
   "$(skopeo inspect --raw "oci:$dir/image:latest" | sha256sum)" \
   "the manifest came back as it was"
is "$(cd "$dir/back/blobs/sha256" && sha256sum -- * | awk '$1 != $2')" "" \
   "every blob came back as it was"


# an index of two architectures

runs "a multi-arch index is pushed" \
    copy pusher --all "oci:$dir/index:latest" "$app:multi"
is "$(ask puller inspect --raw "$app:multi" | sha256sum)" \
   "$(skopeo inspect --raw "oci:$dir/index:latest" | sha256sum)" \
   "the index came back as it was"
runs "all of it is pulled" \
    copy puller --all "$app:multi" "oci:$dir/multi:latest"
is "$(cd "$dir/multi/blobs/sha256" && echo *)" \
   "$(cd "$dir/index/blobs/sha256" && echo *)" \
   "with both images and their layers"
runs "one architecture is pulled" \
    copy puller --override-arch arm64 "$app:multi" "dir:$dir/arm64"
is "$(jq -r .architecture "$dir/arm64/$(jq -r \
    '.config.digest | sub("sha256:"; "")' "$dir/arm64/manifest.json")")" \
   arm64 "and it is the one that was asked for"


# inspect and list-tags

is "$(ask puller inspect "$app:1" | jq -r '.Architecture + " " + .Os')" \
   "amd64 linux" "inspect"
is "$(ask puller list-tags "$app" | jq -c '.Tags | sort')" '["1","multi"]' \
   "list-tags"


# a mount from a repository that the key may read copies no layer

posts() { grep -c "POST /v2/$1/blobs/uploads/?$2" "$backend_log"; }

copy pusher "$app:1" "docker://$gateway/acme/copy:1"
is "$(ask puller inspect --raw "docker://$gateway/acme/copy:1" | sha256sum)" \
   "$(skopeo inspect --raw "oci:$dir/image:latest" | sha256sum)" \
   "an image is copied within the tenant"
like "$(grep 'POST /v2/acme/copy/blobs/uploads/' "$backend_log")" \
     '^201 POST /v2/acme/copy/blobs/uploads/\?from=acme%2Fapp&mount=sha256' \
     "its layers are mounted: the backend answers 201, not 202"


# a mount from a repository of somebody else becomes an upload

layer=$(jq -r '.layers[0].digest' \
    <<< "$(skopeo inspect --raw "oci:$dir/image:latest")")
key=$stranger
is "$(request POST \
      "/v2/other/stolen/blobs/uploads/?mount=$layer&from=acme/app")" \
   202 "a mount from another tenant is answered with an upload"
is "$(grep -c 'other/stolen.*\(from\|mount\)=' "$backend_log")" 0 \
   "the backend is not asked to mount it"
is "$(grep -c '^202 POST /v2/other/stolen/blobs/uploads/ ' "$backend_log")" 1 \
   "but for an upload without mount and from"
is "$(request GET "/v2/other/stolen/blobs/$layer" | head -n 1)" 404 \
   "and the layer is not in the other repository"


# what may not be, and how skopeo says it

before=$(wc -l < "$backend_log")
fails "a push with a key that may only pull" \
    'denied: .+' copy puller "oci:$dir/image:latest" "$app:2"
fails "a pull from another tenant" 'denied: .+' ask stranger inspect "$app:1"
fails "a pull without credentials" \
    'authentication required|unauthorized' \
    skopeo inspect --no-creds --tls-verify=false "$app:1"
auth_file "$(mistyped "$pusher")" "$dir/wrong.json"
fails "a pull with a mistyped key" \
    'unauthorized|invalid username/password' ask wrong inspect "$app:1"
is "$(tail -n +$((before + 1)) "$backend_log" |
      grep -vE '^200 (GET /v2/|HEAD /v2/acme/app/blobs/\S+) ')" "" \
   "the backend heard of none, but whether it has a layer that may be pulled"


# deletion takes a role of its own

fails "a deletion with a key that may only push" 'denied|403' \
    ask pusher delete "$app:1"
runs "an image is deleted" ask admin delete "$app:1"
fails "it is gone" 'manifest unknown' ask puller inspect "$app:1"

no_secret_leaked
finish
