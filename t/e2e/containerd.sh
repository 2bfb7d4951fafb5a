#!/bin/bash
#
# containerd, by ctr: push, pull, a mount between repositories, and refusals.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v containerd > /dev/null || skip_all "containerd is not installed"
[ "$EUID" = 0 ] || skip_all "containerd needs root"


digest_of() {                                   # NAME
    ctr_images ls | awk -v name="$1" '$1 == name { print $3 }'
}


start_containerd || skip_all "containerd does not start here:" \
    "$(tail -n 1 "$dir/containerd.log")"

start_backend
registry tenant set acme
registry tenant set other
pusher=$(new_key --tenant acme --role image-pusher)
stranger=$(new_key --tenant other --role image-puller)
publisher=$(new_key --tenant acme --scope 'repository:public/**:pull,push')
start_gateway

app=$gateway/acme/app
oci_layout "$dir/image" amd64
tar -C "$dir/image" -cf "$dir/image.tar" .
ctr_images import --index-name "$app:1" "$dir/image.tar" > /dev/null ||
    give_up "there is an image to work with"
digest=$(digest_of "$app:1")


# there and back

runs "push" ctr_images push --plain-http -u "someone:$pusher" "$app:1"
ctr_images rm "$app:1" > /dev/null
runs "pull" ctr_images pull --plain-http -u "someone:$pusher" "$app:1"
is "$(digest_of "$app:1")" "$digest" "it is the image that was pushed"


# containerd writes down where it has a layer from, and offers to mount it

ctr_images tag "$app:1" "$gateway/acme/copy:1" > /dev/null
runs "push to another repository of the tenant" \
    ctr_images push --plain-http -u "someone:$pusher" "$gateway/acme/copy:1"
like "$(grep 'POST /v2/acme/copy/blobs/uploads/' "$backend_log")" \
     '^201 \S+ \S+\?mount=sha256:\S+&from=acme/app ' \
     "its layer was mounted: the backend answers 201, not 202"


# who may not

fails "a pull as another tenant is refused" '403|denied' \
    ctr_images pull --plain-http -u "someone:$stranger" "$app:1"
fails "a pull without credentials is refused" '401|authorization failed' \
    ctr_images pull --plain-http "$app:1"

# tokens.conf lets everybody pull what is public

if [ "${example-}" = tokens.conf ]; then
    public=$gateway/public/app:1
    ctr_images tag "$app:1" "$public" > /dev/null
    ctr_images push --plain-http -u "someone:$publisher" "$public" > /dev/null 2>&1
    ctr_images rm "$public" > /dev/null
    runs "a pull without credentials of what is public" \
        ctr_images pull --plain-http "$public"
    ctr_images tag "$public" "$gateway/public/mine:1" > /dev/null
    fails "a push without credentials is refused" '401|authorization failed' \
        ctr_images push --plain-http "$gateway/public/mine:1"
fi

no_secret_leaked
finish
