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

finish
