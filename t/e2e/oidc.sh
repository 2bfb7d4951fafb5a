#!/bin/bash
#
# Tokens of GitHub Actions, GitLab CI and Kubernetes: whom the rules of their
# issuers admit, where the keys come from, and what ends them.

set -uo pipefail
. "$(dirname "$0")/../lib/nginx.sh"
. "$(dirname "$0")/../lib/oidc.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
REGISTRY_STORE=file:$dir/store.json
export REGISTRY_STORE
reg() { "$NGX_REGISTRY" "$@"; }

port=$(free_port)
issuers=$(free_port)
h2_port=$(free_port)
now=$(date +%s)

oidc_key gh1 RSA
oidc_key gh2 EC
oidc_key gl1 RSA
oidc_key k8s1 EC
oidc_key evil RSA
oidc_key evil_ec EC
reg token keygen "$dir/token.key" 2> /dev/null

mkdir -p "$dir/www" "$dir/tmp"
oidc_jwks gh1 > "$dir/www/github"
oidc_jwks gl1 > "$dir/gitlab.json"
oidc_jwks k8s1 > "$dir/www/k8s"
oidc_jwks k8s1 > "$dir/www/slow"


# the records

reg tenant set acme
reg tenant set beta

record() {                                      # NAME ISS RULES
    printf '{"issuer":"%s","audience":"registry.example.com","rules":%s}' \
        "$2" "$3" > "$dir/record"
    reg issuer set "$1" --file "$dir/record" > "$dir/said" 2>&1
}

github=https://token.actions.githubusercontent.com
gitlab=https://gitlab.example.com
k8s=https://kubernetes.default.svc.cluster.local
github_rules='[{"claims":{"repository_id":"1296269","ref":"refs/heads/main"},
                "tenant":"acme","roles":["image-pusher"]},
               {"claims":{"repository_owner_id":"583231"},
                "tenant":"acme","roles":["image-puller"]}]'

record github $github "$github_rules"
record gitlab $gitlab '[{"claims":{"project_path":"acme/*","groups_direct":
    "acme/release","ref_protected":"true"},"tenant":"acme",
    "scopes":["repository:{tenant}/**:pull,push"]}]'
record cluster $k8s '[{"claims":{"kubernetes.io/namespace":"ci",
    "kubernetes.io/serviceaccount/name":"builder"},"tenant":"beta",
    "roles":["image-pusher"]}]'
record slow https://slow.example.com '[{"claims":{"sub":"a"},"tenant":"acme"}]'
record twin $gitlab '[{"claims":{"sub":"nobody"},"tenant":"acme"}]'


# tokens as they come from there

github_token() {                                # [MEMBERS [KEY [HEADER]]]
    oidc_token "${2:-gh1}" "$(jq -nc --argjson now "$now" --arg iss $github '
        {jti: "a", sub: "repo:octo/app:ref:refs/heads/main",
         aud: "registry.example.com", ref: "refs/heads/main",
         repository: "octo/app", repository_id: "1296269",
         repository_owner: "octo", repository_owner_id: "583231",
         run_id: "1", actor: "octocat", workflow: "CI", iss: $iss,
         nbf: ($now - 600), exp: ($now + 900), iat: $now} + '"${1:-{\}}")" \
        "${3:-{\}}"
}

gitlab_token() {                                # [MEMBERS [KEY]]
    oidc_token "${2:-gl1}" "$(jq -nc --argjson now "$now" --arg iss $gitlab '
        {iss: $iss, aud: "registry.example.com",
         sub: "project_path:acme/app:ref_type:branch:ref:main",
         project_path: "acme/app", project_id: "22", ref: "main",
         ref_protected: "true", groups_direct: ["acme/dev", "acme/release"],
         nbf: ($now - 5), exp: ($now + 900), iat: $now, jti: "b"} + '"${1:-{\}}")"
}

k8s_token() {                                   # [MEMBERS]
    oidc_token k8s1 "$(jq -nc --argjson now "$now" --arg iss $k8s '
        {iss: $iss, aud: ["vault", "registry.example.com"],
         sub: "system:serviceaccount:ci:builder",
         "kubernetes.io": {namespace: "ci",
             serviceaccount: {name: "builder", uid: "1-2"}},
         nbf: $now, exp: ($now + 900), iat: $now} + '"${1:-{\}}")" '{"typ":null}'
}


