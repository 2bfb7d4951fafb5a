#!/bin/bash
#
# apply: the store becomes what a file says.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

file=$dir/teams.json


# What apply says on standard error, or in a plan, without ids.

plan() {
    sed -E 's/^ngx-registry: //; s/\([0-9A-Za-z]{12}\)/(ID)/'
}


apply() { reg apply -f "$file" "$@"; }


cat > "$file" <<'END'
{"version": 1,
 "tenants": {"acme": {"labels": {"owner": "ann"}},
             "beta": {"limits": {"pulls": "100/6h"}}},
 "roles": {"cleaner": {"scopes": ["repository:{tenant}/**:pull,delete"]}},
 "keys": {"acme/ci": {"roles": ["image-pusher"], "expires_in": "90d"},
          "acme/nightly run": {"roles": ["cleaner"],
                               "scopes": ["api:chat:invoke"],
                               "allow_from": ["10.0.0.0/8"],
                               "limits": {"pulls": "off"},
                               "not_before": "2026-01-01T01:00:00+01:00",
                               "expires_at": "2099-01-01T00:00:00Z"}}}
END

wanted="create tenant acme
create tenant beta
create role cleaner
create key acme/ci
create key acme/nightly run"

prints "a plan of an empty store" "$wanted" apply --dry-run
! on_file || is "$(ls "$dir")" "stderr
teams.json" "a plan writes nothing, not even a lock"

apply > "$dir/keys" 2> "$dir/stderr"
is "$? $(plan < "$dir/stderr")" "0 $wanted" "it is carried out"
is "$(cut -f 1 "$dir/keys")" "acme/ci
acme/nightly run" "new keys are on standard output, by name"
is "$(cut -f 2 "$dir/keys" | grep -cE "$key_regex")" 2 "and a tab"

id=$(key_id "$(sed -n '1s/.*\t//p' "$dir/keys")")
nightly=$(key_id "$(sed -n '2s/.*\t//p' "$dir/keys")")
is "$(record "$id" '[.expires_at, .created_at] | map(fromdate) | .[0] - .[1]')" \
   $((90 * 86400)) "expires_in counts from now"
is "$(record "$nightly" 'del(.created_at, .hash) | tojson')" \
   '{"version":1,"id":"'"$nightly"'","tenant":"acme","name":"nightly run","roles":["cleaner"],"scopes":["api:chat:invoke"],"allow_from":["10.0.0.0/8"],"limits":{"pulls":"off"},"not_before":"2026-01-01T00:00:00Z","expires_at":"2099-01-01T00:00:00Z"}' \
   "the members are those of the file"
is "$(reg tenant show beta --format json | jq -c .limits)" \
   '{"pulls":"100/6h"}' "those of tenants, too"

before=$(state)
says "a second time there is nothing to do" "nothing to do" apply
is "$(cat "$dir/stdout")" "" "nobody gets a key again"
says "nor is there with --prune" "nothing to do" apply --prune
is "$(state)" "$before" "and nothing is written"


# changes

reg tenant set acme --suspend
jq '.tenants.acme.labels = {project: "x"}
    | .roles.cleaner.scopes = ["repository:a:pull"]
    | .keys."acme/ci".roles = ["image-puller"]
    | .keys."acme/nightly run".expires_at = null' "$file" > "$dir/next"
cat "$dir/next" > "$file"

wanted="change tenant acme: labels
change role cleaner: scopes
change key acme/ci (ID): roles
change key acme/nightly run (ID): expires_at"

before=$(state)
is "$(apply --dry-run | plan)" "$wanted" "a plan of changes"
is "$(apply --dry-run --format json | jq -c 'map(del(.id))')" \
   '[{"action":"change","type":"tenant","name":"acme","members":["labels"]},{"action":"change","type":"role","name":"cleaner","members":["scopes"]},{"action":"change","type":"key","name":"acme/ci","members":["roles"]},{"action":"change","type":"key","name":"acme/nightly run","members":["expires_at"]}]' \
   "a plan is JSON"
is "$(state)" "$before" "a plan changes nothing"
is "$(apply 2>&1 | plan)" "$wanted" "they are carried out"
is "$(reg tenant show acme --format json | jq -c .)" \
   '{"name":"acme","suspended":true,"labels":{"project":"x"},"limits":{}}' \
   "what the file does not name stays"
