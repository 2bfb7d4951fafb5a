#!/bin/bash
#
# Issuers in a cluster: the record of each is found, and its changes heard of,
# on whichever primary it is.  The gateway has the user of docs/redis.acl.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/redis_cluster.sh"
. "$(dirname "$0")/../lib/oidc.sh"

start_cluster
export REGISTRY_STORE=$cluster_url
reg() { "$NGX_REGISTRY" "$@"; }

oidc_key ci EC
oidc_jwks ci > "$dir/ci.json"
chmod 644 "$dir/ci.json"

reg tenant set acme
reg tenant set beta


# Three names of issuers, each on another primary

for ((i = 1; ${#names[@]} < 3; i++)); do
    owner=$(owner_of "$(slot_of "registry:issuer:ci$i")")
    [[ " ${owners-} " = *" $owner "* ]] || names+=("ci$i")
    owners+=" $owner"
done

oidc_gateway "${names[@]}"


# What a job may pull of: "200 403" is of acme, and not of beta.

pulls() {                                       # TOKEN
    local tenant

    for tenant in acme beta; do
        curl -s -o /dev/null -m 10 -w '%{http_code}\n' \
            -H "Authorization: Bearer $1" \
            "http://127.0.0.1:$oidc_port/v2/$tenant/app/manifests/1"
    done | xargs
}

answers() {                                     # TOKEN WANTED
    [ "$(pulls "$1")" = "$2" ]
}


start_gateway "$cluster_url $options"

for name in "${names[@]}"; do
    token=$(oidc_job "$name")
    is "$(pulls "$token")" "401 401" "$name: without a record nobody is admitted"
    oidc_admit "$name" acme
    runs "a record admits" wait_for answers "$token" "200 403"
    oidc_admit "$name" beta
    runs "another rule is in force" wait_for answers "$token" "403 200"
done

redis del "registry:issuer:${names[2]}" > /dev/null
runs "a record that goes ends it" wait_for answers "$token" "401 401"
is "$(pulls "$(oidc_job "${names[0]}")")" "403 200" "and no other's"
is "$(grep -c NOPERM "$errors")" 0 "nothing that the gateway needs is refused"

finish