# the gateway, a backend, and issuers that write down what they are asked

cat > "$dir/nginx.conf" <<END
$(nginx_user)
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error.log info;
load_module $MODULE;

events { }

http {
    $(nginx_paths "$dir/tmp")
    log_format who '\$status \$registry_reason \$registry_tenant '
                   '\$registry_key_id \$registry_subject \$registry_oidc_rule';
    log_format asked '\$request_uri host=\$host [\$http_authorization] '
                     '[\$http_user_agent] [\$http_x_evil] [\$http_cookie]';

    access_log off;
    registry_store file:$dir/store.json;
    registry_usage on interval=1s;
    registry_token_key $dir/token.key;

    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$h2_port http2;
        server_name registry.example.com;
        access_log $dir/who.log who;
        set \$kept \$http_authorization;

        registry_oidc github  jwks=/keys/github refresh=1s;
        registry_oidc gitlab  jwks=file:$dir/gitlab.json;
        registry_oidc twin    jwks=/keys/none;
        registry_oidc cluster jwks=/keys/k8s;
        registry_oidc slow    jwks=/slow;

        location = /token { registry_token; }

        location /v2/ {
            registry on;
            registry_limit pushes count=push per=key rate=100/1h;
            proxy_pass http://127.0.0.1:$issuers;
        }

        location = /slow {
            internal;
            proxy_ignore_client_abort on;
            proxy_pass http://127.0.0.1:$issuers;
        }

        location /keys/ {
            internal;
            proxy_set_header Host issuer.example.com;
            proxy_set_header X-Evil \$http_authorization;
            proxy_pass http://127.0.0.1:$issuers;
        }
    }

    server {
        listen 127.0.0.1:$issuers;
        server_name _;
        access_log $dir/asked.log asked;

        location /keys/ { alias $dir/www/; }
        location = /slow { root $dir/www; limit_rate 32; }
        location / { return 200 "backend\n"; }
    }
}
END

start_nginx "$dir/nginx.conf" "$port" "$dir/error.log" ||
    { ok 1 "nginx starts"; diag "$(tail "$dir/error.log")"; exit 1; }


# "<status>", of a request with the token as it may come.

url=http://127.0.0.1:$port

direct() {                                      # TOKEN [PATH [CURL...]]
    curl -s -o "$dir/body" -w '%{http_code}' -H "Authorization: Bearer $1" \
        "${@:3}" "$url${2:-/v2/}"
}

basic() {                                       # TOKEN [PATH [CURL...]]
    curl -s -o "$dir/body" -w '%{http_code}' -u "oidc:$1" "${@:3}" \
        "$url${2:-/v2/}"
}

exchange() {                                    # TOKEN SCOPE
    curl -s -u "oidc:$1" -H 'Host: registry.example.com' \
        "$url/token?service=x&scope=$2" | jq -r '.token // .errors[0].message'
}

payload() {
    cut -d . -f 2 | tr -- '-_' '+/' | { cat; echo ==; } |
        base64 -d 2> /dev/null
}


# An issuer whose answer takes longer than the pause between two fetches: the
# client that began it leaves, and another one waits; both come up below.

slow=$(oidc_token evil_ec "{\"iss\":\"https://slow.example.com\",
    \"aud\":\"registry.example.com\",\"sub\":\"a\",\"exp\":$((now + 900))}")
{
    curl -s -m 1 --http2-prior-knowledge -H "Authorization: Bearer $slow" \
        "http://127.0.0.1:$h2_port/v2/" &
    sleep 0.5
    direct "$slow" /v2/ -m 20 -o "$dir/slow.body" > "$dir/slow"
    wait $!
} &
waits=$!


# GitHub: by a subrequest, one for all who need it

job=$(github_token)
is "$(for i in {1..8}; do
          github_token "{jti: \"$i\"}" > "$dir/job$i"
          printf 'url = "%s/v2/"\noutput = "%s"\nwrite-out = "%%{http_code}\\n"\n' \
              "$url" "$dir/body"
          printf 'header = "Authorization: Bearer %s"\nnext\n' "$(< "$dir/job$i")"
      done | sed '$d' | curl -sZ -K - 2> /dev/null | sort | uniq -c | xargs)" "8 200" \
   "GitHub: jobs log in at once"