is "$(record "$nightly" .expires_at)" null "what is null goes"
is "$(record "$id" '[.expires_at, .created_at] | map(fromdate) | .[0] - .[1]')" \
   $((90 * 86400)) "expires_in does not move the end of a key that is there"


# A key is the one that is neither revoked nor rotated.

next=$(key_id "$(reg key rotate "$id" 2> /dev/null)")
says "a rotated key has its next one" "nothing to do" apply --prune
is "$(record "$id" .revoked_at)" null "and runs out"
reg key revoke "$next" 2> /dev/null
is "$(apply 2> /dev/null | cut -f 1)" acme/ci "a revoked one is made anew"

third=$(reg key create --tenant acme --name ci --role image-puller \
    2> /dev/null)
refuses "two keys of a name are one too many" 1 \
    "two keys are called acme/ci: revoke one of them, or rotate it" apply
reg key revoke "$(key_id "$third")" 2> /dev/null


# pruning

reg tenant set gone
reg role set gone --scope "repository:a:pull"
reg key create --tenant gone --role gone --name x > /dev/null
nameless=$(key_id "$(reg key create --tenant acme --role image-puller)")

# a cluster has keys in the order of their ids

in_order() {
    awk '/^revoke key/ { print | "sort"; next } { close("sort"); print }'
}

wanted="revoke key acme/ (ID)
revoke key gone/x (ID)
remove tenant gone
remove role gone"

says "without --prune it all stays" "nothing to do" apply
is "$(apply --prune --dry-run | plan | in_order)" "$wanted" "--prune, as a plan"
is "$(apply --prune 2>&1 | plan | in_order)" "$wanted" "--prune"
is "$(record "$nameless" .reason)" "no longer in the applied file" \
   "a key is revoked, not forgotten"
says "a second time there is nothing to do" "nothing to do" apply --prune

reg tenant set other
reg role set other --scope "repository:a:pull"
other=$(key_id "$(reg key create --tenant other --role other --name x)")
echo '{"version":1}' > "$file"
says "a file without sections prunes nothing" "nothing to do" apply --prune
echo '{"version":1,"tenants":{"acme":{},"beta":{}}}' > "$file"
refuses "a tenant that a key needs is not removed" 1 \
    "tenant other is not in the file, but key other/x needs it" apply --prune
echo '{"version":1,"roles":{"cleaner":{"scopes":[]}}}' > "$file"
refuses "nor a role" 1 \
    "role other is not in the file, but key other/x needs it" apply --prune
reg key revoke "$other" 2> /dev/null
is "$(apply --prune 2>&1 | plan)" "change role cleaner: scopes
remove role other" "of a revoked key they are"
echo '{"version":1,"keys":{}}' > "$file"
apply --prune 2> /dev/null
is "$(reg key list --format json | jq -c 'map(.state) | unique')" '["revoked"]' \
   "an empty section revokes all"


# thirty teams, one file

jq -n '[range(30) | "team\(.)"] as $teams
    | {version: 1,
       tenants: ($teams | map({(.): {labels: {owner: "\(.)@example.com"}}})
                 | add),
       keys: ($teams | map({"\(.)/ci": {roles: ["image-pusher"]},
                            "\(.)/prod": {roles: ["image-puller"]}}) | add)}' \
    > "$file"

empty_store
apply --format json > "$dir/json" 2> "$dir/stderr"
is "$? $(cat "$dir/stderr")" "0 " "thirty teams are one file"
is "$(jq -c 'map(.type) | group_by(.) | map("\(.[0]) \(length)")' "$dir/json")" \
   '["key 60","tenant 30"]' "with sixty keys"
is "$(jq -r '.[] | select(.type == "key") | .key' "$dir/json" |
    grep -cE "$key_regex")" 60 "that are in the JSON"
is "$(jq -r '.[] | select(.type == "key") | .id' "$dir/json" | sort)" \
   "$(get_store | jq -r '.keys | keys[]' | sort)" "beside their ids"
is "$(reg audit list --format json | jq length)" 90 \
   "and a line of audit for each record"
is "$(apply --format json)" "[]" "nothing to do, in JSON"
is "$(reg apply --file - --dry-run < "$file" 2>&1)" \
   "ngx-registry: nothing to do" "from standard input"


# bad files change nothing

