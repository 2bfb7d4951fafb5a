#!/bin/bash
#
# podman: login, push, pull, a mount between repositories, and refusals.

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
publisher=$(new_key --tenant acme --scope 'repository:public/**:pull,push')
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


# a layer that the registry has, from a repository that the key may read

pod tag "$app:1" "$gateway/acme/copy:1"
runs "push to another repository of the tenant" \
    pod push -q --tls-verify=false "$gateway/acme/copy:1"
like "$(grep 'POST /v2/acme/copy/blobs/uploads/' "$backend_log")" \
     '^201 \S+ \S+\?from=acme%2Fapp&mount=sha256' \
     "its layer was mounted: the backend answers 201, not 202"


# what a key may not do

runs "login with a key that may only pull" login "$puller"
fails "push with it is denied" 'denied: .+' \
    pod push --tls-verify=false "$app:1" "$app:2"

pod logout "$gateway" > /dev/null 2>&1
fails "pull without a login is refused" \
    'authentication required|unauthorized|invalid username/password' \
    pod pull -q --tls-verify=false "$app:1"

# tokens.conf lets everybody pull what is public

if [ "${example-}" = tokens.conf ]; then
    public=$gateway/public/app:1
    pod tag "$app:1" "$public"
    login "$publisher" > /dev/null 2>&1
    pod push -q --tls-verify=false "$public" > /dev/null 2>&1
    pod logout "$gateway" > /dev/null 2>&1
    pod rmi "$public" > /dev/null
    runs "pull without a login of what is public" \
        pod pull -q --tls-verify=false "$public"
    fails "push without a login is refused" \
        'authentication required|unauthorized|denied' \
        pod push -q --tls-verify=false "$public"
fi

no_secret_leaked
finish
