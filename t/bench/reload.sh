# Copyright (C) ngx_http_registry_module authors
#
# What a new store file does to the requests that are being served, and how
# soon it is obeyed.

# The key that the new files revoke, which shows that they were taken up.

probe_key=5


# The longest that one turn of the event loop takes while COUNT records are
# taken up: all the same but one, and all changed.

part_reload() {
    local count=$1 name=registry.$1 round what median tail wait wall cpu force
    local -A waits cpus

    say
    say "Event loop during a reload of $count keys, ms ($RELOADS times each)"

    watch_turns
    start_gateway registry "$count"
    unset LD_PRELOAD BENCH_TURNS
    new_stores "$count"

    printf '  %-21s %8s %8s %8s %12s %9s %9s\n' changed wait p99.9 longest \
        'longest turn' 'its CPU' 'in force'

    for what in none one all; do
        for ((round = 0; round < RELOADS; round++)); do
            read -r median tail wait wall cpu force < <(probe "$name" "$what") \
                || fail "no probe of $name"

            printf '  %-21s %8s %8s %8s %12s %9s %7s s\n' \
                "${what_text[$what]}" "$median" "$tail" "$wait" "$wall" "$cpu" \
                "${force/#0.00/-}"

            waits[$what]+=" $wait"
            cpus[$what]+=" $cpu"

            if [ "$what" != none ]; then
                restore "$name"
            fi
        done
    done

    # what the module does to itself shows in every reload, what the machine
    # does to it in some, and without a reload as well

    say

    for what in one all; do
        verdict "${what_text[$what]}: longest turn, CPU" \
            "$(most ${cpus[$what]})" '<=' 10 ms
        verdict "${what_text[$what]}: longest wait, at least" \
            "$(least ${waits[$what]})" '<=' 10 ms
        verdict "${what_text[$what]}: longest wait, at most" \
            "$(most ${waits[$what]})" '<=' 10 ms
    done

    say "  (longest waits without a reload: $(least ${waits[none]}) to" \
        "$(most ${waits[none]}) ms)"

    stop "${master[$name]}"
}


# What is started next says how long the turns of its event loop are.

watch_turns() {
    "${CC:-cc}" -O2 -shared -fPIC -o "$state/turn.so" "$bench/turn.c" -ldl \
        || fail "turn.c does not compile"

    printf '%016d' 0 >"$state/turns"

    export BENCH_TURNS=$state/turns LD_PRELOAD=$state/turn.so
}


declare -A what_text=(
    [none]='none'
    [one]='one record'
    [all]='every record'
)


# new_stores COUNT: the stores to be renamed into place

new_stores() {
    local id

    id=$(sed -n "$((probe_key + 1))p" "$state/list.$1" | cut -f 3)

    mkdir -p "$state/all"
    "$bench/store.pl" "$1" 'other runner' "$state/all" || fail "no store"

    cp "$state/store.$1" "$state/store.$1.none"
    revoke_in "$state/store.$1" "$id" >"$state/store.$1.one"
    revoke_in "$state/all/store.$1" "$id" >"$state/store.$1.all"
    rm -r "$state/all"
}


revoke_in() {
    local revoked='"revoked_at":"2024-06-01T00:00:00Z"'

    sed "/^\"$2\":/s/\"revoked_at\":null/$revoked/" "$1"
}


# probe NAME WHAT: prints the figures of probe.pl

probe() {
    local store=$state/store.${1#*.} files=()

    if [ "$2" != none ]; then
        cp "$store.$2" "$store.next"
        files=("$store.next" "$store" "$state/list.${1#*.}" $probe_key)
    fi

    taskset -c "$client_cpu" "$bench/probe.pl" "${port_of[$1]}" \
        "$state/turns" "$PROBE" "${files[@]}"
}


# Puts the first store back and waits until it is taken up.

restore() {
    local store=$state/store.${1#*.} i

    cp "$store.none" "$store.next"
    mv "$store.next" "$store"

    for ((i = 0; i < 300; i++)); do
        if let_in "$1"; then
            return
        fi

        sleep 0.1
    done

    fail "$1 did not take the old store up again"
}


# let_in NAME: says whether the probe's key is let in

let_in() {
    [ "$("$bench/client.pl" "${port_of[$1]}" 1 "$state/list.${1#*.}" \
       $probe_key)" = '200 1' ]
}


# How soon a key is refused after its revocation, under load.

part_revocation() {
    local count name median longest wrk path authorization

    say
    say "Revocation under load, seconds from rename to 401 ($TRIES tries)"

    for count in "$@"; do
        name=registry.$count
        start_gateway registry "$count"
        IFS=$'\t' read -r path authorization _ <"$state/list.$count"

        taskset -c "$client_cpu" wrk -t1 -c32 -d 3600s \
            -H "Authorization: $authorization" \
            "http://127.0.0.1:${port_of[$name]}$path" \
            >"$state/wrk.out" 2>&1 &
        wrk=$!
        pids+=("$wrk")

        read -r median longest < <("$bench/revoke.pl" "${port_of[$name]}" \
            "$state/store.$count" "$state/list.$count" "$TRIES") \
            || fail "no figures of the revocation"

        stop "$wrk" INT

        if grep -E 'Non-2xx|Socket errors' "$state/wrk.out" >&2; then
            fail "$name answered with errors"
        fi

        verdict "$count keys, median" "$median" '<=' 1.5 s
        verdict "$count keys, longest" "$longest" '<=' 1.5 s
        stop "${master[$name]}"
        rm "$state/store.$count"
    done
}
