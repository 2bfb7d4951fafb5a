# Copyright (C) ngx_http_registry_module authors
#
# Tokens: what one costs that a worker knows, beside an API key, and how many a
# worker makes.


part_tokens() {
    local count=$1 path key scope token credential table reading
    local -A cost

    say
    say "Tokens: user instructions per GET, a known credential, $count keys"

    configure tokens "$count"
    launch_gateway tokens "$count"

    IFS=$'\t' read -r path key _ <"$state/list.$count"
    scope=${path#/v2/}
    scope=repository:${scope%/manifests/*}:pull

    token=$(curl -sf -H "Authorization: $key" \
        "http://127.0.0.1:${port_of[tokens.$count]}/token?scope=$scope" |
        sed 's/^{"token":"\([^"]*\)".*/\1/')
    [ "${token#eyJ}" != "$token" ] || fail "no token"

    issue_rate "$count" "$key" "$scope"
    stop "${master[tokens.$count]}"

    credential=
    instructions_of tokens "$count"
    cost[key]=${cost[tokens]}
    rename_costs tokens key

    credential="Bearer $token"
    instructions_of tokens "$count"
    cost[token]=${cost[tokens]}
    rename_costs tokens token

    printf '  %-44s %10.0f\n' "an API key, ${#key} bytes" "${cost[key]}"
    printf '  %-44s %10.0f\n' "its token, ${#credential} bytes" \
        "${cost[token]}"

    # a longer header takes nginx longer to read, whoever reads it

    table=$(function_table token key)
    reading=$(awk '$1 == "ngx_http_parse_header_line" { print $2; exit }' \
        <<<"$table")

    printf '  %-44s %10.0f\n' "nginx reads the longer header" "${reading:-0}"
    verdict 'token less key, all else' \
        "$(calculate "${cost[token]} - ${cost[key]} - ${reading:-0}" %.0f)" \
        '<=' 0
    say
    say "Where they go: token less key, instructions per GET"
    say "$table"
}


# rename_costs KIND NAME: what callgrind has written for the one

rename_costs() {
    local run

    for run in "$short_run" "$long_run"; do
        mv "$state/$1.callgrind.$run" "$state/$2.callgrind.$run" ||
            fail "no figures of $2"
    done
}


# By the time that the worker has had of its processor, which others may want,
# too: issue_rate COUNT KEY SCOPE

issue_rate() {
    local name=tokens.$1 before after requests

    before=$(cpu_of "${worker[$name]}")

    requests=$(taskset -c "$client_cpu" wrk -t1 -c16 -d"${DURATION}s" \
        -H "Authorization: $2" \
        "http://127.0.0.1:${port_of[$name]}/token?scope=$3" |
        sed -n 's/^ *\([0-9]*\) requests in .*/\1/p')

    after=$(cpu_of "${worker[$name]}")

    verdict 'tokens signed with ES256, a second of CPU' \
        "$(calculate "$requests / (($after - $before) / 1e9)" %.0f)" '>=' 8000
}
