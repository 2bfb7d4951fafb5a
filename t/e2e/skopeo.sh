#!/bin/bash
#
# skopeo: a push, a multi-arch index, a pull, listing, mounts, deletion, and
# what it says when it may not.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v skopeo > /dev/null || skip_all "skopeo is not installed"


# The digest of a manifest as it is.

digest() {                                      # IMAGE
    skopeo inspect --raw "$1" | sha256sum
}


digest_of() {                                   # NAME IMAGE
    ask_image "$1" inspect --raw "$2" | sha256sum
}


start_backend
registry tenant set acme
registry tenant set other
pusher=$(new_key --tenant acme --role image-pusher)
puller=$(new_key --tenant acme --role image-puller)
admin=$(new_key --tenant acme --role registry-admin)
stranger=$(new_key --tenant other --role image-pusher)
start_gateway

for name in pusher puller admin stranger; do
    auth_file "${!name}" "$dir/$name.json"
done

auth_file "$(mistyped "$pusher")" "$dir/mistyped.json"

image=oci:$dir/image:latest
index=oci:$dir/index:latest
oci_layout "$dir/image" amd64
oci_layout "$dir/index" amd64 arm64

app=docker://$gateway/acme/app
copy=docker://$gateway/acme/copy


# pushed and pulled, it is the same image

runs "an image is pushed" copy_image pusher "$image" "$app:1"
runs "it is pulled with a key that may only pull" \
    copy_image puller "$app:1" "oci:$dir/back:latest"
is "$(digest "oci:$dir/back:latest")" "$(digest "$image")" \
   "the manifest came back as it was"
is "$(cd "$dir/back/blobs/sha256" && sha256sum -- * | awk '$1 != $2')" "" \
   "every blob came back as it was"


# an index of two architectures

runs "a multi-arch index is pushed" \
    copy_image pusher --all "$index" "$app:multi"
is "$(digest_of puller "$app:multi")" "$(digest "$index")" \
   "the index came back as it was"
runs "all of it is pulled" \
    copy_image puller --all "$app:multi" "oci:$dir/multi:latest"
is "$(ls "$dir/multi/blobs/sha256")" "$(ls "$dir/index/blobs/sha256")" \
   "with both images and their layers"
runs "one architecture is pulled" \
    copy_image puller --override-arch arm64 "$app:multi" "dir:$dir/arm64"
config=$(jq -r '.config.digest | sub("sha256:"; "")' "$dir/arm64/manifest.json")
is "$(jq -r .architecture "$dir/arm64/$config")" arm64 \
   "and it is the one that was asked for"


# inspect and list-tags

is "$(ask_image puller inspect "$app:1" | jq -r '.Architecture + " " + .Os')" \
   "amd64 linux" "inspect"
is "$(ask_image puller list-tags "$app" | jq -c '.Tags | sort')" \
   '["1","multi"]' "list-tags"


# a mount from a repository that the key may read copies no layer

copy_image pusher "$app:1" "$copy:1"
is "$(digest_of puller "$copy:1")" "$(digest "$image")" \
   "an image is copied within the tenant"
like "$(grep 'POST /v2/acme/copy/blobs/uploads/' "$backend_log")" \
     '^201 \S+ \S+\?from=acme%2Fapp&mount=sha256' \
     "its layers are mounted: the backend answers 201, not 202"


# a mount from a repository of somebody else becomes an upload

layer=$(skopeo inspect --raw "$image" | jq -r '.layers[0].digest')
uploads=/v2/other/stolen/blobs/uploads/
key=$stranger
is "$(status POST "$uploads?mount=$layer&from=acme/app")" 202 \
   "a mount from another tenant is answered with an upload"
is "$(grep "POST $uploads" "$backend_log" | cut -d ' ' -f 1-3)" \
   "202 POST $uploads" "the backend is asked for no more than that"
is "$(status GET "/v2/other/stolen/blobs/$layer")" 404 \
   "and the layer is not in the other repository"


# what may not be, and how skopeo says it

before=$(wc -l < "$backend_log")
fails "a push with a key that may only pull" \
    'denied: .+' copy_image puller "$image" "$app:2"
fails "a pull from another tenant" \
    'denied: .+' ask_image stranger inspect "$app:1"
fails "a pull without credentials" 'authentication required|unauthorized' \
    skopeo inspect --no-creds --tls-verify=false "$app:1"
fails "a pull with a mistyped key" 'unauthorized|invalid username/password' \
    ask_image mistyped inspect "$app:1"
is "$(tail -n +$((before + 1)) "$backend_log" |
      grep -vE '^200 (GET /v2/|HEAD /v2/acme/app/blobs/\S+) ')" "" \
   "the backend heard of none, but whether it has a layer that may be pulled"


# deletion takes a role of its own

fails "a deletion with a key that may only push" 'denied|403|does not grant' \
    ask_image pusher delete "$app:1"
runs "an image is deleted" ask_image admin delete "$app:1"
fails "it is gone" 'manifest unknown' ask_image puller inspect "$app:1"

no_secret_leaked
finish
