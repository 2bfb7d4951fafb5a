#!/bin/bash
#
# What reasons.md and scopes.md say of requests is what they are answered.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"

digest=sha256:$(printf 'ab%.0s' {1..32})


# The rows of the table in a section of a document, without code marks; cells
# are separated by $cell, which unlike a tab makes "read" keep empty ones.

cell=$'\x1f'


table() {                                       # DOCUMENT HEADING
    awk -v heading="## $2" '
        $0 == heading          { here = 1; next }
        /^## /                 { here = 0 }
        here && /^\|--/        { rows = 1; next }
        here && rows && /^\|/  { print }
        here && !/^\|/         { rows = 0 }
    ' "$top/docs/$1" |
        sed -E 's/\\\|/\x01/g; s/`//g; s/^\| ?//; s/ ?\|$//; s/ ?\| ?/\x1f/g;
                s/\x01/|/g'
}


make_store
make_key nothing 2> /dev/null
make_key pull --scope repository:acme/app:pull
make_key push --scope repository:acme/app:push
make_key delete --scope repository:acme/app:delete
make_key catalog --scope "registry:catalog:*"

for reason in unknown_key wrong_secret record_version revoked expired no_tenant
do
    make_key $reason --role image-puller
done

make_key not_yet_valid --role image-puller --not-before 7d
make_key address --role image-puller --allow-from 10.0.0.0/8
make_key limited --role image-puller

registry tenant set suspended > /dev/null
registry key create --tenant suspended --role image-puller \
    > "$dir/keys/suspended"
registry tenant set suspended --suspend > /dev/null

# the name of the tenant makes the scope too long, but not at once

tenant=$(printf 'x%.0s' {1..60})
registry tenant set "$tenant" > /dev/null
registry role set wide --scope "repository:a:pull" > /dev/null
registry key create --tenant "$tenant" --role wide > "$dir/keys/internal"
registry role set wide \
    --scope "repository:{tenant}$(printf 'y%.0s' {1..240}):pull" > /dev/null


id() {                                          # KEY
    cut -c 5-16 "$dir/keys/$1"
}


# What the tool refuses to make is made by hand.

jq --arg unknown "$(id unknown_key)" --arg wrong "$(id wrong_secret)" \
    --arg newer "$(id record_version)" --arg revoked "$(id revoked)" \
    --arg expired "$(id expired)" --arg homeless "$(id no_tenant)" '
        del(.keys[$unknown])
        | .keys[$wrong].hash = "sha256:" + "0" * 64
        | .keys[$newer].version = 2
        | .keys[$revoked].revoked_at = "2026-01-01T00:00:00Z"
        | .keys[$expired].expires_at = "2026-01-01T00:00:00Z"
        | .keys[$homeless].tenant = "nobody"
    ' "$dir/lib/store.json" > "$dir/lib/store.new"
mv "$dir/lib/store.new" "$dir/lib/store.json"

# tokens of a key that is no key of the gateway's, of its own, and for something
# else

perl -I"$top/t/lib" -MRegistry::TestTokens - "$dir" "$(id pull)" <<'END'
my ($dir, $id) = @ARGV;


sub put {
    open my $out, '>', "$dir/$_[0]" or die "$!\n";
    print $out $_[1];
}


sub token {
    return jwt($_[0], claims('', ["repository:acme/app:$_[1]"], sub => $id,
                             iss => 'docs', aud => 'docs', exp => $_[2]));
}


put('etc/docs.key', pem('own'));
put('keys/token', token('other', 'pull', time + 300));
put('keys/token_expired', token('own', 'pull', time - 300));
put('keys/token_scope', token('own', 'push', time + 300));
END

record='{"issuer":"https://ci","audience":"docs","rules":
         [{"claims":{"ref":"main"},"tenant":"acme"}]}'
registry issuer set ci --file - <<< "$record" > /dev/null
oidc_token gitlab '{"iss":"https://ci","aud":"docs","sub":"a",
    "exp":4000000000}' > "$dir/keys/no_rule"

