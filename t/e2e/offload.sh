#!/bin/bash
#
# Blobs by way of an edge on another host: who gets them, who does not, and what
# a backend that hangs, dies or deletes does to proofs.

set -uo pipefail
. "$(dirname "$0")/../lib/offload.sh"


# How often the backend was asked so; its log is written as it answers.

asked() {                                       # METHOD PATH
    grep -cE "^[0-9]+ $1 $2 " "$backend_log"
}


# The status of a GET of a blob, without following it.

blob() {                                        # REPOSITORY DIGEST [OPTION]...
    local repository=$1 digest=$2

    shift 2
    status GET "/v2/$repository/blobs/$digest" "$@"
}


is_blob() {                                     # STATUS REPOSITORY DIGEST
    [ "$(blob "$2" "$3")" = "$1" ]
}


# Connections to the recorder that are open now.

asking() {                                      # NUMBER
    [ "$(ss -Htn state established "dport = :$BACKEND_PORT" | wc -l)" = "$1" ]
}


start_backend
registry tenant set acme
registry tenant set rival
pusher=$(new_key --tenant acme --role image-pusher)
puller=$(new_key --tenant acme --role image-puller)
cleaner=$(new_key --tenant acme --scope 'repository:acme/**:delete,pull')
rival=$(new_key --tenant rival --role image-pusher)
start_offload

oci_layout "$dir/image" amd64
oci_layout "$dir/other" amd64
auth_file "$pusher" "$dir/pusher.json"
auth_file "$puller" "$dir/puller.json"
auth_file "$rival" "$dir/rival.json"

manifest=$(jq -r '.manifests[0].digest' "$dir/image/index.json")
layer=$(jq -r '.layers[0].digest' "$dir/image/blobs/sha256/${manifest#*:}")


# there and back by way of the edge

runs "skopeo pushes" copy_image pusher "oci:$dir/image" \
    "docker://$gateway/acme/app:1"
runs "skopeo pulls" copy_image puller "docker://$gateway/acme/app:1" \
    "oci:$dir/pulled"
runs "the layer is what it was" cmp "$dir/image/blobs/sha256/${layer#*:}" \
    "$dir/pulled/blobs/sha256/${layer#*:}"

is "$(grep -v '^403' "$edge_log" | sort | uniq -c | xargs)" \
   '2 200 GET acme acme/app authorization=- cookie=- range=-' \
   "both blobs came from the edge, and it knows for whom"
is "$(grep -c '^307 GET acme/app edge [0-9]' "$dir/gateway/log/route.log")" 2 \
   "the gateway has sent none, and knows how long they are"


# a proof is one HEAD, and for a while none

key=$puller
cold=$(jq -r '.config.digest' "$dir/image/blobs/sha256/${manifest#*:}")
sleep 1.1
: > "$backend_log"
is "$(blob acme/app "$cold") $(blob acme/app "$cold")" "307 307" \
   "two clients are sent to the edge"
is "$(asked HEAD "/v2/acme/app/blobs/$cold") $(wc -l < "$backend_log")" "1 1" \
   "for which the backend was asked once, and for nothing else"


# what one knows from elsewhere is in no other repository

runs "rival pushes the same" copy_image rival "oci:$dir/image" \
    "docker://$gateway/rival/app:1"
runs "and acme another image" copy_image pusher "oci:$dir/other" \
    "docker://$gateway/acme/lib:1"

other=$(jq -r '.manifests[0].digest' "$dir/other/index.json")
secret=$(jq -r '.layers[0].digest' "$dir/other/blobs/sha256/${other#*:}")

key=$rival
is "$(blob rival/app "$layer") $(blob rival/app "$secret")" "307 404" \
   "a digest of others is found where it is, and nowhere else"
is "$(blob acme/app "$layer") $(blob acme/lib "$secret")" "403 403" \
   "who may not read a repository gets nothing from it"
is "$(status HEAD "/v2/rival/app/blobs/$secret" --head)" 404 \
   "nor does HEAD say that a blob is somewhere"
runs "so a push uploads what is not there" copy_image rival \
    "oci:$dir/other" "docker://$gateway/rival/lib:1"
is "$(blob rival/lib "$secret")" 307 "and then it is"


# the edge alone is no way in

key=
location=$(key=$puller; request GET "/v2/acme/app/blobs/$layer" -D - |
    sed -n 's/\r//; s/^Location: //Ip')
is "$(curl -s -o /dev/null -w '%{http_code}' "$location")" 200 \
   "a signed URL is good at the edge"
