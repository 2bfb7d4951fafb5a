#!/bin/bash
#
# docker: login, push, pull, a mount between repositories, and refusals.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v dockerd > /dev/null || skip_all "dockerd is not installed"
[ "$EUID" = 0 ] || skip_all "dockerd needs root"


login() {                                       # KEY
    docker login --username someone --password-stdin "$gateway" <<< "$1"
}


# The uploads of a repository, as the backend saw them.

uploads() {                                     # REPOSITORY
    grep "POST /v2/$1/blobs/uploads/" "$backend_log"
}


start_docker ||
    skip_all "dockerd does not start here:" \
        "$(grep -E 'level=(error|fatal)|panic:|failed to' "$dir/dockerd.log" |
            tail -n 1)"

head -c 300000 /dev/urandom > "$dir/layer"
tar -C "$dir" -c layer | docker import - > "$dir/id" 2> "$dir/import.log" ||
    skip_all "dockerd makes no image here: $(tail -n 1 "$dir/import.log")"
id=$(< "$dir/id")

start_backend
registry tenant set acme
registry tenant set other
pusher=$(new_key --tenant acme --role image-pusher)
puller=$(new_key --tenant acme --role image-puller)
stranger=$(new_key --tenant other --role image-pusher)
publisher=$(new_key --tenant acme --scope 'repository:public/**:pull,push')
start_gateway

app=$gateway/acme/app
docker tag "$id" "$app:1"


# there and back

fails "login with a wrong password" '401 Unauthorized|unauthorized: ' login wrong
fails "login with a mistyped key" '401 Unauthorized|unauthorized: ' \
    login "$(mistyped "$pusher")"
runs "login with a key" login "$pusher"

runs "push" docker push -q "$app:1"
docker rmi -f "$id" > /dev/null
runs "pull" docker pull -q "$app:1"
is "$(docker image inspect -f '{{.Id}}' "$app:1")" "$id" \
   "it is the image that was pushed"


# docker remembers where it has a layer from, and offers to mount it

docker tag "$app:1" "$gateway/acme/copy:1"
runs "push to another repository of the tenant" \
    docker push -q "$gateway/acme/copy:1"
like "$(uploads acme/copy)" '^201 \S+ \S+\?from=acme%2Fapp&mount=sha256' \
     "its layer was mounted: the backend answers 201, not 202"


# refusals in words that a person can use

runs "login with a key that may only pull" login "$puller"
runs "pull with it" docker pull -q "$app:1"
docker tag "$app:1" "$app:2"
fails "push with it is denied" 'denied: .+' docker push "$app:2"

runs "login as another tenant" login "$stranger"
fails "pull of what belongs to somebody else is denied" 'denied: .+' \
    docker pull "$app:1"

docker tag "$app:1" "$gateway/other/mine:1"
runs "push with a layer that somebody else has" \
    docker push -q "$gateway/other/mine:1"
is "$(uploads other/mine | grep -E 'mount=|from=')" "" \
   "the backend is not asked to mount it"
like "$(uploads other/mine)" '^202 ' "but for an upload"

docker logout "$gateway" > /dev/null 2>&1
fails "pull without a login" \
    'authentication required|no basic auth|unauthorized|pull access denied' \
    docker pull "$app:1"

# tokens.conf lets everybody pull what is public

if [ "${example-}" = tokens.conf ]; then
    public=$gateway/public/app:1
    docker tag "$app:1" "$public"
    login "$publisher" > /dev/null 2>&1
    docker push -q "$public" > /dev/null 2>&1
    docker logout "$gateway" > /dev/null 2>&1
    docker rmi "$public" > /dev/null
    runs "pull without a login of what is public" docker pull -q "$public"
    fails "push without a login is refused" \
        'authentication required|unauthorized|denied' docker push "$public"
fi

is "$(grep -c ngr_ "$dir/dockerd.log")" 0 "dockerd logged no key"
no_secret_leaked
finish
