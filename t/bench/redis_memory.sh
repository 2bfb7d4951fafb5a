# Copyright (C) ngx_http_registry_module authors
#
# What a worker keeps of a key.

memory_scopes=4


# The difference of COUNT keys and half of them, by bytes on the heap and by
# memory of the process, divided by their number.  With a file store the records
# themselves are elsewhere.

part_redis_memory() {
    local count=$1 scopes=$memory_scopes kind
    local -A heap rss

    say
    say "Memory of a worker for each of $((count / 2)) more keys with" \
        "$scopes scopes, bytes"

    "${CC:-cc}" -O2 -shared -fPIC -o "$state/heap.so" "$bench/heap.c" \
        || fail "heap.c does not compile"

    start_server "$count"
    cat "$state/list.$count" "$state/sweep.$count" >"$state/list.all"

    printf '  %-44s %10s %10s\n' store heap resident

    for kind in registry redis; do
        measure_memory "$kind" "$count"
    done

    printf '  %-44s %10.0f %10.0f\n' 'file: the identity' \
        "${heap[registry]}" "${rss[registry]}"
    printf '  %-44s %10.0f %10.0f\n' 'Redis: identity and record' \
        "${heap[redis]}" "${rss[redis]}"
    printf '  %-44s %10s\n' '(text of a record)' \
        "$(redis "$count" strlen "registry:key:$(head -n 1 \
            "$state/list.$count" | cut -f 3)")"
    say
    verdict 'identity and record, heap' "${heap[redis]}" '<=' 1024 bytes
    verdict 'identity and record, resident' "${rss[redis]}" '<=' 1024 bytes

    stop_server "$count"
}


# measure_memory KIND COUNT: sets heap[KIND] and rss[KIND]

measure_memory() {
    local name=$1.$2 half=$(($2 / 2)) first second before rate cost

    head -c 4096 /dev/zero >"$state/heap"
    export BENCH_HEAP=$state/heap LD_PRELOAD=$state/heap.so
    start_gateway "$1" "$2"
    unset BENCH_HEAP LD_PRELOAD

    # the last of the keys are still unknown

    swept "$1" "$2" "$state/list.all" "$half"
    first=$(heap_of "${worker[$name]}")
    before=$(resident "${worker[$name]}")

    swept "$1" "$2" "$state/list.all" "$2"
    second=$(heap_of "${worker[$name]}")

    heap[$1]=$(calculate "($second - $first) / ($2 - $half)" %.0f)
    rss[$1]=$(calculate "($(resident "${worker[$name]}") - $before) * 1024 / \
        ($2 - $half)" %.0f)

    stop "${master[$name]}"
}


# Bytes on the heap of a process, as heap.c counts them.

heap_of() {
    perl -e 'read STDIN, my $text, 4096;
        my %bytes = unpack "q*", $text;
        print $bytes{$ARGV[0]} // die "no process $ARGV[0]\n"' "$1" \
        <"$state/heap" || fail "heap.c counted nothing"
}