is "$(curl -s -o /dev/null -w '%{http_code}' "${location%%\?*}")" 403 \
   "none without its signature"
is "$(curl -s -o "$dir/part" -w '%{http_code}' -H 'Range: bytes=100-' \
        "$location") $(stat -c %s "$dir/part")" \
   "206 $(($(stat -c %s "$dir/image/blobs/sha256/${layer#*:}") - 100))" \
   "and resumes a download that was cut"


# a new key signs as soon as it is there, and the edge has both

key=$puller
echo "the next secret, of both" > "$dir/next"
cat "$dir/next" "$etc/cdn.key" > "$dir/both"
cp "$dir/both" "$etc/cdn.key"

signs_anew() {
    local now=$(request GET "/v2/acme/app/blobs/$layer" -D - |
        sed -n 's/\r//; s/^Location: //Ip')

    [ "${now##*=}" != "${location##*=}" ] && fresh_location=$now
}

wait_for signs_anew
ok $? "a new key signs"
both_are_good() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$fresh_location")" = 200 ] &&
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$location")" = 200 ]
}

wait_for both_are_good
ok $? "and both are good while both are in the file"


# many who ask for a cold blob at once ask the backend once

key=$puller
config=$(jq -r '.config.digest' "$dir/other/blobs/sha256/${other#*:}")
: > "$backend_log"
printf 'url = "http://%s/v2/acme/lib/blobs/%s"\noutput = /dev/null\n' \
    $(for i in {1..30}; do echo "$gateway" "$config"; done) > "$dir/many"
curl -s --parallel --parallel-immediate --parallel-max 30 -u "a:$key" \
    -w '%{http_code}\n' -K "$dir/many" 2> /dev/null | sort | uniq -c | xargs > "$dir/codes"
is "$(cat "$dir/codes")" "30 307" "thirty clients get their redirects"
ok $(($(asked HEAD "/v2/acme/lib/blobs/$config") > 2)) \
   "for which the backend was asked once, or twice if they took a second"


# a client that goes while it asks hands over to those who wait

registry_pid=$(ss -Hltnp "sport = :$(sed -n \
    's/.*proxy_pass  *http:..127.0.0.1:\([0-9]*\);/\1/p' \
    "$dir/backend/nginx.conf")" | sed -n 's/.*pid=\([0-9]*\).*/\1/p')

fresh=$(jq -r '.config.digest' "$dir/image/blobs/sha256/${manifest#*:}")
wait_for asking 0
kill -STOP "$registry_pid"

background curl -s -o /dev/null -u "a:$key" \
    "http://$gateway/v2/acme/app/blobs/$fresh"
leader=$!
wait_for asking 1 || give_up "the leader asks"

waiters=()
for i in 1 2 3; do
    curl -s -o /dev/null -w '%{http_code}\n' -m 30 -u "a:$key" \
        "http://$gateway/v2/acme/app/blobs/$fresh" > "$dir/waiter.$i" &
    waiters+=($!)
done

waiting() {
    [ "$(ss -Htn state established "sport = :$PORT" | wc -l)" -ge 4 ]
}

wait_for waiting || give_up "three wait"
stop "$leader" KILL
kill -CONT "$registry_pid"
wait "${waiters[@]}"
is "$(cat "$dir"/waiter.* | sort | uniq -c | xargs)" "3 307" \
   "who waited for a client that went gets an answer all the same"
is "$(grep -c 'the backend does not answer' "$gateway_errors")" 0 \
   "which is the backend's, and no old one"


# deletion

is "$(blob acme/app "$layer")" 307 "before it is deleted"
key=$cleaner
is "$(status DELETE "/v2/acme/app/blobs/$layer")" 202 "a blob is deleted"
key=$puller
is "$(blob acme/app "$layer")" 404 "and is gone at once"
key=$rival
is "$(blob rival/app "$layer")" 307 "from that repository only"


# a backend that does not answer

key=$puller
is "$(blob acme/lib "$secret")" 307 "a proof while the backend is there"
stop "$registry_pid"

gone() {
    is_blob 307 acme/lib "$secret" &&
        grep -q 'the backend does not answer, a proof of' "$gateway_errors"
}

wait_for gone
ok $? "it counts when it is old and the backend is gone"
is "$(blob acme/lib "$fresh")" 502 "without one there is nothing"

is "$(grep -vc 'authorization="-" cookie="-" range=' "$edge_log")" 0 \
   "the edge never saw a credential"
no_secret_leaked

finish
