#!/bin/bash
#
# Every configuration that the documents show is one that nginx takes, and does
# what the comments behind it say:
#
#     <!-- METHOD PATH [as KEY] [bearer KEY] [with USER:PASSWORD] [host HOST]
#          [from ADDRESS] => STATUS [REGEX] -->
#     <!-- LOG REGEX -->
#
# REGEX is found in a line of the answer, or in the last line of an access log.
# DIGEST in a path is one that the backend has.

set -uo pipefail
. "$(dirname "$0")/../lib/docs.sh"


# Asks what a comment says.

request() {                                     # NAME COMMENT
    local name=$1 line=$2 status regex got
    local -a words options=()

    read -r status regex <<< "${line#*=> }"
    read -r -a words <<< "${line%% => *}"
    words=("${words[@]/DIGEST/sha256:$(printf 'ab%.0s' {1..32})}")
    set -- "${words[@]:2}"

    while [ $# -gt 1 ]; do
        case $1 in
        as)     options+=(-u "someone:$(< "$dir/keys/$2")") ;;
        bearer) options+=(-H "Authorization: Bearer $(< "$dir/keys/$2")") ;;
        with)   options+=(-u "$2") ;;
        host)   options+=(-H "Host: $2") ;;
        from)   options+=(-H "X-Forwarded-For: $2") ;;
        *)      break ;;
        esac
        shift 2
    done

    if [ $# != 0 ]; then
        ok 1 "$name: \"$1\" is no word of a comment"
        return
    fi

    got=$(ask "${words[0]}" "${words[1]}" "${options[@]}")

    if [ "$(head -n 1 <<< "$got" | cut -d ' ' -f 2)" = "$status" ] &&
        grep -qE -e "$regex" <<< "$got"
    then
        ok 0 "$name: $line"
    else
        ok 1 "$name: $line"
        diag "$got"
    fi
}


make_store
start_backend || bail_out "no backend"
seen=0
asked=0

for block in "$blocks"/*.nginx; do
    name=$(basename "$block" .nginx)
    seen=$((seen + 1))
    whole_conf "$block" | localise > "$dir/etc/nginx.conf"

    is "$(nginx_test "$dir/etc/nginx.conf")" "$(nginx_is_content)" \
        "$name: nginx -t has nothing to say"

    [ -e "$block.ask" ] || continue

    start_nginx "$dir/etc/nginx.conf" "$PORT" "$dir/error.log" \
        "pid $dir/nginx.pid;" || bail_out "$name: no nginx"

    while read -r line; do
        asked=$((asked + 1))

        case $line in
        LOG\ *)
            tail -qn 1 "$dir"/access/* | grep -qE -e "${line#LOG }"
            ok $? "$name: $line" ;;
        *)
            request "$name" "$line" ;;
        esac
    done < "$block.ask"

    stop "$nginx_pid"
    rm -f "$dir"/access/*
done

# what the extraction does not find, nothing tests

ok $((seen < 10)) "there are examples: $seen"
ok $((asked < 40)) "there are requests: $asked"

finish