is "$(grep -c '^/keys/github' "$dir/asked.log")" 1 "with the keys of one fetch"
is "$(direct "$job")" 200 "a job may log in"
is "$(direct "$job" /v2/acme/app/tags/list)" 200 "and pull"
is "$(basic "$job" /v2/acme/app/blobs/uploads/ -X POST)" 200 \
   "and push, as a password, too"
is "$(direct "$job" /v2/beta/app/tags/list)" 403 "but not for others"
is "$(tail -n 2 "$dir/who.log" | head -1)" \
   "200 granted acme github:repo:octo/app:ref:refs/heads/main github:repo:octo/app:ref:refs/heads/main github/1" \
   "subject and rule are logged"
other=$(github_token '{ref: "refs/heads/x"}')
is "$(direct "$other" /v2/acme/app/tags/list) $(direct "$other" \
        /v2/acme/app/blobs/uploads/ -X POST)" "200 403" \
   "another branch is another rule"
long=$(printf 'a%.0s' {1..248})
is "$(direct "$(github_token "{sub: \"$long\"}")" /v2/acme/app/tags/list)" 200 \
   "a subject may be as long as it fits"
is "$(direct "$(github_token '{repository_owner_id: "1", repository_id: "1"}')")" \
   403 "somebody else's job is not admitted"
like "$(< "$dir/body")" 'no rule of the issuer admits the token' \
    "and is told so"
is "$(direct "$(github_token '{repository_owner_id: 583231, repository_id: 1}')")" \
   403 "a number is no text"

token=$(exchange "$job" repository:acme/app:pull)
is "$(payload <<< "$token" | jq -c '[.sub, .issuer, .rule, .access[0].actions]')" \
   '["repo:octo/app:ref:refs/heads/main","github",0,["pull"]]' \
   "the token endpoint changes it"
is "$(direct "$token" /v2/acme/app/tags/list) $(direct "$token" \
        /v2/acme/app/blobs/uploads/ -X POST)" "200 401" \
   "into a token for what was asked"
is "$(exchange "$token" repository:acme/app:push)" "the token is not valid" \
   "which is changed into no other"
is "$(curl -s -d "grant_type=password&username=x&password=$job" \
        "$url/token" | jq -r .expires_in)" 300 "as a form, too"
is "$(curl -s -d "grant_type=password&access_type=offline&password=$job" \
        "$url/token" | jq -r .refresh_token)" null "no refresh token"


# GitLab: a file; Kubernetes: ES256, a list as aud, claims within claims

is "$(direct "$(gitlab_token)" /v2/acme/app/blobs/uploads/ -X POST)" 200 \
   "GitLab: a member of a list"
is "$(direct "$(gitlab_token '{groups_direct: ["acme/dev"]}')")" 403 \
   "who is no member is not admitted"
is "$(direct "$(gitlab_token '{project_path: "acme/x/y"}')")" 403 \
   "a wildcard ends with the part"
pod=$(k8s_token)
is "$(direct "$pod" /v2/beta/app/tags/list)" 200 "Kubernetes: a pod"
is "$(direct "$(k8s_token '{"kubernetes.io": {namespace: "dev",
         serviceaccount: {name: "builder"}}}')")" 403 "of its namespace"


# nobody but the issuer, for nobody but us

bad() {                                         # NAME TOKEN [STATUS]
    is "$(direct "$2") $(basic "$2") $(exchange "$2" repository:acme/app:pull |
            grep -c eyJ)" "${3:-401} ${3:-401} 0" "refused: $1"
}

input=$(github_token | cut -d . -f 1,2)
claims=$(cut -d . -f 2 <<< "$input")
sig=$(github_token | cut -d . -f 3)

part() {                                        # HEADER
    printf %s "$1" | b64url
}

hmac() {                                        # INPUT FILE
    printf %s "$1" | openssl dgst -sha256 -mac HMAC -binary \
        -macopt hexkey:"$(xxd -p "$2" | tr -d '\n')" | b64url
}

