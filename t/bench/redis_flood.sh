# Copyright (C) ngx_http_registry_module authors
#
# Keys that are none, in numbers: what they do to Redis, to the memory of the
# gateway, and to those who have a key.

part_redis_flood() {
    local count=$1 name=redis.$1 log_level=error
    local commands gets found failed requests growth statuses

    say
    say "$FLOOD keys that are none, once each, while $count are used"

    start_gateway redis "$count"
    swept redis "$count" "$state/list.$count"

    printf '  %-14s %9s %9s %9s %9s %9s %11s\n' keys flood/s GET \
        'median ms' 'p99 ms' longest 'growth KiB'

    watched '(no flood)' sleep "$PROBE"

    watched 'bad checksum' flood bad
    verdict 'commands to Redis' "$commands" '==' 0

    watched 'no record' flood unknown
    verdict 'lookups per key that is none' \
        "$(calculate "($gets - $found) / $FLOOD")" '<=' 1
    verdict 'used keys answered with 200' \
        "$(calculate "100 * (1 - $failed / $requests)" %.2f)" '>=' 99 %
    verdict 'used keys that took no lookup' \
        "$(calculate "100 * (1 - $found / $requests)" %.2f)" '>=' 99 %

    # again: the memory that the first took is had already

    watched 'no record' flood unknown
    verdict 'growth of the worker, second flood' "$growth" '<=' 1024 KiB

    stop "${master[$name]}"
    stop_server "$count"
}


flood() {
    flooded=$(taskset -c "$client_cpu" "$bench/sweep.pl" "${port_of[$name]}" \
        32 "$1" "$FLOOD") || fail "$1: no flood"

    [ "${flooded#* }" = "401 $FLOOD" ] || fail "$1: statuses: ${flooded#* }"
}


# watched LABEL COMMAND…: runs it while somebody uses the keys that are.  Sets
# $requests of those and how many $failed, all $commands to Redis but those of
# the trackers, the $gets of them and how many of these were $found, and $growth
# of the worker.

watched() {
    local watcher before flooded= median tail longest

    before=$(resident "${worker[$name]}")
    reset_calls "$count"

    taskset -c "$client_cpu" "$bench/watch.pl" "${port_of[$name]}" \
        "$state/list.$count" "$state/watched" >"$state/watch.out" &
    watcher=$!
    pids+=("$watcher")

    "${@:2}"

    stop "$watcher"

    read -r requests failed median tail longest <"$state/watch.out" \
        || fail "$1: nothing watched"

    commands=$(all_calls "$count")
    gets=$(calls "$count" get)
    found=$(info "$count" keyspace_hits)
    growth=$(($(resident "${worker[$name]}") - before))

    printf '  %-14s %9s %9s %9s %9s %9s %11s\n' "$1" \
        "$([ -z "$flooded" ] || calculate "$FLOOD / ${flooded%% *}" %.0f)" \
        "$gets" "$median" "$tail" "$longest" "$growth"
}

