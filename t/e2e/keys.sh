#!/bin/bash
#
# The life of a key while the gateway runs: nothing is reloaded.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

command -v wrk > /dev/null || skip_all "wrk is not installed"

start_backend
registry tenant set acme
key=$(new_key --tenant acme --role image-pusher)
start_gateway

oci_layout "$dir/image" amd64
auth_file "$key" "$dir/auth.json"
skopeo --insecure-policy copy -q --authfile "$dir/auth.json" \
    --dest-tls-verify=false "oci:$dir/image:latest" \
    "docker://$gateway/acme/app:1" || give_up "there is an image to work with"

manifest=/v2/acme/app/manifests/1


accept='Accept: application/vnd.oci.image.manifest.v1+json'


status() {
    request GET "$manifest" -H "$accept" "$@" | head -n 1
}


# What the log says about the last request with $key.

reason() {
    grep -F "\"key\":\"$(key_id "$key")\"" "$gateway_log" | tail -n 1 |
        jq -r '.decision + " " + .reason'
}


# Seconds until the answer to a GET of the manifest is another than STATUS.

seconds_until_not() {                           # STATUS
    local start=$EPOCHREALTIME

    while [ "$(status)" = "$1" ]; do
        awk "BEGIN { exit !($EPOCHREALTIME - $start > 10) }" && break
    done

    awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $start }"
}


# a new key works within a second or so, by any of the three ways to show it

key=$(new_key --tenant acme --role image-puller)
wait_for eval '[ "$(status)" = 200 ]'
is "$(status)" 200 "a new key works, as a Basic password"
is "$(bearer=$key; key=; status -H "Authorization: Bearer $bearer")" 200 "and as a Bearer token"
is "$(reason)" "allow granted" "the log says so"


# expired

key=$(new_key --tenant acme --role image-puller --expires 4s)
wait_for eval '[ "$(status)" = 200 ]'
is "$(status)" 200 "a key works before it expires"
wait_for eval '[ "$(status)" != 200 ]'
is "$(request GET "$manifest")" \
   '401
{"errors":[{"code":"UNAUTHORIZED","message":"the API key has expired"}]}' \
   "and is refused after that"
is "$(reason)" "deny expired" "the log says why"


# not yet valid

key=$(new_key --tenant acme --role image-puller --not-before 1h)
sleep 1.5
is "$(status)" 401 "a key is refused before it begins"
is "$(reason)" "deny not_yet_valid" "the log says why"


# revoked under load: other clients keep the worker busy the whole time

busy=$(new_key --tenant acme --role image-puller)
key=$(new_key --tenant acme --role image-puller)
wait_for eval '[ "$(status)" = 200 ]'

wrk -t 1 -c 16 -d 8 -H "Authorization: Bearer $busy" -H "$accept" \
    "http://$gateway$manifest" > "$dir/wrk" 2>&1 &
wrk=$!
pids+=($wrk)
sleep 1

worst=0

for i in 1 2 3; do
    key=$(new_key --tenant acme --role image-puller)
    wait_for eval '[ "$(status)" = 200 ]'
    registry key revoke "$(key_id "$key")" --reason leaked > /dev/null 2>&1
    seconds=$(seconds_until_not 200)
    diag "revocation $i took effect after $seconds s"
    worst=$(printf '%s\n' "$worst" "$seconds" | sort -n | tail -n 1)
done

is "$(awk "BEGIN { print ($worst < 1.5) }")" 1 \
   "a revocation is effective within 1.5 s under load"
is "$(reason)" "deny revoked" "the log says why"
wait $wrk
requests=$(sed -n 's/ *\([0-9]*\) requests in.*/\1/p' "$dir/wrk")
is "$((requests > 300))" 1 "the load was real"
diag "$(grep -E 'requests in|Non-2xx' "$dir/wrk")"
is "$(grep -c Non-2xx "$dir/wrk")" 0 "nobody else was refused meanwhile"


# revoked by the string that leaked, then a tenant that is suspended

key=$(new_key --tenant acme --role image-puller)
wait_for eval '[ "$(status)" = 200 ]'
runs "a leaked key is revoked by its text" \
    eval 'echo "export TOKEN=$key" | registry key revoke --stdin'
wait_for eval '[ "$(status)" = 401 ]'
is "$(status)" 401 "it no longer works"

key=$busy
registry tenant set acme --suspend > /dev/null
wait_for eval '[ "$(status)" != 200 ]'
is "$(reason)" "deny suspended" "a suspended tenant is refused"
registry tenant set acme --resume > /dev/null
wait_for eval '[ "$(status)" = 200 ]'
is "$(status)" 200 "and served again when it is resumed"


# rotated: both keys work during the overlap

new=$(registry key rotate "$(key_id "$busy")" --overlap 1h 2> /dev/null | tee -a "$secrets")
key=$new
wait_for eval '[ "$(status)" = 200 ]'
is "$(status) $(key=$busy; status)" "200 200" \
   "after a rotation the new and the old key work"


# networks

key=$(new_key --tenant acme --role image-puller --allow-from 192.0.2.0/24)
sleep 1.5
status > /dev/null
is "$(reason)" "deny address" "a key is refused from another network"


# a store that is broken keeps what was good, and says so

cp "$dir/gateway/store.json" "$dir/good.json"
head -c 400 "$dir/good.json" > "$dir/gateway/store.json"
key=$busy
sleep 1.5
is "$(status)" 200 "a broken store keeps the last good records"
like "$(cat "$gateway_errors")" 'store\.json.* line [0-9]+' \
     "the log says where the store is broken"
fails "and so does the tool" 'store\.json:[0-9]+: error' \
    registry store check
cp "$dir/good.json" "$dir/gateway/store.json"
runs "a mended store is fine" registry store check

no_secret_leaked
finish
