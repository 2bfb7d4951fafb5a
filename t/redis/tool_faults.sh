#!/bin/bash
#
# What ngx-registry says when Redis refuses, and where records are of a later
# version than it knows.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/fault_proxy.sh"

start_redis
start_proxy
tool=$NGX_REGISTRY
export REGISTRY_STORE=redis://127.0.0.1:$redis_port
proxied="redis://127.0.0.1:$proxy_port?timeout=500ms"

"$tool" tenant set acme

# the first word of a refusal is never all that is said

while IFS='|' read -r error sentence; do
    fault text "-$error\\r\\n-$error\\r\\n"    # CLUSTER INFO, then SCAN
    output=$("$tool" --store "$proxied" tenant list 2>&1)
    is "$? $output" "3 ngx-registry: redis://127.0.0.1:$proxy_port: `
        `$sentence ($error)" "${error%% *}"
done << 'END'
READONLY You can't write|the server is a replica, which takes no writes
LOADING Redis is loading|the server is loading its data: try again soon
MASTERDOWN Link is down|the server is a replica that has lost its master
NOPERM no permissions|the user may not do that, see docs/redis.acl
NOAUTH required|Redis wants a user or password: give password_file=
CLUSTERDOWN is down|the cluster is down: a part of its slots is served by nobody
CROSSSLOT Keys|the server is part of a cluster: write redis+cluster://
MISCONF Errors writing|the server cannot write to its disk and takes no changes
NOREPLICAS Not enough|the server has too few replicas to take a change
OOM command|the server has no memory left for more records
ODD thing|the server refuses the command
END
fault pass

# records of a later version

key=$(new_key --tenant acme --role image-puller)
id=$(key_id "$key")
redis get "registry:key:$id" | jq -jc '.version = 2 | .new = 1' |
    redis -x set "registry:key:$id" > /dev/null
later=$(redis get "registry:key:$id")
other=$(new_key --tenant acme --role image-puller)

start_gateway
is "$(status_of "$key") $(status_of "$other")" "403 200" \
    "a gateway denies a record of a later version, and serves the others"
logged record_version || logged 'later version'
ok $? "and says so"
like "$("$tool" key list)" "$id .*of a later version" "the tool lists it"
fails "and does not change it" 'was written by a later version' \
    "$tool" key revoke "$id"
is "$("$tool" store export | jq -c ".keys[\"$id\"]")" "$later" \
    "and exports it as it is"
fails "nor imports it" 'was written by a later version' \
    "$tool" store copy --to "file:$dir/copy.json"
is "$(redis get "registry:key:$id")" "$later" "nothing has touched it"

redis get "registry:tenant:acme" | jq -jc '.version = 2' |
    redis -x set registry:tenant:acme > /dev/null
denied() { [ "$(status_of "$other")" = 403 ]; }
runs "so is every key of such a tenant" wait_for denied

finish
