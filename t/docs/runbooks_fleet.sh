#!/bin/bash
#
# Runbooks of operations.md: from a store in a file to Redis with Sentinel, and to
# a cluster.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/runbook.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"

fleet_conf="$(sed -n -e 's/^user gateway on/& >gateway-password/p' \
    -e 's/^user admin on/& >admin-password/p' "$top/docs/redis.acl")
min-replicas-to-write 1"
file=$REGISTRY_STORE

registry tenant set acme
ci=$(new_key --tenant acme --name ci --role image-pusher)
start_backend
echo gateway-password > "$etc/redis.password"
echo admin-password > "$etc/redis.admin"


# The store that a section names, and the line that it has for nginx.conf.

take_store() {                                  # HEADING
    REGISTRY_STORE=$(sed -n "/^## $1\$/,/^## /p" "$top/docs/operations.md" |
        grep -x 'redis+.*' | localise)
    perl -0pi -e 's/^registry_store.*?;\n//ms' "$etc/registry.conf"
    blocks_of operations.md "$1" nginx | localise >> "$etc/registry.conf"
}


connected() {                                   # PORT
    redis_at "$1" client list | grep -q 'user=gateway'
}


revoked() {                                     # KEY-FILE
    registry key show "$(key_id "$(< "$1")")" --format json | jq -r .state
}


# Sentinel

heading="From one gateway to many: Sentinel"
start_sentinels
start_gateway
runs "a key of the file" wait_for answers_key "$ci" 404
take_store "$heading"
runbook operations.md "$heading" 1
is "$(registry key list --format json | jq -r '.[].name')" ci \
   "the records are in Redis"
runbook operations.md "$heading" 2
master=$(master_port)
runs "the gateway asks the master" wait_for connected "$master"
is "$(answer "$ci")" 404 "the key is good as before"
runbook operations.md "$heading" 3
runs "another is the master" wait_for promoted "$master"
runbook operations.md "$heading" 4
like "$(< "$output")" 'drill .*revoked' "the key of the drill is still revoked"
runs "the gateway is there" wait_for connected "$(master_port)"
is "$(answer "$ci") $(answer "$(< "$work/drill.key")")" "404 401" \
   "and knows both keys"
stop_gateway

for port in "${sentinel_ports[@]}" "${server_ports[@]}"; do
    kill_member "$port"
done


# Cluster

heading="From one gateway to many: Cluster"
REGISTRY_STORE=$file
start_cluster 1
start_gateway
take_store "$heading"
runbook operations.md "$heading"

for port in "${cluster_ports[@]:0:3}"; do
    runs "the gateway asks each primary" wait_for connected "$port"
done

is "$(revoked "$work/drill.key")" revoked "a key is revoked in the cluster"
is "$(answer "$ci") $(answer "$(< "$work/drill.key")")" "404 401" \
   "and the gateway knows both keys"
stop_gateway

finish
