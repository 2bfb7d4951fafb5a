#!/bin/bash
#
# Issuers in Redis: a change of the record ends the tokens that it admitted, an
# outage does not.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/oidc.sh"

start_redis
export REGISTRY_STORE=redis://127.0.0.1:$redis_port
reg() { "$NGX_REGISTRY" "$@"; }

oidc_key ci EC
oidc_jwks ci > "$dir/ci.json"
chmod 644 "$dir/ci.json"

reg tenant set acme
reg tenant set beta

token=$(oidc_job ci)
oidc_gateway ci


# Status, reason and tenant of a pull.

pull() {
    curl -s -o /dev/null -m 10 -D "$dir/headers" \
        -H "Authorization: Bearer $token" \
        "http://127.0.0.1:$oidc_port/v2/${1:-acme}/app/manifests/1"
    sed -nE 's/\r//; s/^HTTP\/1.1 ([0-9]+).*/\1/p; s/^X-(Reason|Tenant): //p' \
        "$dir/headers" | xargs
}

answers() {                                     # WANTED
    [ "$(pull)" = "$1" ]
}


start_gateway "redis://127.0.0.1:$redis_port timeout=20s"

is "$(pull)" "401 token" "a token of an issuer that is not in Redis"
oidc_admit ci acme
runs "a record admits it" wait_for answers "200 granted acme"
oidc_admit ci beta
runs "another rule is in force" wait_for answers "403 scope beta"
is "$(pull beta)" "200 granted beta" "and gives what it gives"
reg tenant set beta --suspend
runs "a tenant that is suspended ends it" wait_for answers "403 suspended beta"
reg tenant set beta --resume
oidc_admit ci acme
runs "until it is resumed" wait_for answers "200 granted acme"

kill -STOP "$redis_pid"
is "$(pull)" "200 granted acme" "a token that is known outlives an outage"
kill -CONT "$redis_pid"

redis set registry:issuer:ci '{"version":2}' > /dev/null
runs "a record of a later version denies" \
    wait_for answers "403 record_version"
runs "and the log says so" \
    logged 'the record of the issuer "ci" is of a later version'
redis del registry:issuer:ci > /dev/null
runs "without the record nobody is admitted" wait_for answers "401 token"

finish