bad() {                                         # NAME CODE SENTENCE JSON
    printf '%s\n' "$4" > "$file"
    refuses "$1" "$2" "$3" apply
    refuses "$1, in a plan" "$2" "$3" apply --dry-run
}

bad "no JSON" 2 "$file: line 1: '[' or '{' expected near 'teams'" 'teams:'
bad "a member twice" 2 \
    "$file: line 2: duplicate object key near '\"version\"'" \
    '{"version":1,
"version":1}'
bad "no object" 2 "$file: the file is an object" '[]'
bad "no version" 2 "$file: \"version\" must be 1" '{"tenants":{}}'
bad "another version" 2 "$file: \"version\" must be 1" '{"version":2}'
bad "an unknown section" 2 "$file: unknown member \"users\"" \
    '{"version":1,"users":{}}'
bad "a section that is none" 2 "$file: \"keys\" must be an object" \
    '{"version":1,"keys":[]}'
bad "a record that is none" 2 "$file: tenant \"a\" must be an object" \
    '{"version":1,"tenants":{"a":null}}'
bad "an unknown member" 2 "$file: tenant \"a\": unknown member \"colour\"" \
    '{"version":1,"tenants":{"a":{"colour":1}}}'
bad "a secret" 2 "$file: key \"team0/ci\": unknown member \"hash\"" \
    '{"version":1,"keys":{"team0/ci":{"hash":"x"}}}'
bad "a key without a tenant" 2 \
    "$file: key \"ci\" must be called \"TENANT/NAME\"" \
    '{"version":1,"keys":{"ci":{}}}'
bad "a key without a name" 2 \
    "$file: key \"team0/\" must be called \"TENANT/NAME\"" \
    '{"version":1,"keys":{"team0/":{}}}'
bad "two ends" 2 \
    "$file: key \"team0/x\": expires_in and expires_at contradict each other" \
    '{"version":1,"keys":{"team0/x":{"expires_in":"1d","expires_at":"2099-01-01T00:00:00Z"}}}'
bad "a bad duration" 2 \
    "$file: key \"team0/x\": expires_in: $(reg key rotate x --overlap 1y 2>&1 |
        sed 's/.*--overlap: //')" \
    '{"version":1,"keys":{"team0/x":{"expires_in":"1y"}}}'
bad "a duration that is none" 2 \
    "$file: key \"team0/x\": expires_in must be a string" \
    '{"version":1,"keys":{"team0/x":{"expires_in":90}}}'
bad "an end that is over" 2 \
    "$file: key \"team0/x\" would end before it begins" \
    '{"version":1,"keys":{"team0/x":{"expires_at":"2026-01-01T00:00:00Z"}}}'
bad "a bad scope of a new key" 2 "key \"team0/x\": scopes[0]: unknown action \
\"fly\"; a repository takes pull, push, delete or *" \
    '{"version":1,"keys":{"team0/x":{"scopes":["repository:a:fly"]}}}'
bad "a bad network of an old one" 2 "key \"team0/ci\": allow_from[0]: must be \
a string" \
    '{"version":1,"keys":{"team0/ci":{"allow_from":[1]}}}'
bad "a bad limit" 2 "tenant \"team0\": limits.pulls: \"fortnight\" is \
no window, it is one of s, m, h, d and w, with a number before it or without, \
such as 6h" \
    '{"version":1,"tenants":{"team0":{"limits":{"pulls":"10/fortnight"}}}}'
bad "an unknown tenant" 1 \
    "key nobody/x: there is no tenant nobody: create it with tenant set" \
    '{"version":1,"keys":{"nobody/x":{}}}'
bad "an unknown role" 1 \
    "key team0/ci: there is no role nobody: role list says which there are" \
    '{"version":1,"keys":{"team0/ci":{"roles":["nobody"]}}}'
bad "a built-in role" 2 "role \"image-puller\": name: is a built-in role" \
    '{"version":1,"roles":{"image-puller":{"scopes":[]}}}'
bad "a role without scopes" 2 "role \"x\": scopes: is missing" \
    '{"version":1,"roles":{"x":{}}}'
bad "an error after good records" 2 \
    "tenant \"Z\": name: is no name: [a-z0-9][a-z0-9._-]{0,62}" \
    '{"version":1,"tenants":{"good":{},"Z":{}}}'
refuses "no file" 2 "$dir/none: No such file or directory" \
    reg apply -f "$dir/none"

finish
