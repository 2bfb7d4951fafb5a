# Copyright (C) ngx_http_registry_module authors
#
# User instructions per request, by callgrind: the difference of a long and a
# short run, so that neither start nor end counts.

short_run=1000
long_run=5000


part_instructions() {
    local count=$1 kind base
    local -A cost

    say
    say "User instructions per authorised manifest GET, $count keys"

    for kind in plain loaded registry; do
        instructions_of "$kind" "$count"
    done

    base=${cost[plain]}

    printf '  %-44s %10s %10s\n' gateway 'per GET' 'over plain'
    instruction_row 'plain' "$base" "$base"
    instruction_row 'module loaded, registry off' "${cost[loaded]}" "$base"
    instruction_row 'registry on (identity alone)' "${cost[registry]}" "$base"
    say
    verdict 'identity over plain' \
        "$(calculate "100 * (${cost[registry]} - $base) / $base" %.2f)" \
        '<=' 10 %

    say
    say "Where they go: registry less plain, instructions per GET"
    function_table registry plain
}


# instructions_of KIND COUNT: sets cost[KIND]

instructions_of() {
    callgrind "$1" "$2" "$short_run"
    callgrind "$1" "$2" "$long_run"

    cost[$1]=$("$bench/callgrind.pl" total $((long_run - short_run)) \
        "$state/$1.callgrind.$short_run" "$state/$1.callgrind.$long_run") \
        || fail "callgrind.pl failed"
}


# function_table KIND BASE

function_table() {
    "$bench/callgrind.pl" functions $((long_run - short_run)) \
        "$state/$1.callgrind.$short_run" "$state/$1.callgrind.$long_run" \
        "$state/$2.callgrind.$short_run" "$state/$2.callgrind.$long_run" \
        || fail "callgrind.pl failed"
}


instruction_row() {
    printf '  %-44s %10.0f %9.2f%%\n' "$1" "$2" \
        "$(calculate "100 * ($2 - $3) / $3" %.2f)"
}


# callgrind KIND COUNT REQUESTS: runs a gateway in one process under callgrind,
# with $credential in place of a key

callgrind() {
    local name=$1.$2 got pid

    configure "$1" "$2"

    start "$name" "${port_of[$name]}" taskset -c "$gateway_cpu" \
        valgrind --tool=callgrind --compress-strings=no --compress-pos=no \
        --callgrind-out-file="$state/$1.callgrind.$3" \
        "$nginx" -p "$state/$name/" -e stderr -c "$state/$name/nginx.conf" \
        -g 'daemon off; master_process off;'

    pid=$started
    got=$("$bench/client.pl" "${port_of[$name]}" "$3" "$state/list.$2" \
          ${credential:+0 "$credential"}) \
        || fail "$name: no answer under callgrind"

    [ "$got" = "$success $3" ] || fail "$name: statuses under callgrind: $got"

    stop "$pid" QUIT
    [ -s "$state/$1.callgrind.$3" ] || fail "$name: callgrind wrote nothing"
}
