# Copyright (C) ngx_http_registry_module authors
#
# Requests per second of the gateways, all doing the same job.

part_throughput() {
    local count=$1 kind names=()

    rates=() costs=()

    say
    say "Authorised manifest GET, $count keys in the store, requests/s"

    for kind in $GATEWAYS; do
        start_gateway "$kind" "$count"
        names+=("$kind.$count")
    done

    rounds one "${names[@]}"
    rate_head gateway 'of plain'

    for kind in $GATEWAYS; do
        rate_row "$kind" "$kind.$count" one "plain.$count" one
    done

    say

    if has_gateway registry; then
        bar_of plain 0.95 "$count"
        bar_of lua 1.2 "$count"
        bar_of lua_shared 1.2 "$count"
        bar_of auth_request 3.5 "$count"
        bar_of auth_request_close 3.5 "$count"
    fi

    for kind in $GATEWAYS; do
        stop "${master[$kind.$count]}"
    done
}


bar_of() {
    if has_gateway "$1"; then
        verdict "registry / $1" "$(ratio "registry.$3" "$1.$3" one)" '>=' "$2"
    fi
}


has_gateway() {
    case " $GATEWAYS " in
    *" $1 "*) ;;
    *) return 1 ;;
    esac
}


# The same gateway with few and many keys, one of them or a thousand in turn.

part_keys() {
    local few=$1 count mode names=()

    rates=() costs=()

    say
    say "Number of keys, requests/s"

    for count in "$@"; do
        start_gateway registry "$count"
        names+=("registry.$count")
    done

    for mode in one cycle; do
        rounds $mode "${names[@]}"
    done

    rate_head 'keys in the store' "of $few"

    for mode in one cycle; do
        for count in "$@"; do
            rate_row "$count, $mode" "registry.$count" $mode "registry.$few" \
                $mode
        done
    done

    say

    for mode in one cycle; do
        for count in "${@:2}"; do
            verdict "$count / $few keys, $mode" \
                "$(ratio "registry.$count" "registry.$few" $mode)" '>=' 0.95
        done
    done

    for count in "$@"; do
        stop "${master[registry.$count]}"
    done
}
