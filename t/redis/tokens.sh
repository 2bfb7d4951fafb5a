#!/bin/bash
#
# Tokens of keys that are in Redis: a revocation ends them, an outage does not,
# and keys that sign are replaced while requests come in.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/many_keys.sh"

start_redis
put_keys user 4
make_keys stranger 2

signer=$dir/token.key
"$NGX_REGISTRY" token keygen "$signer" 2> /dev/null
chmod 644 "$signer"

token_port=$(free_port)
token_backend=$(free_port)
http_extra="
    registry_token_key $signer;
    registry_token_issuer tests;

    server {
        listen 127.0.0.1:$token_backend;
        return 200;
    }

    server {
        listen 127.0.0.1:$token_port;
        server_name localhost;

        location = /token {
            registry_token;
        }

        location /v2/ {
            registry on;
            add_header X-Reason \$registry_reason always;
            proxy_pass http://127.0.0.1:$token_backend;
        }
    }"

there=http://127.0.0.1:$token_port


# The answer of the token endpoint to a key.

ask_token() {                                   # KEY
    curl -s -m 10 -u "x:$1" "$there/token?scope=repository:acme/app:pull"
}


token_of() {                                    # KEY
    ask_token "$1" | jq -r .token
}


# Status and reason of a pull.

pull() {                                        # TOKEN
    curl -s -o /dev/null -m 10 -D "$dir/headers" -H "Authorization: Bearer $1" \
        "$there/v2/acme/app/manifests/1"
    sed -nE 's/\r//; s/^HTTP\/1.1 ([0-9]+).*/\1/p; s/^X-Reason: //p' \
        "$dir/headers" | xargs
}


answers() {                                     # TOKEN WANTED
    [ "$(pull "$1")" = "$2" ]
}


start_gateway "redis://127.0.0.1:$redis_port timeout=20s"

declare -A token
for name in user1 user2 user3; do
    token[$name]=$(token_of "${key_of[$name]}")
    is "$(pull "${token[$name]}")" "200 granted" "$name: a token, and a pull"
done


# revoked

revoke "${key_of[user1]}"
runs "a key that is revoked takes its token with it" \
    wait_for answers "${token[user1]}" "401 revoked"
is "$(ask_token "${key_of[user1]}" | jq -r '.errors[0].message')" \
   "the API key has been revoked" "and gets no other"
is "$(pull "${token[user2]}")" "200 granted" "the token of another key lives on"


# changed

redis set registry:tenant:acme \
    '{"version":1,"name":"acme","suspended":true}' > /dev/null
runs "so does a tenant that is suspended" \
    wait_for answers "${token[user2]}" "403 suspended"
redis set registry:tenant:acme '{"version":1,"name":"acme"}' > /dev/null
runs "until it is resumed" wait_for answers "${token[user2]}" "200 granted"


# the signing key is replaced, without a reload

"$NGX_REGISTRY" token rotate "$signer" 2> /dev/null
kid=$("$NGX_REGISTRY" --format json token inspect - \
    <<< "${token[user2]}" | jq -r .header.kid)


signed_anew() {
    [ "$(token_of "${key_of[user4]}" |
        "$NGX_REGISTRY" --format json token inspect - |
        jq -r .header.kid)" != "$kid" ]
}


runs "a new key signs" wait_for signed_anew
token[user4]=$(token_of "${key_of[user4]}")
is "$(pull "${token[user4]}")" "200 granted" "its token is good"
is "$(pull "${token[user2]}")" "200 granted" "that of the old key as well"

"$NGX_REGISTRY" token rotate --keep 1 "$signer" 2> /dev/null
runs "until the next rotation" wait_for answers "${token[user2]}" "401 token"
is "$(pull "${token[user4]}")" "200 granted" "which leaves the last one good"

cp "$signer" "$dir/good.key"
echo "no key" > "$signer.new"
mv "$signer.new" "$signer"
runs "a file that is wrong is logged" \
    wait_for logged 'token.key" cannot be used: it holds no key in PEM'
is "$(pull "${token[user4]}")" "200 granted" "and the last good keys stay"
token[user3]=$(token_of "${key_of[user3]}")
is "$(pull "${token[user3]}")" "200 granted" "to sign with, too"
mv "$dir/good.key" "$signer"
chmod 644 "$signer"


# a reload

kill -HUP "$gateway_pid"
wait_for logged 'gracefully shutting down|reconfiguring'
runs "after a reload a token is as good as before" \
    wait_for answers "${token[user3]}" "200 granted"


# an outage; who hangs up while he waits is forgotten

pid=$(redis info server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
kill -STOP "$pid"

for i in 1 2 3 4 5; do
    curl -s -m 0.2 -u "x:${key_of[stranger1]}" "$there/token" > /dev/null
    curl -s -m 0.2 -d grant_type=password --data-urlencode \
        "password=${key_of[stranger2]}" "$there/token" > /dev/null
done

kill -CONT "$pid"
is "$(ask_token "${key_of[stranger1]}" | jq -r '.errors[0].message')" \
   "the API key is not valid" "who comes after them gets an answer"

redis shutdown nosave > /dev/null 2>&1
runs "without Redis a token that is known is good" \
    wait_for answers "${token[user3]}" "200 granted"
make_keys nobody 1
is "$(ask_token "${key_of[nobody1]}" | jq -r '.errors[0].code')" \
   "UNAVAILABLE" "and a key that is not known gets 503"

stop_gateway
is "$(grep -cE 'ngr_[0-9A-Za-z]{12}_|eyJ' "$errors")" 0 \
   "no key and no token is in the error log"
is "$(grep -E '\[(alert|crit|emerg)\]' "$errors")" "" "nothing is alarming"

finish
