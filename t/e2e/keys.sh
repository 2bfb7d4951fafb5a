#!/bin/bash
#
# The life of a key while the gateway runs: nothing is reloaded.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v wrk > /dev/null || skip_all "wrk is not installed"

manifest=/v2/acme/app/manifests/1
accept='Accept: application/vnd.oci.image.manifest.v1+json'


# What a pull with $key is answered.

pull() {                                        # [OPTION]...
    status GET "$manifest" -H "$accept" "$@"
}


pull_is() {                                     # STATUS
    [ "$(pull)" = "$1" ]
}


# What the log says about the last request with $key.

reason() {
    grep -F "\"key\":\"$(key_id "$key")\"" "$gateway_log" | tail -n 1 |
        jq -r '.decision + " " + .reason'
}


# A new key in $key, which the gateway knows.

use_new_key() {                                 # ARGUMENT...
    key=$(new_key --tenant acme --role image-puller "$@")
    wait_for pull_is 200
}


# Milliseconds until a pull is answered otherwise, ten seconds at most.

until_not() {                                   # STATUS
    local start=$(date +%s%3N) now

    while now=$(date +%s%3N); pull_is "$1" && ((now - start < 10000)); do
        :
    done

    echo $((now - start))
}


start_backend
registry tenant set acme
key=$(new_key --tenant acme --role image-pusher)
start_gateway

oci_layout "$dir/image" amd64
auth_file "$key" "$dir/pusher.json"
copy_image pusher "oci:$dir/image:latest" "docker://$gateway/acme/app:1" ||
    give_up "there is an image to work with"


# a new key works within a second or so, by any of the ways to show it

use_new_key
is "$(pull)" 200 "a new key works, as a Basic password"
is "$(bearer=$key; key=; pull -H "Authorization: Bearer $bearer")" 200 \
   "and as a Bearer token"
is "$(reason)" "allow granted" "the log says so"


# expired

use_new_key --expires 4s
is "$(pull)" 200 "a key works before it expires"
wait_for pull_is 401
is "$(request GET "$manifest")" \
   '401
{"errors":[{"code":"UNAUTHORIZED","message":"the API key has expired"}]}' \
   "and is refused after that"
is "$(reason)" "deny expired" "the log says why"


# one that will not work is known when the log gives another reason than
# "unknown"

key=$(new_key --tenant acme --role image-puller --not-before 1h)
wait_for eval 'pull; [ "$(reason)" = "deny not_yet_valid" ]'
is "$(pull) $(reason)" "401 deny not_yet_valid" \
   "a key is refused before it begins, and the log says why"

key=$(new_key --tenant acme --role image-puller --allow-from 192.0.2.0/24)
wait_for eval 'pull; [ "$(reason)" = "deny address" ]'
is "$(pull) $(reason)" "403 deny address" \
   "a key is refused from another network"


# revoked under load: other clients keep the worker busy the whole time

use_new_key
busy=$key
background wrk -t 1 -c 16 -d 8 -H "Authorization: Bearer $busy" -H "$accept" \
    "http://$gateway$manifest" > "$dir/wrk" 2>&1
wrk=$!
worst=0

for i in 1 2 3; do
    use_new_key
    registry key revoke "$(key_id "$key")" --reason leaked > /dev/null 2>&1
    took=$(until_not 200)
    diag "revocation $i took effect after $took ms"
    worst=$((took > worst ? took : worst))
done

is "$((worst < 1500))" 1 "a revocation is effective within 1.5 s under load"
is "$(reason)" "deny revoked" "the log says why"

wait $wrk
requests=$(sed -n 's/ *\([0-9]*\) requests in.*/\1/p' "$dir/wrk")
diag "$requests requests meanwhile"
is "$((requests > 300))" 1 "the load was real"
is "$(grep -c Non-2xx "$dir/wrk")" 0 "nobody else was refused meanwhile"


# revoked by the string that leaked, then a tenant that is suspended

use_new_key
runs "a leaked key is revoked by its text" \
    eval 'echo "export TOKEN=$key" | registry key revoke --stdin'
wait_for pull_is 401
is "$(pull)" 401 "it no longer works"

key=$busy
registry tenant set acme --suspend > /dev/null
wait_for eval '! pull_is 200'
is "$(reason)" "deny suspended" "a suspended tenant is refused"
registry tenant set acme --resume > /dev/null
wait_for pull_is 200
is "$(pull)" 200 "and served again when it is resumed"


# rotated: both keys work during the overlap

key=$(registry key rotate "$(key_id "$busy")" --overlap 1h 2> /dev/null |
    tee -a "$secrets")
wait_for pull_is 200
is "$(pull) $(key=$busy; pull)" "200 200" \
   "after a rotation the new and the old key work"


# a store that is broken keeps what was good, and says so

cp "$dir/gateway/store.json" "$dir/good.json"
head -c 400 "$dir/good.json" > "$dir/gateway/store.json"
key=$busy
wait_for grep -qE 'store\.json.* line [0-9]+' "$gateway_errors"
like "$(< "$gateway_errors")" 'store\.json.* line [0-9]+' \
     "the log says where the store is broken"
is "$(pull)" 200 "a broken store keeps the last good records"
fails "the tool says it too" 'store\.json:[0-9]+: error' registry store check
cp "$dir/good.json" "$dir/gateway/store.json"
runs "a mended store is fine" registry store check

no_secret_leaked
finish
