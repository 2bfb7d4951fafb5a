#!/bin/bash
#
# podman: login, push and pull.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v podman > /dev/null || skip_all "podman is not installed"


pod() {
    podman --root "$dir/podman" --runroot "$dir/podman-run" \
        --storage-driver vfs "$@"
}


login() {                                       # KEY
    pod login --tls-verify=false --username someone --password-stdin \
        "$gateway" <<< "$1"
}


pod info > "$dir/podman.log" 2>&1 ||
    skip_all "podman does not run here: $(tail -n 1 "$dir/podman.log")"

export REGISTRY_AUTH_FILE=$dir/auth.json

start_backend
registry tenant set acme
pusher=$(new_key --tenant acme --role image-pusher)
puller=$(new_key --tenant acme --role image-puller)
start_gateway

app=$gateway/acme/app
echo hello > "$dir/hello"
tar -C "$dir" -c hello | pod import - "$app:1" > /dev/null 2>&1 ||
    give_up "there is an image to work with"
id=$(pod image inspect -f '{{.Id}}' "$app:1")


# there and back

fails "login with a wrong key" 'invalid username/password|unauthorized' \
    login "$(mistyped "$pusher")"
runs "login" login "$pusher"
runs "push" pod push -q --tls-verify=false "$app:1"
pod rmi "$app:1" > /dev/null
runs "pull" pod pull -q --tls-verify=false "$app:1"
is "$(pod image inspect -f '{{.Id}}' "$app:1")" "$id" \
   "it is the image that was pushed"


# what a key may not do

runs "login with a key that may only pull" login "$puller"
fails "push with it is denied" 'denied: .+' \
    pod push --tls-verify=false "$app:1" "$app:2"

no_secret_leaked
finish
