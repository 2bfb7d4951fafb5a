#!/bin/bash
#
# Every line of "sh" in the documents that begins with ngx-registry succeeds, in
# order, document by document, on a store of its own; ID is the id of the key
# that was made last.  And the stores that are shown are stores.  What the
# runbooks have is run by runbooks_*.sh.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"

cd "$dir"
mkdir bin
ln -s "$NGX_REGISTRY" bin/ngx-registry
PATH=$dir/bin:$PATH
commands=0


last_key() {
    registry key list --format json | jq -r '.[-1].id'
}


# The commands of a document, one a line.

commands_of() {                                 # DOCUMENT
    cat "$blocks/$1"-*.sh 2> /dev/null |
        sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}'
}


# A file that is shown, and named in the comment behind it.

for block in "$blocks"/*.json.ask; do
    cp "${block%.ask}" "$(< "$block")"
done

for document in "${documents[@]}"; do
    name=$(name_of "$document")
    [[ $name != operations && $name != migrating-* ]] || continue
    rm -rf "$dir"/lib/* "$dir"/*.key

    while read -r line; do
        case $line in
        'export REGISTRY_STORE='*)
            eval "$(localise <<< "$line")" ;;
        ngx-registry\ *)
            commands=$((commands + 1))
            command=$(localise <<< "$line")
            [[ $command != *" ID"* ]] || command=${command/ ID/ $(last_key)}
            runs "$name: $line" bash -c "$command" ;;
        *)
            ok 1 "$name: \"$line\" is no command of this test" ;;
        esac
    done < <(commands_of "$name")
done

ok $((commands < 20)) "there are commands: $commands"


# A command that is shown and not run is one, and has the options.

shown() {
    local document

    for document in "${documents[@]}"; do
        {
            sed -nE 's/^ {4,}(ngx-registry )/\1/p; s/^ngx-registry /&/p' \
                <(sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' "$document")
            grep -oE '`ngx-registry [^`]*`' "$document" | tr -d '`'
        } | sed 's/ *[|<>].*//; s/ && .*//'
    done | sort -u
}


help=$(registry --help)
known=0

while read -r -a words; do
    set -- "${words[@]:1}"

    while [[ ${1-} == --store || ${1-} == --format || ${1-} == --pepper-file ]]
    do
        shift 2
    done

    # a group alone, an option alone, and what is said of several at once

    [[ ${1-} == [a-z]* && "${words[*]}" != *…* ]] || continue
    command=$1
    ! grep -q "^  $1 ${2-}\b" <<< "$help" || command="$1 ${2-}"

    if ! grep -q "^  $command\b" <<< "$help"; then
        ok 1 "\"${words[*]}\" is a command"
        continue
    fi

    known=$((known + 1))
    options=$(registry $command --help)

    for word; do
        [[ $word == --[a-z]* ]] || continue
        word=${word%%[^a-z-]*}

        grep -q -- "^  *\(-., \)\{0,1\}$word\b" <<< "$options" ||
            ok 1 "\"${words[*]}\": there is $word"
    done
done < <(shown)

ok $((known < 60)) "commands that are shown are there: $known"


# No runbook is left out.

while read -r heading; do
    grep -qF "\"$heading\"" "$top"/t/docs/runbooks_*.sh
    ok $? "a test runs it: $heading"
done < <(awk '/^## / { heading = substr($0, 4) } /^```sh$/ { print heading }' \
    "$top"/docs/{operations,migrating-from-htpasswd}.md | sort -u)


# What README.md makes of them: a key that is one, and whose successor was
# revoked as the leaked text that it is.

rm -rf "$dir"/lib/*

while read -r line; do
    [[ $line == ngx-registry\ * ]] || continue
    command=${line/ ID/ $(last_key 2> /dev/null)}
    bash -c "$command" > "$dir/output" 2>&1
done < <(commands_of README)

like "$(< acme.key)" '^ngr_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$' \
     "README.md: acme.key holds a key and nothing else"
is "$(registry key show "$(cut -c 5-16 acme-new.key)" --format json |
        jq -r '.state + ": " + .reason')" "revoked: seen in a build log" \
   "README.md: acme-new.key is revoked"


# Stores that are shown.

for block in "$blocks"/*.json; do
    grep -q '^{"version"' "$block" || continue
    [ ! -e "$block.ask" ] || continue

    name=$(basename "$block" .json)
    (umask 077; cp "$block" "$dir/lib/shown.json")
    runs "$name: is a store without fault" \
        registry --store "file:$dir/lib/shown.json" store check
    is "$(jq -r '[.keys, .tenants, .roles | length] | join(" ")' "$block")" \
       "1 1 1" "$name: has one record of each kind"
done


# The directory that README.md has root make: the workers may read what
# ngx-registry leaves there, and nobody else may.

line=$(grep -h '^    install -d ' "$top/README.md" | localise)
is "$(grep -h '^    install -d ' "$top/docs/security.md" | localise)" "$line" \
   "security.md makes the directory of README.md"

if [ "$(id -u)" != 0 ] || ! id www-data > /dev/null 2>&1; then
    ok 0 "the workers may read the store # SKIP not root"
    finish
fi

rm -rf "$dir/lib"
chmod 755 "$dir"
eval "$line"
(umask 077; registry tenant set acme; registry tenant set beta) > /dev/null
is "$(stat -c '%a %U %G' "$dir/lib/store.json")" "640 root www-data" \
   "the store belongs to root and the workers' group"
runs "the workers may read the store" \
    setpriv --reuid www-data --regid www-data --clear-groups \
    cat "$dir/lib/store.json"
fails "nobody else may" 'Permission denied' \
    setpriv --reuid nobody --regid nogroup --clear-groups \
    cat "$dir/lib/store.json"

echo 'location / { registry on; return 404; }' > "$dir/block"
whole_conf "$dir/block" | localise |
    sed "s|^user .*|user www-data; error_log $dir/error.log warn;|" \
    > "$dir/etc/nginx.conf"


warnings() {
    nginx_test "$dir/etc/nginx.conf" | globalise |
        sed -n 's/^nginx: \[warn\] //p'
}


is "$(warnings)" "" "nginx is content with it"

chgrp root "$dir/lib/store.json"
is "$(warnings)" \
   "$(sed 's/^ *//' "$blocks"/security-*.text | paste -sd ' ')" \
   "security.md: what nginx says if the workers may not read the store"

finish
