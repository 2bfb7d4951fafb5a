#!/bin/bash
#
# Issuers: whose tokens are good here, and what explain says of one.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

cd "$dir"
reg tenant set acme
reg tenant set beta


# The rules as they are, in a record.

issuer() {                                      # RULES [ISSUER]
    printf '{"issuer":"%s","audience":"registry","rules":%s}' \
        "${2:-https://ci.example.com}" "$1"
}

rules='[{"claims":{"repository_owner_id":"42","ref":"refs/heads/main"},
         "tenant":"acme","roles":["image-pusher"]},
        {"claims":{"repository_owner_id":"42","groups":"dev-*"},"tenant":"beta",
         "scopes":["repository:{tenant}/**:pull"]}]'
issuer "$rules" > ci.json

prints "issuer set" "" reg issuer set ci --file ci.json
prints "issuer list" \
"NAME  ISSUER                  AUDIENCE  TENANTS
ci    https://ci.example.com  registry  acme, beta" reg issuer list
prints "issuer show" \
'name      ci
issuer    https://ci.example.com
audience  registry
rule 1    {"claims": {"repository_owner_id": "42", "ref": "refs/heads/main"}, "tenant": "acme", "roles": ["image-pusher"]}
rule 2    {"claims": {"repository_owner_id": "42", "groups": "dev-*"}, "tenant": "beta", "scopes": ["repository:{tenant}/**:pull"]}' \
    reg issuer show ci
is "$(reg issuer show ci --format json | jq -c '[.name,(.rules|length)]')" \
   '["ci",2]' "as JSON"
says "what is so already is no change" \
    "nothing to do: issuer ci is like that" reg issuer set ci --file ci.json


# what is refused changes nothing

bad() {                                         # NAME CODE SENTENCE RULES
    issuer "$4" > bad.json
    refuses "$1" "$2" "$3" reg issuer set ci --file bad.json
}

bad "a rule without claims" 2 \
    'issuer "ci": rules[0].claims: must be an object of 1 to 32 claims: a rule has to say whom it admits' \
    '[{"tenant":"acme"}]'
bad "one that pins nothing" 2 \
    'issuer "ci": rules[0].claims: pin nothing: each of them may be anything' \
    '[{"claims":{"sub":"**"},"tenant":"acme"}]'
bad "a member that nobody knows" 2 \
    'issuer "ci": rules[0]: unknown member "claim"' \
    '[{"claims":{"a":"b"},"tenant":"acme","claim":{}}]'
bad "a tenant that is not there" 1 \
    'rule ci/1: there is no tenant none: create it with tenant set' \
    '[{"claims":{"a":"b"},"tenant":"none"}]'
bad "a role that is not there" 1 \
    'rule ci/2: there is no role none: role list says which there are' \
    '[{"claims":{"a":"b"},"tenant":"acme"},
      {"claims":{"a":"b"},"tenant":"acme","roles":["none"]}]'
echo '{"name":"other","issuer":"a","audience":"b","rules":[]}' > bad.json
refuses "another name" 2 \
    'issuer "ci": name: differs from the name of the record' \
    reg issuer set ci --file bad.json
echo '{"issuer":"a","issuer":"b"}' > bad.json
refuses "a member twice" 2 \
    "bad.json: line 1: duplicate object key near '\"issuer\"'" \
    reg issuer set ci --file bad.json

issuer '[{"claims":{"ref":"refs/heads/main"},"tenant":"acme"}]' \
    https://token.actions.githubusercontent.com > gh.json
says "a rule for all of GitHub is told of" \
    'rule gh/1 admits strangers: everybody can have a token of .*"repository_id"' \
    reg issuer set gh --file gh.json
issuer '[{"claims":{"sub":"*:acme/app:**"},"tenant":"acme"}]' \
    https://token.actions.githubusercontent.com > gh.json
says "so is one whose owner may be anybody" 'rule gh/1 admits strangers.*' \
    reg issuer set gh --file gh.json
issuer '[{"claims":{"sub":"repo:acme/app:**"},"tenant":"acme"}]' \
    https://token.actions.githubusercontent.com > gh.json
prints "one that names it is not" "" reg issuer set gh --file gh.json

is "$(reg store check | tail -1)" \
   "0 keys, 2 tenants, 0 roles: 0 errors, 0 warnings" "the store is sound"
edit '.tenants |= del(.beta)'
like "$(reg store check)" 'warning: issuer "ci": there is no tenant beta' \
    "store check sees what has gone"
reg tenant set beta


# export, import and copy; newer ones stay