openssl pkey -in "$dir/gh1.pem" -pubout -out "$dir/pub.pem"
h=$(part '{"alg":"HS256","kid":"gh1"}').$claims
bad "alg none" "$(part '{"alg":"none"}').$claims."
bad "alg none with a signature" "$(part '{"alg":"none","kid":"gh1"}').$claims.$sig"
bad "HS256 with the public key" "$h.$(hmac "$h" "$dir/pub.pem")"
bad "an empty signature" "$input."
bad "another's signature" "$(github_token '{}' evil '{"kid":"gh1"}')"
bad "a kid that is a path" "$(github_token '{}' evil '{"kid":"../../dev/null"}')"
bad "a key that it brings along" \
    "$(github_token '{}' evil "{\"kid\":\"gh1\",\"jwk\":$(oidc_jwk evil)}")"
bad "an address that it brings along" \
    "$(github_token '{}' evil '{"jku":"http://evil.example.com/"}')"
bad "an extension that nobody knows" "$(github_token '{}' gh1 '{"crit":["x"],"x":1}')"
bad "a member twice" "$(part '{"alg":"RS256","alg":"RS256","kid":"gh1"}').$claims.$sig"
bad "five parts" "$input.$sig.a.b"
bad "an end that is no number" "$(github_token '{exp: "1"}')"
bad "no end" "$(github_token '{exp: null}')"
bad "1e400 as its end" "$(oidc_token gh1 "{\"iss\":\"$github\",\"aud\":\"registry.example.com\",\"sub\":\"a\",\"exp\":1e400}")"
bad "its end" "$(github_token '{exp: ($now - 31)}')"
bad "its begin" "$(github_token '{nbf: ($now + 3600)}')"
bad "issued in the future" "$(github_token '{iat: ($now + 3600)}')"
bad "another audience" "$(github_token '{aud: "other"}')"
bad "no audience" "$(github_token '{aud: null}')"
bad "the beginning of the audience" "$(github_token '{aud: "registry"}')"
bad "a list without the audience" "$(github_token '{aud: ["a", "b"]}')"
bad "another issuer" "$(github_token '{iss: "https://evil.example.com"}')"
bad "the issuer with a slash" "$(github_token "{iss: \"$github/\"}")"
bad "no issuer" "$(github_token '{iss: null}')"
bad "a type that is another" "$(github_token '{}' gh1 '{"typ":"at+jwt"}')"
bad "no subject" "$(github_token '{sub: null}')"
bad "a subject that is too long" "$(github_token '{sub: ("a" * 300)}')"
bad "GitHub speaks for GitLab" "$(gitlab_token '{}' gh1)"
bad "GitLab speaks for GitHub" "$(github_token '{}' gl1)"
bad "the keys of its twin" "$(gitlab_token '{}' evil)"
bad "ours by another" "$(oidc_token evil "{\"iss\":\"registry.example.com\",\"aud\":\"registry.example.com\",\"sub\":\"a\",\"exp\":$((now + 60))}")"
h=$(part '{"alg":"ES256","kid":"k8s1"}').$(k8s_token | cut -d . -f 2)
bad "r = s = 0" "$h.$(head -c 64 /dev/zero | b64url)"
bad "another curve" "$(k8s_token | cut -d . -f 1,2).$(openssl rand 96 | b64url)"
is "$(direct "eyJ$(printf 'a%.0s' {1..6000}).a.b")" 401 "refused: much"

# 64 KiB never get past nginx

is "$(printf 'header = "Authorization: Bearer eyJ%s.a.b"\n' \
        "$(head -c 65536 /dev/zero | tr '\0' a)" |
        curl -s -o /dev/null -w '%{http_code}' -K - "$url/v2/")" 400 \
   "refused: 64 KiB"


# what the issuers have seen

ok "$(grep '^/keys/' "$dir/asked.log" |
        grep -vc ' host=issuer.example.com \[-\] \[-\] \[-\] \[-\]$')" \
   "an issuer sees nothing of the client's request" ||
    diag "$(grep '^/keys/' "$dir/asked.log" | head -3)"
ok "$(($(grep -c '^/keys/none' "$dir/asked.log") > 0))" \
   "the keys of a twin are not asked for where the audience is another's" || :
ok "$(grep '^/v2/' "$dir/asked.log" | grep -vc '\[-\] \[')" \
   "and the backend no token"


# the slow one

