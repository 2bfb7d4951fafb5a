#!/bin/bash
#
# containerd, by ctr: push, pull, and refusals.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v containerd > /dev/null || skip_all "containerd is not installed"
[ "$EUID" = 0 ] || skip_all "containerd needs root"


images() {                                      # COMMAND ARGUMENT...
    ctr -a "$dir/containerd.sock" images "$@"
}


digest_of() {                                   # NAME
    images ls | awk -v name="$1" '$1 == name { print $3 }'
}


cat > "$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "$dir/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "$dir/containerd.sock"
END

background containerd -c "$dir/containerd.toml" > "$dir/containerd.log" 2>&1
wait_for images ls || skip_all "containerd does not start here:" \
    "$(tail -n 1 "$dir/containerd.log")"

start_backend
registry tenant set acme
registry tenant set other
pusher=$(new_key --tenant acme --role image-pusher)
stranger=$(new_key --tenant other --role image-puller)
start_gateway

app=$gateway/acme/app
oci_layout "$dir/image" amd64
tar -C "$dir/image" -cf "$dir/image.tar" .
images import --index-name "$app:1" "$dir/image.tar" > /dev/null ||
    give_up "there is an image to work with"
digest=$(digest_of "$app:1")


# there and back

runs "push" images push --plain-http -u "someone:$pusher" "$app:1"
images rm "$app:1" > /dev/null
runs "pull" images pull --plain-http -u "someone:$pusher" "$app:1"
is "$(digest_of "$app:1")" "$digest" "it is the image that was pushed"


# who may not

fails "a pull as another tenant is refused" '403|denied' \
    images pull --plain-http -u "someone:$stranger" "$app:1"
fails "a pull without credentials is refused" '401|authorization failed' \
    images pull --plain-http "$app:1"

no_secret_leaked
finish