mkdir -m 777 "$dir/ledger"
echo "registry_ledger $dir/ledger size=1m;" > "$dir/block"
cat >> "$dir/block" <<'END'
registry_cdn edge {
    url   https://edge.example.net/;
    sign  hmac key_file=/etc/nginx/cdn.key;
}
server {
listen 127.0.0.1:8080;
location /signed/ {
    registry_verify_url  edge;
    add_header           X-Reason $registry_reason always;
}
registry_token_key     /etc/nginx/docs.key;
registry_token_issuer  docs;
registry_oidc          ci jwks=file:/etc/nginx/gitlab-jwks.json;
location / {
    registry    on;
    add_header  X-Reason $registry_reason always;
    proxy_pass  http://127.0.0.1:5000;
}
location /v2/acme/throttled/ {
    registry                on;
    registry_auth_throttle  rate=1/31d burst=1;
    add_header              X-Reason $registry_reason always;
    proxy_pass              http://127.0.0.1:5000;
}
location /v2/acme/limited/ {
    registry        on;
    registry_limit  pulls count=pull per=key rate=1/31d;
    add_header      X-Reason $registry_reason always;
    proxy_pass      http://127.0.0.1:5000;
}
location /v2/acme/used/ {
    registry        on;
    registry_limit  egress count=egress per=tenant quota=1B/month;
    add_header      X-Reason $registry_reason always;
    proxy_pass      http://127.0.0.1:5000;
}
}
END

whole_conf "$dir/block" | localise > "$dir/etc/nginx.conf"
start_backend || bail_out "no backend"
start_nginx "$dir/etc/nginx.conf" "$PORT" "$dir/error.log" \
    "pid $dir/nginx.pid;" || bail_out "no nginx"


# Reasons: a request for each.

provoke() {                                     # REASON
    local options=() target=(GET /v2/acme/app/manifests/1)

    case $1 in
    granted)        options=(-u "a:$(< "$dir/keys/pull")") ;;
    not_canonical)  target=(GET /v2//x) ;;
    no_route)       target=(GET /v2/acme) ;;
    method)         target=(PUT /v2/) ;;
    body)           options=(-d body) ;;
    form)           target=(POST /v2/acme/app/blobs/uploads/)
                    options=(-d form=1) ;;
    no_credentials) ;;
    throttled)      options=(-u user:password)
                    target=(GET /v2/acme/throttled/app/manifests/1)
                    ask "${target[@]}" "${options[@]}" > "$dir/first" ;;
    malformed)      options=(-u user:password) ;;
    signature)      target=(GET /signed/blob) ;;
    scope)          options=(-u "a:$(< "$dir/keys/push")") ;;
    rate)           options=(-u "a:$(< "$dir/keys/limited")")
                    target=(GET /v2/acme/limited/app/manifests/1)
                    ask "${target[@]}" "${options[@]}" > "$dir/first" ;;
    quota)          options=(-u "a:$(< "$dir/keys/limited")")
                    target=(GET /v2/acme/used/app/manifests/1)
                    ask "${target[@]}" "${options[@]}" > "$dir/first" ;;
    *)              options=(-u "a:$(< "$dir/keys/$1")") ;;
    esac

    ask "${target[@]}" "${options[@]}"
}


# "<status> <reason> <code> <message>", and what headers come with it.

summary() {
    awk '
        NR == 1                         { status = $2 }
        sub(/^X-Reason: /, "")          { reason = $0 }
        /^WWW-Authenticate: /           { challenges++ }
        /^Allow: /                      { allows++ }
        /^\{"errors":/                  { body = $0 }
        END {
            gsub(/.*"code":"|"\}\]\}$/, "", body)
            sub(/, try again in .*|, the next month begins .*/, "", body)
            sub(/","message":"/, " ", body)
            print status, reason, body
            if (challenges != (status == 401)) print challenges, "challenges"
            if (allows != (status == 405)) print allows, "Allow headers"
        }
    '
}


