# Copyright (C) ngx_http_registry_module authors
#
# What records in Redis cost, beside the file store and by their number.

# Warm requests: the same thousand keys in a file and in Redis.

part_redis_throughput() {
    local count=$1 mode kind rate cost

    rates=() costs=()

    say
    say "Warm requests by store, $count keys, requests/s"

    for kind in registry redis; do
        start_gateway "$kind" "$count"
    done

    # nothing is cold any more

    swept redis "$count" "$state/list.$count"
    reset_calls "$count"

    for mode in one cycle; do
        rounds $mode "registry.$count" "redis.$count"
    done

    rate_head store 'of file'

    for mode in one cycle; do
        rate_row "file, $mode" "registry.$count" $mode "registry.$count" $mode
        rate_row "Redis, $mode" "redis.$count" $mode "registry.$count" $mode
    done

    say

    for mode in one cycle; do
        verdict "Redis / file, $mode" \
            "$(ratio "redis.$count" "registry.$count" $mode)" '>=' 0.97
    done

    verdict 'lookups in Redis' "$(calls "$count" get)" '==' 0

    for kind in registry redis; do
        stop "${master[$kind.$count]}"
    done

    stop_server "$count"
}


# User instructions of a warm request, as part_instructions has them.

part_redis_instructions() {
    local count=$1 kind
    local -A cost

    say
    say "User instructions per warm request by store, $count keys"

    for kind in registry redis; do
        instructions_of "$kind" "$count"
    done

    printf '  %-44s %10s %10s\n' store 'per GET' 'over file'
    instruction_row 'file' "${cost[registry]}" "${cost[registry]}"
    instruction_row 'Redis' "${cost[redis]}" "${cost[registry]}"
    say
    verdict 'Redis over file' "$(calculate \
        "100 * (${cost[redis]} - ${cost[registry]}) / ${cost[registry]}" %.2f)" \
        '<=' 3 %

    say
    say "Where they go: Redis less file, instructions per GET"
    function_table redis registry

    stop_server "$count"
}


# Few and many keys in Redis: warm requests, and such that ask Redis.

part_redis_keys() {
    local few=$1 count mode rate cost names=()
    local -A cold warm

    rates=() costs=()

    say
    say "Number of keys in Redis, warm, requests/s"

    for count in "$@"; do
        start_gateway redis "$count"
        names+=("redis.$count")
        swept redis "$count" "$state/list.$count"
    done

    for mode in one cycle; do
        rounds $mode "${names[@]}"
    done

    rate_head 'keys in Redis' "of $few"

    for mode in one cycle; do
        for count in "$@"; do
            rate_row "$count, $mode" "redis.$count" $mode "redis.$few" $mode
        done
    done

    say
    say "One request at a time, microseconds (medians of $ROUNDS rounds)"
    printf '  %-20s %9s %9s %9s\n' 'keys in Redis' 'asked' "of $few" 'warm'

    cold=() warm=()
    lookup_rounds "$@"

    for count in "$@"; do
        printf '  %-20s %9.0f %9.3f %9.0f\n' "$count" \
            "$(median ${cold[$count]})" "$(calculate \
            "$(median ${cold[$count]}) / $(median ${cold[$few]})")" \
            "$(median ${warm[$count]})"
    done

    say

    for mode in one cycle; do
        for count in "${@:2}"; do
            verdict "$count / $few keys, warm, $mode" \
                "$(ratio "redis.$count" "redis.$few" $mode)" '>=' 0.95
        done
    done

    for count in "${@:2}"; do
        verdict "$count / $few keys, time of a lookup" "$(calculate \
            "$(median ${cold[$count]}) / $(median ${cold[$few]})")" '<=' 1.05
    done

    for count in "$@"; do
        stop "${master[redis.$count]}"
    done

    sweeps "$@"

    for count in "$@"; do
        stop_server "$count"
    done
}


# lookup_rounds COUNT…: adds to cold[COUNT] and warm[COUNT]

lookup_rounds() {
    local round count first second

    for ((round = 0; round < ROUNDS; round++)); do
        for count in "$@"; do
            read -r first second < <(taskset -c "$client_cpu" \
                "$bench/lookups.pl" "${port_of[redis.$count]}" \
                "${server_port[$count]}" "$state/list.$count" "$LOOKUPS") \
                || fail "no figures of lookups"

            cold[$count]+=" $first"
            warm[$count]+=" $second"
        done
    done
}


# Keys that a new gateway has never seen, once each.

sweeps() {
    local round count rate cost names=() base

    for count in "$@"; do
        if [ "$(wc -l <"$state/sweep.$count")" -ge "$SWEEP" ]; then
            names+=("$count")
        fi
    done

    [ "${#names[@]}" -gt 0 ] || return

    say
    say "Keys never seen before, $SWEEP once each, requests/s"
    rates=() costs=()

    for ((round = 0; round < ROUNDS; round++)); do
        for count in "${names[@]}"; do
            launch_gateway redis "$count"
            swept redis "$count" "$state/sweep.$count" "$SWEEP"
            rates[redis.$count sweep]+=" $rate"
            costs[redis.$count sweep]+=" $cost"
            stop "${master[redis.$count]}"
        done
    done

    base=redis.${names[0]}
    rate_head 'keys in Redis' "of ${names[0]}"

    for count in "${names[@]}"; do
        rate_row "$count, sweep" "redis.$count" sweep "$base" sweep
    done

    say

    for count in "${names[@]:1}"; do
        verdict "$count / ${names[0]} keys, sweep" \
            "$(ratio "redis.$count" "$base" sweep)" '>=' 0.95
    done
}


# swept KIND COUNT LIST [REQUESTS]: each key of LIST, or so many of them; all
# must be let in.  Sets $rate and $cost as load() does.

swept() {
    local name=$1.$2 list=$3 n=${4-$(wc -l <"$3")} before after seconds statuses

    before=$(cpu_of "${worker[$name]}")

    read -r seconds statuses < <(taskset -c "$client_cpu" "$bench/sweep.pl" \
        "${port_of[$name]}" 32 "$list" "$n") || fail "$name: no sweep"

    after=$(cpu_of "${worker[$name]}")

    [ "$statuses" = "200 $n" ] || fail "$name: statuses of a sweep: $statuses"

    rate=$(calculate "$n / $seconds" %.0f)
    cost=$(calculate "($after - $before) / $n / 1000")
}
