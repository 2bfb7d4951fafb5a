#!/bin/bash
#
# Making keys, and looking at them.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme

# the key alone on standard output

key=$(reg key create --tenant acme --name ci --role image-pusher \
    2> "$dir/stderr")
id=$(key_id "$key")
like "$key" "$key_regex" "key create prints the key"
is "$(cat "$dir/stderr")" "" "and nothing else"

is "$(record "$id" 'keys_unsorted | join(" ")')" \
   "version id tenant name hash roles created_at" "its record has these members"
is "$(record "$id" .hash)" \
   "sha256:$(printf '%s' "$key" | sha256sum | cut -d ' ' -f 1)" \
   "hash is the SHA-256 of the key"
like "$(record "$id" .created_at)" "^$time_regex\$" "created_at is a time"
is "$({ get_store; reg audit list; } | grep -c "${key:17:32}")" 0 \
   "the secret is neither in the store nor in the audit"

other=$(reg key create --tenant acme --role image-pusher)
is "$([ "$key" != "$other" ] && echo differs)" differs "two keys differ"


# every option

key=$(reg key create --tenant=acme --name "nightly build" \
    --role image-puller --role registry-admin \
    --scope "repository:{tenant}/app:pull" --scope "api:chat:invoke" \
    --expires 2099-01-31T01:00:00+01:00 --not-before 2098-01-01T00:00:00Z \
    --allow-from 10.0.0.0/8 --allow-from 2001:db8::/32 \
    --limit pulls=100/6h --limit "pushes=1r/s burst=5")
id=$(key_id "$key")

is "$(record "$id" 'del(.created_at, .hash) | tojson')" \
   '{"version":1,"id":"'"$id"'","tenant":"acme","name":"nightly build","roles":["image-puller","registry-admin"],"scopes":["repository:{tenant}/app:pull","api:chat:invoke"],"allow_from":["10.0.0.0/8","2001:db8::/32"],"limits":{"pulls":"100/6h","pushes":"1r/s burst=5"},"not_before":"2098-01-01T00:00:00Z","expires_at":"2099-01-31T00:00:00Z"}' \
   "options become members"

id=$(key_id "$(reg key create --tenant acme --role image-puller \
    --expires 90d --not-before 1h)")
is "$(record "$id" '[.expires_at, .not_before, .created_at] | map(fromdate)
    | .[0] - .[2], .[1] - .[2]')" \
   "$((90 * 86400))
3600" "durations count from now"

says "a key that can do nothing is remarked" \
   'key .{12} has neither role nor scope: it can log in and nothing else' \
   reg key create --tenant acme
says "so is a name that is taken" \
   'tenant acme already has a key of that name, .{12}' \
   reg key create --tenant acme --name ci --role image-puller


# for docker and Kubernetes

reg key create --tenant acme --role image-puller --output docker \
    --registry registry.example.com:5000 > "$dir/config.json"
auth=$(jq -r '.auths."registry.example.com:5000".auth' "$dir/config.json" |
    base64 -d)
is "$(jq -c 'del(.auths[].auth)' "$dir/config.json")" \
   '{"auths":{"registry.example.com:5000":{}}}' "docker: a config.json"
is "${auth%%:*}" acme "docker: the user is the tenant"
like "${auth#*:}" "$key_regex" "docker: the password is the key"
is "$(record "$(key_id "${auth#*:}")" .tenant)" acme "docker: of the store"

reg key create --tenant acme --role image-puller --name pull.acme-1 \
    --output k8s --registry registry.example.com > "$dir/secret.json"
is "$(jq -c 'del(.data)' "$dir/secret.json")" \
   '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"pull.acme-1"},"type":"kubernetes.io/dockerconfigjson"}' \
   "k8s: a Secret, called like the key"
auth=$(jq -r '.data.".dockerconfigjson"' "$dir/secret.json" | base64 -d |
    jq -r '.auths."registry.example.com".auth' | base64 -d)
like "${auth#acme:}" "$key_regex" "k8s: with the key inside"

for name in "" "CI" "a..b" "a-" "-a" "a.-b" "a_b"; do
    secret=$(reg key create --tenant acme --role image-puller \
        ${name:+--name "$name"} --output k8s --registry r 2> /dev/null |
        jq -r .metadata.name)
    like "$secret" '^registry-key-[0-9a-z]{12}$' \
        "k8s: the name \"$name\" is none for Kubernetes"
done

reg key create --tenant acme --role image-puller --name json --output json \
    > "$dir/json"
id=$(jq -r .id "$dir/json")
is "$(jq -c 'del(.created_at, .key)' "$dir/json")" \
   '{"id":"'"$id"'","name":"json","tenant":"acme","state":"active","roles":["image-puller"],"scopes":[],"allow_from":[],"limits":{},"not_before":null,"expires_at":null,"revoked_at":null,"reason":null,"rotated_to":null,"peppered":false}' \
   "json: the record without the hash"
like "$(jq -r .key "$dir/json")" "$key_regex" "json: and the key"
like "$(reg --format json key create --tenant acme --role image-puller |
    jq -r .key)" "$key_regex" "--format json is --output json"


