#!/bin/bash
#
# The tests of ngx-registry on a file say the same on a cluster, where each
# record is in a slot of its own.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"

start_cluster
export CLI_STORE=$cluster_url CLI_REDIS="redis-cli -c -p ${cluster_ports[0]}"

for name in keys revoke tenants apply; do
    "$top/t/cli/$name.sh" > "$dir/out" 2>&1
    ok $? "t/cli/$name.sh"
    grep -v '^ok' "$dir/out" | sed 's/^/# /'
done

finish
