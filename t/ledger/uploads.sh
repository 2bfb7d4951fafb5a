#!/bin/bash
#
# Uploads whose worker is killed: what has come of them is booked already, where
# the repository is known; and no name gets a row before the backend has said
# that there is such a thing.

. "$(dirname "$0")/../lib/ledger.sh"

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)

start_ledger

head -c 5000000 /dev/zero > "$dir/layer"
printf begin > "$dir/begin"


upload() {                                      # REPOSITORY [CURL...]
    curl -s -o /dev/null -m 60 -u "x:$key" -X PATCH "${@:2}" \
        "$url/v2/acme/$1/blobs/uploads/u-1"
}


ingress() {                                     # REPOSITORY
    local n

    n=$(rows | sed -nE "s/^acme acme\/$1 push .* ingress=([0-9]+).*/\1/p")
    echo "${n:-0}"
}


has() {                                         # REPOSITORY BYTES
    [ "$(ingress "$1")" -ge "$2" ]
}


# A client that is slow, which has sent some of it by now

slowly() {                                      # REPOSITORY
    background upload "$1" --limit-rate 1000000 -T "$dir/layer"
    client=$!
}


upload app -T "$dir/begin"
runs "an upload is begun" wait_for has app 5

slowly app
runs "what it sends is booked as it comes" wait_for has app 300000
kill -KILL "$(pgrep -P "$gateway_pid" | head -n 1)"
wait "$client"
after=$(ingress app)
[ "$after" -ge 300000 ] && [ "$after" -lt 5000005 ]
ok $? "and stays so, when the worker is killed: $after"

runs "another one serves" wait_for upload app -T "$dir/begin"
wait_for has app $((after + 5))
is "$(ingress app)" $((after + 5)) "and books the next one, once"

upload app -T "$dir/layer"
wait_for has app $((after + 5000005))
is "$(ingress app)" $((after + 5000005)) "all of one that ends, too"

slowly unknown
sleep 1.5
is "$(rows | grep -c acme/unknown)" 0 "a name that nobody knows has no row"
wait "$client"
runs "before it has been answered" wait_for has unknown 5000000
is "$(ingress unknown)" 5000000 "then it has all"

is "$(grep -E '\[(emerg|crit)\]|Sanitizer' "$errors")" "" \
   "nginx complains of nothing"

finish