# pepper: the final newline of the file is no part of it

printf '0123456789abcdef\n' > "$dir/pepper"
key=$(reg --pepper-file "$dir/pepper" key create --tenant acme \
    --role image-puller)
is "$(record "$(key_id "$key")" .hash)" \
   "hmac-sha256:$(printf '%s' "$key" |
       openssl dgst -sha256 -hmac 0123456789abcdef | sed 's/.* //')" \
   "with a pepper hash is the HMAC of the key"
is "$(reg key show "$(key_id "$key")" --format json | jq .peppered)" true \
   "and key show says so"


# list and show, in all states

empty_store
reg tenant set acme
reg tenant set gone
now=$(date -u +%s)

hash=sha256:$(printf '%064d' 0)
jq -n --arg hash "$hash" --argjson now $now '
    def at(d): $now + d | todate;
    def key(id; name; more):
        {(id): ({version: 1, id: id, tenant: "acme", name: name, hash: $hash,
                 created_at: "2026-01-01T00:00:00Z"} + more)};

    {version: 1,
     keys: (key("active000000"; "a"; {roles: ["r1", "r2"]})
            + key("soon00000000"; "b"; {expires_at: at(3 * 86400 + 60)})
            + key("hours0000000"; "c"; {expires_at: at(7260)})
            + key("far000000000"; "d"; {expires_at: "2099-01-01T00:00:00Z"})
            + key("expired00000"; "e"; {expires_at: "2026-01-02T00:00:00Z"})
            + key("revoked00000"; "f"; {revoked_at: "2026-01-03T00:00:00Z"})
            + key("notyet000000"; "g"; {not_before: "2098-01-01T00:00:00Z"})
            + key("suspended000"; "h"; {tenant: "held"})
            + key("notenant0000"; "i"; {tenant: "none"})
            + {"newer0000000": {version: 9}}),
     tenants: {acme: {version: 1, name: "acme"},
               held: {version: 1, name: "held", suspended: true}}}' | put_store

is "$(reg key list | sed -E 's/ +$//; s/b +acme .*3d .*/SOON/; s/c +acme .*2h .*/HOURS/' |
    in_order)" "$(in_order << 'END'
ID            NAME  TENANT  ROLES   STATE               EXPIRES               CREATED
active000000  a     acme    r1, r2  active              -                     2026-01-01T00:00:00Z
soon00000000  SOON
hours0000000  HOURS
far000000000  d     acme    -       active              2099-01-01T00:00:00Z  2026-01-01T00:00:00Z
expired00000  e     acme    -       expired             2026-01-02T00:00:00Z  2026-01-01T00:00:00Z
revoked00000  f     acme    -       revoked             -                     2026-01-01T00:00:00Z
notyet000000  g     acme    -       not yet valid       -                     2026-01-01T00:00:00Z
suspended000  h     held    -       suspended           -                     2026-01-01T00:00:00Z
notenant0000  i     none    -       no tenant           -                     2026-01-01T00:00:00Z
newer0000000  -     -       -       of a later version  -                     -
END
)" "key list is a table"
like "$(reg key list)" 'soon0+ +b +acme +- +expires in 3d' "with days left"
like "$(reg key list)" 'hours0+ +c +acme +- +expires in 2h' "or hours"

is "$(reg key list --format json | jq -r '.[] | "\(.id) \(.state)"' | in_order)" \
   "$(in_order << 'END'
active000000 active
soon00000000 active
hours0000000 active
far000000000 active
expired00000 expired
revoked00000 revoked
notyet000000 not_yet_valid
suspended000 suspended
notenant0000 no_tenant
newer0000000 newer
END
)" "key list is JSON, with a word for each state"

prints "key list of a tenant" \
   "ID            NAME  TENANT  ROLES  STATE      EXPIRES  CREATED
suspended000  h     held    -      suspended  -        2026-01-01T00:00:00Z" \
   reg key list --tenant held
echo '{"version":1}' > "$dir/empty.json"
prints "key list of nothing is an empty array" "[]" \
   reg --store "file:$dir/empty.json" key list --format json

prints "key show" \
   "id          revoked00000
name        f
tenant      acme
state       revoked
roles       -
scopes      -
allow_from  -
limits      -
not_before  -
expires_at  -
created_at  2026-01-01T00:00:00Z
revoked_at  2026-01-03T00:00:00Z
reason      -
rotated_to  -
peppered    no" reg key show revoked00000
is "$(reg key show far000000000 --format json | jq -c .)" \
   '{"id":"far000000000","name":"d","tenant":"acme","state":"active","roles":[],"scopes":[],"allow_from":[],"limits":{},"not_before":null,"expires_at":"2099-01-01T00:00:00Z","created_at":"2026-01-01T00:00:00Z","revoked_at":null,"reason":null,"rotated_to":null,"peppered":false}' \
   "key show is JSON"
is "$(reg key list --format json | grep -c "$hash")" 0 "no hash is shown"

refuses "key show of no key" 1 "there is no key 000000000000" \
    reg key show 000000000000

finish
