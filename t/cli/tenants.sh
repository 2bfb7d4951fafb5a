#!/bin/bash
#
# Tenants and roles.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

prints "tenant set creates a tenant, and the store" "" \
    reg tenant set acme --label owner=ann --label cost_center=4711
! on_file || is "$(stat -c '%a' "$store")" 640 "a new store has mode 640"
is "$(get_store)" \
   '{"version":1,
"keys":{
},
"tenants":{
"acme":{"version":1,"name":"acme","labels":{"owner":"ann","cost_center":"4711"}}
},
"roles":{
}}' "a store has one record a line"

prints "it changes one" "" \
    reg tenant set acme --label owner=bob --unlabel cost_center --label x= \
    --label "project=a=b, c" --suspend
prints "tenant show" \
   "name       acme
suspended  yes
labels     owner=bob, x=, project=a=b, c
limits     -" reg tenant show acme
is "$(reg tenant show acme --format json | jq -c .)" \
   '{"name":"acme","suspended":true,"labels":{"owner":"bob","x":"","project":"a=b, c"},"limits":{}}' \
   "tenant show is JSON"

before=$(state)
says "what is so already is no change" \
    "nothing to do: tenant acme is like that" \
    reg tenant set acme --label owner=bob --unlabel none --suspend
is "$(state)" "$before" "and nothing is written"

prints "a suspension ends" "" reg tenant set acme --resume
says "a tenant that was never suspended is not resumed" "nothing to do.*" \
    eval 'reg tenant set new && reg tenant set new --resume'

prints "a tenant has limits of its own" "" \
    reg tenant set other --limit pulls=100/6h --limit "pushes=5r/m burst=2" \
    --limit off=off
prints "or takes those of the gateway" "" \
    reg tenant set other --unlimit off --unlimit none --limit pulls=off
prints "which are shown" \
   "name       other
suspended  no
labels     -
limits     pulls=off, pushes=5r/m burst=2" reg tenant show other
is "$(reg tenant show other --format json | jq -c .limits)" \
   '{"pulls":"off","pushes":"5r/m burst=2"}' "as JSON, too"
prints "the last one goes" "" reg tenant set other --unlimit pulls \
    --unlimit pushes
is "$(get_store | grep '^"other"' | sed 's/,$//')" \
   '"other":{"version":1,"name":"other","limits":{}}' "and leaves nothing"

reg tenant set zürich 2> /dev/null
reg tenant set other --label city=Zürich
prints "tenant list counts letters, not bytes" \
   "NAME   SUSPENDED  LABELS
acme   no         owner=bob, x=, project=a=b, c
new    no         -
other  no         city=Zürich" reg tenant list
is "$(reg tenant list --format json | jq -c '.[2]')" \
   '{"name":"other","suspended":false,"labels":{"city":"Zürich"},"limits":{}}' \
   "tenant list is JSON"
refuses "tenant show of none" 1 "there is no tenant nobody" \
    reg tenant show nobody

prints "role set creates a role" "" reg role set cleaner \
    --scope "repository:{tenant}/**:pull,delete" --scope "registry:catalog:*"
prints "and replaces its scopes" "" reg role set cleaner \
    --scope "repository:~^{tenant}/v[0-9]+$:delete"
says "or does not" "nothing to do: role cleaner is like that" \
    reg role set cleaner --scope "repository:~^{tenant}/v[0-9]+$:delete"
prints "role list" \
   "NAME            BUILT IN  SCOPES
image-puller    yes       repository:{tenant}:pull, repository:{tenant}/**:pull
image-pusher    yes       repository:{tenant}:pull,push, repository:{tenant}/**:pull,push
registry-admin  yes       repository:**:*, registry:catalog:*
cleaner         no        repository:~^{tenant}/v[0-9]+\$:delete" reg role list
is "$(reg role list --format json | jq -c '.[3]')" \
   '{"name":"cleaner","builtin":false,"scopes":["repository:~^{tenant}/v[0-9]+$:delete"]}' \
   "role list is JSON"
prints "role show" \
   "name     cleaner
builtin  no
scopes   repository:~^{tenant}/v[0-9]+\$:delete" reg role show cleaner
prints "role show of a built-in role" \
   "name     registry-admin
builtin  yes
scopes   repository:**:*, registry:catalog:*" reg role show registry-admin
refuses "role show of none" 1 "there is no role nobody" reg role show nobody


# how fast, and how many at once

pace() { reg tenant show other --format json | jq -c '[.bandwidth, .downloads]'; }

prints "tenant set takes a bandwidth and downloads" "" \
    reg tenant set other --bandwidth 50MB/s --downloads 20
is "$(pace)" '["50MB/s",20]' "which tenant show has"
prints "one of them goes" "" reg tenant set other --bandwidth off
is "$(pace)" '[null,20]' "and the other stays"
prints "until it goes" "" reg tenant set other --downloads off
is "$(pace)" '[null,null]' "too"
refuses "a bandwidth is bytes in a second" 2 \
    'tenant "other": bandwidth: "50MB" is no bandwidth, write bytes in a second, such as 50MB/s' \
    reg tenant set other --bandwidth 50MB

for n in 0 -1 10001 2x "" 99999999999999999999; do
    refuses "downloads are no \"$n\"" 2 \
        '--downloads is "off" or a number from 1 to 10000' \
        reg tenant set other --downloads "$n"
done

cat > "$dir/tenants.json" <<'END'
{"version": 1, "tenants": {"other": {"bandwidth": "1MB/s", "downloads": 3}}}
END
runs "apply takes them" reg apply -f "$dir/tenants.json"
is "$(pace)" '["1MB/s",3]' "as they are"

finish