while IFS=$cell read -r reason status code message; do

    if [ "$reason" = not_canonical ]; then
        code=NAME_INVALID
        message="the request target is not in canonical form"

    elif [ "$reason" = rate ]; then
        message="too many pulls: 1 in 31d are allowed per key"

    elif [ "$reason" = quota ]; then
        message='the quota \"egress\" is used up: 1B may be sent in a month per tenant'
    fi

    is "$(provoke "$reason" | summary | sed 's/ $//')" \
       "${status:-200} $reason${code:+ $code $message}" "reason: $reason"
done < <(table reasons.md Reasons)

is "$(table reasons.md 'Codes of not_canonical' | tr "$cell" ' ')" "$(
    for target in /v2//x /v2/Acme/tags/list /v2/a/manifests/.x \
        /v2/a/blobs/sha256:0 '/v2/_catalog?n=1&n=2'
    do
        ask GET "$target" | summary |
            sed -n 's/^400 not_canonical //p'
    done)" "codes of not_canonical"


# Endpoints: each method for each of six people.

people=(nobody nothing pull push delete catalog)
methods=(GET HEAD POST PUT PATCH DELETE OPTIONS)


expected() {                                    # CELL PERSON
    case $1/$2 in
    /*)                                             echo 405 ;;
    */nobody)                                       echo 401 ;;
    key/* | catalog/catalog | pull/pull)            echo 200 ;;
    push/push | delete/delete)                      echo 200 ;;
    "pull or push"/pull | "pull or push"/push)      echo 200 ;;
    *)                                              echo 403 ;;
    esac
}


while IFS=$cell read -r -a cells; do
    path=$(sed "s|<name>|acme/app|; s|<tag>|v1|; s|<digest>|$digest|
                s|<id>|u-1|" <<< "${cells[0]}")
    wanted=
    first=1
    : > "$dir/requests"

    for i in "${!methods[@]}"; do
        for person in "${people[@]}"; do
            wanted+="${methods[i]} $person "
            wanted+="$(expected "${cells[i + 1]:-}" "$person")"$'\n'

            {
                [ $first = 1 ] || echo next
                echo "url = \"http://127.0.0.1:$PORT$path\""
                [ "${methods[i]}" = HEAD ] && echo head ||
                    echo "request = ${methods[i]}"
                [ "$person" = nobody ] ||
                    echo "user = \"a:$(< "$dir/keys/$person")\""
                echo "output = $dir/body"
                echo "write-out = \"${methods[i]} $person %{http_code}\\n\""
            } >> "$dir/requests"

            first=0
        done
    done

    is "$(curl -s -K "$dir/requests")" "${wanted%$'\n'}" "endpoint: ${cells[0]}"
done < <(table reasons.md Endpoints | grep '^/')

stop "$nginx_pid"


# Scopes: what each example grants and does not.

explain() {                                     # SCOPE WORD...
    local scope=$1

    shift
    case "$*" in
    catalog)    set -- --catalog ;;
    *\ api\ *)  set -- --api "$3" --action "$1" ;;
    *)          set -- --repository "$2" --action "$1" ;;
    esac

    registry explain --anonymous --tenant acme --scope "$scope" "$@" \
        --format json | jq -r .decision
}


while IFS=$cell read -r text granted refused; do
    scope=${text:-$scope}

    [ -z "$granted" ] ||
        is "$(explain "$scope" $granted)" allow "$scope grants $granted"

    is "$(explain "$scope" $refused)" deny "$scope does not grant $refused"
done < <(table scopes.md Examples)


# Roles: the built-in ones.

is "$(table scopes.md Roles | awk -F "$cell" '
        $1 != "" { role = $1 } { print role, $2 }')" \
   "$(registry role list --format json |
        jq -r '.[] | select(.builtin)
               | .name as $name | .scopes[] | "\($name) \(.)"')" \
   "the built-in roles"

finish