wait $waits
is "$(< "$dir/slow") $(grep -c '^/slow' "$dir/asked.log")" "401 1" \
   "who waits for slow keys is told after one fetch, whoever began it"


# another key: at once, but not as often as somebody wants it

asked() { grep -c '^/keys/github' "$dir/asked.log"; }

sleep 5
before=$(asked)
oidc_jwks gh1 gh2 > "$dir/www/github"
is "$(direct "$(github_token '{}' gh2)")" 200 "a new key is fetched when it is used"

flood=$(for i in {1..20}; do
    github_token '{}' evil "{\"kid\":\"flood\"}" > "$dir/flood"
    direct "$(< "$dir/flood")"
    echo
done | sort | uniq -c | xargs)
is "$flood" "20 401" "a flood of keys that nobody knows is refused"
ok $(($(asked) - before > 8)) "and asks no oftener: $(($(asked) - before))"


# a key that is withdrawn goes within the time of refresh=; an issuer that is
# away is not missed

oidc_jwks gh2 > "$dir/www/github"
for i in {1..60}; do
    [ "$(direct "$job")" != 401 ] || break
    sleep 0.1
done
is "$(direct "$job") $(direct "$(github_token '{}' gh2)")" "401 200" \
   "a key that is withdrawn is good no more"

mv "$dir/www/github" "$dir/www/gone"
sleep 2
is "$(direct "$(github_token '{jti: "new"}' gh2)")" 200 \
   "keys are kept while the issuer is away"
mv "$dir/www/gone" "$dir/www/github"


# what ends it: the record, the rule, the tenant

until_is() {                                    # STATUS TOKEN PATH
    local i

    for i in {1..40}; do
        [ "$(direct "$2" "$3")" != "$1" ] || break
        sleep 0.1
    done
    direct "$2" "$3"
}

job=$(github_token '{}' gh2)
token=$(exchange "$job" repository:acme/app:pull)
is "$(direct "$token" /v2/acme/app/tags/list)" 200 "a token of a job"
record github $github '[{"claims":{"repository_id":"1296269"},"tenant":"beta",
    "roles":["image-puller"]}]'
is "$(until_is 401 "$token" /v2/acme/app/tags/list)" 401 \
   "ends with the rule that gave it"
is "$(direct "$job" /v2/acme/app/tags/list) $(direct "$job" \
        /v2/beta/app/tags/list)" "403 200" "the job is what the rules say now"
reg tenant set beta --suspend
is "$(until_is 403 "$job" /v2/beta/app/tags/list)" 403 \
   "a tenant that is suspended has no jobs"
like "$(< "$dir/body")" 'the tenant .* is suspended' "for that reason"
reg tenant set beta --resume
is "$(until_is 200 "$job" /v2/beta/app/tags/list)" 200 "and has them again"
reg issuer remove github
is "$(until_is 401 "$job" /v2/beta/app/tags/list)" 401 \
   "without a record nobody is admitted"
record github $github "$github_rules"
is "$(until_is 200 "$job" /v2/acme/app/tags/list)" 200 "with one they are"
jq -c '.issuers.github.version = 2' "$dir/store.json" > "$dir/store.new"
cat "$dir/store.new" > "$dir/store.json"
is "$(until_is 403 "$job" /v2/acme/app/tags/list)" 403 \
   "a record of a later version denies"
like "$(< "$dir/error.log")" 'the issuer "github" is of a later version' \
    "and the log says so"

reg key usage "github:repo:octo/app:ref:refs/heads/main" --format json \
    > "$dir/usage"
ok $(($(jq 'length > 1' "$dir/usage" | grep -c true) == 0)) \
   "key usage knows what a job did" || diag "$(head -c 300 "$dir/usage")"

# of a header that is too long nginx itself shows the beginning

ok "$(grep -v 'too long header line' "$dir/error.log" |
        grep -cE 'eyJ[A-Za-z0-9_-]{20}')" "no token is in a log" ||
    diag "$(grep -v 'too long header line' "$dir/error.log" |
        grep -m1 -oE '.{80}eyJ[A-Za-z0-9_-]{20}')"
ok "$(grep -cE '\[(alert|emerg|crit)\]' "$dir/error.log")" "no alert" ||
    diag "$(grep -E 'alert|emerg|crit' "$dir/error.log" | head -5)"

finish