reg store export > backup
runs "issuer remove" reg issuer remove gh
refuses "removes it once" 1 "there is no issuer gh" reg issuer remove gh
says "a backup has it" ".*" reg store import backup
is "$(reg issuer list --format json | jq length)" 2 "and brings it back"
edit '.issuers.gh.version = 2'
refuses "one of a later version is not replaced" 1 \
    "the issuer gh was written by a later version of ngx-registry, which is needed to change it" \
    reg issuer set gh --file gh.json
is "$(reg issuer list --format json | jq -r '.[1].state')" newer \
   "it is listed as such"
reg issuer remove gh


# apply

jq -c '{version:1,issuers:{ci:.}}' ci.json > file
says "apply: it is like that" "nothing to do" reg apply -f file
jq -c '.issuers.ci.audience = "other" | .issuers.new = (.issuers.ci)' file > f2
is "$(reg apply -f f2 --dry-run)" "change issuer ci: audience
create issuer new" "apply changes and creates"
runs "apply" reg apply -f f2
echo '{"version":1,"tenants":{"acme":{}}}' > f3
refuses "a tenant of a rule is needed" 1 \
    "tenant beta is not in the file, but issuer new needs it" \
    reg apply -f f3 --prune
is "$(reg apply -f file --prune 2>&1)" \
"ngx-registry: change issuer ci: audience
ngx-registry: remove issuer new" "apply --prune removes"


# explain

b64() {
    openssl base64 -A | tr '+/' '-_' | tr -d =
}

reg token keygen --alg RS256 key.pem 2> /dev/null
reg token keygen --alg RS256 other.pem 2> /dev/null
openssl pkey -in key.pem -pubout -out pub.pem

token() {                                       # CLAIMS
    local input now

    now=$(date +%s)
    input=$(printf '{"alg":"RS256"}' | b64).$(jq -jc --argjson now "$now" \
        '{iss:"https://ci.example.com",aud:["x","registry"],sub:"repo:acme/app",
          exp:($now+300)} + .' <<< "$1" | b64)
    echo "$input.$(printf %s "$input" |
        openssl dgst -sha256 -sign key.pem | b64)"
}

explain() {                                     # CLAIMS [ARGUMENT]...
    token "$1" > token
    reg explain --token token "${@:2}" --format json 2> err |
        jq -c '[.decision, .reason, .subject, .tenant, .granted_by, .rules]'
}

is "$(explain '{"repository_owner_id":"42","ref":"refs/heads/main"}' \
        --jwks pub.pem --repository acme/app --action push)|$(< err)" \
   '["allow","granted","ci:repo:acme/app","acme","role image-pusher",["1 matches","2 comes after it"]]|' \
   "explain: the rule that matches, and what gives the right"
is "$(explain '{"repository_owner_id":"42","ref":"refs/heads/x","groups":["a","dev-1"]}' \
        --repository beta/app --action pull)" \
   '["allow","granted","ci:repo:acme/app","beta","rule ci/2",["1 does not match","its ref is \"refs/heads/x\", not \"refs/heads/main\"","2 matches"]]' \
   "why others do not"
like "$(< err)" 'the signature is not verified without --jwks' \
    "without keys it says so"
is "$(explain '{"repository_owner_id":42}')" \
   '["deny","no_rule","ci:repo:acme/app",null,null,["1 does not match","its repository_owner_id is 42, not \"42\"","2 does not match","its repository_owner_id is 42, not \"42\""]]' \
   "a number is no text"
is "$(explain '{"iss":"https://evil.example.com"}')|$(< err)" \
   '["deny","token",null,null,null,null]|ngx-registry: there is no issuer whose tokens have iss "https://evil.example.com"' \
   "another issuer"
is "$(explain '{"aud":"else"}' | jq -c .[1])|$(tail -1 err)" \
   '"token"|ngx-registry: it is for another audience' "another audience"
is "$(explain '{"exp":1}' | jq -c .[1])|$(tail -1 err)" \
   '"token_expired"|ngx-registry: it has expired' "the end"
is "$(explain '{"iat":99999999999}' | jq -c .[1])|$(tail -1 err)" \
   '"token"|ngx-registry: it is not valid yet' "issued in the future"
is "$(explain '{"sub":""}' | jq -c .[1])|$(tail -1 err)" \
   '"token"|ngx-registry: its sub is missing or too long' "nobody's"
is "$(explain '{}' --jwks other.pem | jq -c .[1])|$(tail -1 err)" \
   '"token"|ngx-registry: its signature is wrong' "another key"
refuses "one asks" 2 "who asks? Give --key-id, --token or --anonymous" \
    reg explain --token token --anonymous
refuses "keys are for a token" 2 "--jwks goes with --token" \
    reg explain --anonymous --jwks pub.pem

is "$(reg audit list --format json |
        jq -r '.[] | select(.type == "issuer" and .id == "gh") | .action' |
        uniq | xargs)" \
   "create change remove create remove" "the audit has it"

finish
