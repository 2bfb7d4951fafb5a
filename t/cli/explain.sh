#!/bin/bash
#
# explain: what the gateway would decide, and why.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme
reg role set cleaner --scope "api:chat:invoke" \
    --scope "repository:{tenant}/**:delete"
id=$(key_id "$(reg key create --tenant acme --role image-puller \
    --role cleaner --scope "repository:shared/*:pull")")


# The decision in one line, and the exit code.

asked() {                                       # OPTION...
    local status=0 output

    output=$(reg explain --format json "$@" 2> "$dir/stderr") || status=$?
    printf '%s %s\n' $status "$(jq -r '[.decision, .reason, .status,
        .scope // "-", .granted_by // "-", .mount // "-"] |
        map(tostring) | join(" ")' <<< "$output")"
}


prints "an answer for people" \
   "decision    allow
reason      granted
message     access is granted
status      200
key_id      $id
tenant      acme
scope       repository:{tenant}/**:pull
granted_by  role image-puller" \
   reg explain --key-id "$id" --repository acme/app --action pull

is "$(reg explain --key-id "$id" --repository acme/app --action push \
    --format json | jq -c .)" \
   '{"decision":"deny","reason":"scope","message":"access to the requested resource is denied","status":403,"key_id":"'"$id"'","tenant":"acme","scope":null,"granted_by":null}' \
   "and for programs"

while IFS='|' read -r options wanted; do
    is "$(eval "asked --key-id $id $options")" "$wanted" \
       "${options:-login}"
done <<'END'
|0 allow granted 200 - - -
--repository acme/app --action pull|0 allow granted 200 repository:{tenant}/**:pull role image-puller -
--repository acme --action pull|0 allow granted 200 repository:{tenant}:pull role image-puller -
--repository shared/base --action pull|0 allow granted 200 repository:shared/*:pull key -
--repository shared/base/x --action pull|1 deny scope 403 - - -
--repository acme/app --action push|1 deny scope 403 - - -
--repository acme/app --action delete|0 allow granted 200 repository:{tenant}/**:delete role cleaner -
--repository acmeapp --action pull|1 deny scope 403 - - -
--catalog|1 deny scope 403 - - -
--api chat --action invoke|0 allow granted 200 api:chat:invoke role cleaner -
--api chat --action train|1 deny scope 403 - - -
--repository acme/app --action pull --address 192.0.2.1|0 allow granted 200 repository:{tenant}/**:pull role image-puller -
END

admin=$(key_id "$(reg key create --tenant acme --role registry-admin)")
is "$(asked --key-id "$admin" --catalog)" \
   "0 allow granted 200 registry:catalog:* role registry-admin -" \
   "an administrator sees the catalog"

pusher=$(key_id "$(reg key create --tenant acme --role image-pusher)")
is "$(asked --key-id "$pusher" --repository acme/a --action push \
    --from acme/b)" \
   "0 allow granted 200 repository:{tenant}/**:pull,push role image-pusher true" \
   "a mount from what may be read"
is "$(asked --key-id "$pusher" --repository acme/a --action push \
    --from other/b)" \
   "0 allow granted 200 repository:{tenant}/**:pull,push role image-pusher -" \
   "and from what may not: only the push"

# anonymous

anon="--anonymous --scope repository:public/**:pull"
is "$(asked $anon --repository public/x --action pull)" \
   "0 allow granted 200 repository:public/**:pull configuration -" \
   "anonymous, with a scope"
is "$(asked $anon --repository acme/x --action pull)" \
   "1 deny no_credentials 401 - - -" "anonymous, without"
is "$(asked $anon)" "1 deny no_credentials 401 - - -" \
   "the anonymous never log in"
is "$(asked --anonymous --tenant acme --scope "repository:{tenant}/**:pull" \
    --repository acme/x --action pull)" \
   "0 allow granted 200 repository:{tenant}/**:pull configuration -" \
   "anonymous, of a tenant"
is "$(env -u REGISTRY_STORE "$tool" explain $anon --repository public/x \
    --action pull --format json | jq -r .decision)" allow \
   "the anonymous need no store"

# what is wrong with a key

pull="--repository acme/app --action pull"
is "$(asked --key-id 000000000000 $pull)" "1 deny unknown_key 401 - - -" \
   "an unknown key"
key=$(key_id "$(reg key create --tenant acme --role image-puller \
    --allow-from 10.0.0.0/8 --allow-from 2001:db8::/32)")
is "$(asked --key-id "$key" $pull --address 10.1.2.3)" \
   "0 allow granted 200 repository:{tenant}/**:pull role image-puller -" \
   "from a network of the key"
is "$(asked --key-id "$key" $pull --address ::ffff:10.1.2.3)" \
   "0 allow granted 200 repository:{tenant}/**:pull role image-puller -" \
   "the same, mapped into IPv6"
is "$(asked --key-id "$key" $pull --address 2001:db9::1)" \
   "1 deny address 403 - - -" "from elsewhere"
is "$(asked --key-id "$key" $pull; cat "$dir/stderr")" \
   "1 deny address 403 - - -
ngx-registry: the key is bound to networks: give --address" "from who knows"

reg tenant set acme --suspend
is "$(asked --key-id "$id" $pull)" "1 deny suspended 403 - - -" \
   "a suspended tenant"
reg tenant set acme --resume

reg key revoke "$id" 2> /dev/null
is "$(asked --key-id "$id" $pull)" "1 deny revoked 401 - - -" "a revoked key"

edit --arg id "$admin" '.keys[$id].expires_at = "2026-01-01T00:00:00Z"'
is "$(asked --key-id "$admin" $pull)" "1 deny expired 401 - - -" \
   "an expired key"
edit --arg id "$admin" '.keys[$id] |= (.not_before = "2098-01-01T00:00:00Z" |
    del(.expires_at))'
is "$(asked --key-id "$admin" $pull)" "1 deny not_yet_valid 401 - - -" \
   "a key of tomorrow"
edit --arg id "$admin" '.keys[$id] |= (.tenant = "gone" | del(.not_before))'
is "$(asked --key-id "$admin" $pull)" "1 deny no_tenant 403 - - -" \
   "a key without its tenant"
edit --arg id "$admin" '.keys[$id] = {version: 2}'
is "$(asked --key-id "$admin" $pull)" "1 deny record_version 403 - - -" \
   "a key of a later version"
edit '.roles.cleaner.version = 2'
key=$(key_id "$(reg key create --tenant acme --role image-puller)")
edit --arg id "$key" '.keys[$id].roles += ["cleaner"]'
is "$(asked --key-id "$key" $pull)" "1 deny record_version 403 - - -" \
   "a role of a later version"

if on_file; then
    edit '.roles.cleaner |= (.version = 1 | .colour = "red")'
    refuses "a broken role" 3 "$store: line 1: role \"cleaner\": unknown \
member \"colour\"" reg explain --key-id "$key" $pull
fi

# a scope that only fits until {tenant} is put in

wide=$(printf 'x%.0s' {1..230})
edit --arg s "repository:{tenant}/$wide:pull" \
    '.roles.cleaner = {version: 1, name: "cleaner", scopes: [$s]}'
long=$(printf 't%.0s' {1..63})
reg tenant set $long
edit --arg id "$key" --arg t "$long" '.keys[$id].tenant = $t'
like "$(asked --key-id "$key" --repository a --action pull
        cat "$dir/stderr")" \
     '^1 deny internal 500 - - -
ngx-registry: role cleaner: .*\{tenant\}' "a scope that does not fit its tenant"
like "$(reg store check)" \
     "key \"$key\": denied by the gateway, for role cleaner: " \
     "store check warns of it"
like "$(reg key create --tenant $long --role cleaner 2>&1; echo $?)" \
     'ngx-registry: key \(new\): role cleaner: .*2$' "and no key gets it"


# bad questions

refuses "nobody asks" 2 "who asks? Give --key-id, --token or --anonymous" \
    reg explain $pull
refuses "two ask" 2 "who asks? Give --key-id, --token or --anonymous" \
    reg explain --key-id "$id" --anonymous
refuses "no key id" 2 \
    "--key-id takes the id of a key: 12 letters and digits" \
    reg explain --key-id ci
refuses "a key has its own scopes" 2 \
    "--scope and --tenant go with --anonymous: a key has its own" \
    reg explain --key-id "$id" --scope "repository:a:pull"
refuses "two questions" 2 \
    "ask for one thing: --repository, --catalog or --api" \
    reg explain --key-id "$id" $pull --catalog
refuses "no action" 2 \
    "--action goes with --repository and --api, and they with it" \
    reg explain --key-id "$id" --repository acme/app
refuses "an action on nothing" 2 \
    "--action goes with --repository and --api, and they with it" \
    reg explain --key-id "$id" --action pull
refuses "an action on the catalog" 2 \
    "--action goes with --repository and --api, and they with it" \
    reg explain --key-id "$id" --catalog --action pull
refuses "an unknown action" 2 \
    "--action of a repository is pull, push or delete" \
    reg explain --key-id "$id" --repository acme/app --action read
refuses "a mount of a pull" 2 \
    "--from goes with --repository and --action push" \
    reg explain --key-id "$id" $pull --from acme/b
refuses "a bad repository" 2 \
    "--repository: Acme is no name of a repository" \
    reg explain --key-id "$id" --repository Acme --action pull
refuses "a bad source" 2 "--from: ../b is no name of a repository" \
    reg explain --key-id "$id" --repository acme/a --action push --from ../b
like "$(reg explain --key-id "$id" --api "ch*t" --action invoke 2>&1
        echo $?)" '^ngx-registry: --api: .*2$' "a bad API"
like "$(reg explain --key-id "$id" $pull --address 10.0.0 2>&1; echo $?)" \
     '^ngx-registry: --address: .*2$' "a bad address"
like "$(reg explain --anonymous --scope nonsense 2>&1; echo $?)" \
     '^ngx-registry: --scope: .*2$' "a bad scope"
refuses "a bad tenant" 2 "--tenant: A is no name of a tenant" \
    reg explain --anonymous --tenant A

finish
