#!/bin/bash
#
# Every error that the documents quote is what comes of the line above it.  In
# blocks of "text" a line is followed by its sentence, indented:
#
#     reference/    a directive, and what "nginx -t" says
#     scopes.md     a scope, and what is wrong with it
#     store.md      a store, and what is wrong with it

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"


# Prints "<line><tab><sentence>" for each pair of the documents whose names begin
# so.

pairs() {                                       # NAME
    cat "$blocks/$1"-*.text | awk '
        /^[^ ]/ { if (line != "") print line "\t" text; line = $0; text = "" }
        /^ /    { sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
        END     { print line "\t" text }
    '
}


# What "nginx -t" complains of, without place; "-" if it does not.

complaint() {                                   # CONF
    local output

    output=$(nginx_test "$1" | globalise |
        sed -nE 's/^nginx: \[(emerg|warn)\] //p' |
        sed -E 's| in [^ ]*nginx.conf:[0-9]+$||' | head -n 1)

    echo "${output:--}"
}


http_only=$(http_directives)

# A configuration with one line of a document in it, at its level.

conf_of() {                                     # LINE
    local line=$1 store="registry_store file:/var/lib/ngx-registry/store.json;"
    local http= server= location=

    case $line in
    *"# without registry_store")    store= location=$line ;;
    registry_store*)                store= http=$line ;;
    server*)                        http=$line ;;
    registry_token_* | registry_oidc*)  server=$line ;;
    location*)                      server=$line ;;
    *)                              location=$line ;;
    esac

    if grep -qxF "${line%%[ ;]*}" <<< "$http_only" && [ -n "$location" ]; then
        http=$location location=
    fi

    cat <<END
user x;
load_module /usr/lib/nginx/modules/ngx_http_registry_module.so;
events { }
http { $(system_paths) $store
$http
server { listen 127.0.0.1:8080;
$server
location /x/ { $location
} } }
END
}


make_store
echo 'too short' > "$dir/etc/short.pepper"
echo 'secret' > "$dir/etc/password-only"
printf 'gateway:secret\nother:secret\n' > "$dir/etc/two-lines"
printf 'gateway:%01100d\n' 0 > "$dir/etc/too-long"


# directives

count=0

while IFS=$'\t' read -r line sentence; do
    count=$((count + 1))
    conf_of "$line" | localise > "$dir/etc/nginx.conf"
    is "$(complaint "$dir/etc/nginx.conf")" "$sentence" "directives: $line"
done < <(pairs reference)

ok $((count < 120)) "directives: there are lines: $count"


# scopes: in nginx.conf and on the command line

count=0

while IFS=$'\t' read -r line sentence; do
    count=$((count + 1))
    conf_of "registry on; registry_anonymous \"$line\";" | localise \
        > "$dir/etc/nginx.conf"
    is "$(complaint "$dir/etc/nginx.conf")" \
       "registry_anonymous: anonymous: $sentence, in scope \"$line\"" \
       "scopes: $line"

    output=$(registry role set ops --scope "$line" 2>&1)
    is "$? $output" "2 ngx-registry: role \"ops\": scopes[0]: $sentence" \
       "scopes: $line, ngx-registry"
done < <(pairs scopes)

ok $((count < 15)) "scopes: there are lines: $count"


# stores: the tool says the same, and names the record first

count=0
echo 'location / { registry on; return 404; }' > "$dir/any"
whole_conf "$dir/any" | localise > "$dir/etc/nginx.conf"

while IFS=$'\t' read -r line sentence; do
    count=$((count + 1))
    printf %s "$line" > "$dir/lib/store.json"
    is "$(complaint "$dir/etc/nginx.conf")" \
       "registry store \"/var/lib/ngx-registry/store.json\" $sentence" \
       "store: $line"

    # of a newer record each speaks for itself

    [[ $sentence != *"later version"* ]] || continue

    sentence=${sentence#line 1: }
    sentence=${sentence#the tenant \"a\" }
    fails "store: $line, ngx-registry" "store.json:1: error: .*$(
        sed 's/[][().*?{}|]/\\&/g' <<< "$sentence")" registry store check
done < <(pairs store)

ok $((count < 12)) "store: there are lines: $count"

finish
