# Copyright (C) ngx_http_registry_module authors
#
# What the parts of the benchmark share: state, processors, ports, processes
# and figures.

fail() {
    printf 'bench: %s\n' "$*" >&2

    if [ -d "${state-}" ]; then
        tail -n 5 "$state"/*.out >&2
    fi

    exit 1
}


say() {
    printf '%s\n' "$*"
}


# Everything is below one directory, and every process in $pids is ours.

bench_begin() {
    state=$(mktemp -d "${TMPDIR:-/tmp}/registry-bench.XXXXXX")
    pids=()
    ports=()

    trap bench_end EXIT
    trap 'exit 130' INT TERM

    mapfile -t ports < <(perl -MIO::Socket::INET -e '
        @s = map { IO::Socket::INET->new(Listen => 1,
                       LocalAddr => "127.0.0.1") or die "$!\n" } 1 .. 64;
        print $_->sockport, "\n" for @s')

    bench_processors
}


bench_end() {
    local pid

    for pid in "${pids[@]}"; do
        stop "$pid"
    done

    rm -rf "$state"
}


# The gateway has a processor of its own, so that it is what is measured; on
# two processors the backend and the client share the other.

bench_processors() {
    local list first last range

    list=()

    for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' \
                   /proc/self/status | tr , ' ')
    do
        first=${range%-*}
        last=${range#*-}

        while [ "$first" -le "$last" ]; do
            list+=("$first")
            first=$((first + 1))
        done
    done

    processors=${#list[@]}
    gateway_cpu=${list[0]}
    backend_cpu=${list[1 % processors]}
    client_cpu=${list[processors > 2 ? 2 : 1 % processors]}
    auth_cpu=${list[processors > 3 ? 3 : 1 % processors]}
}


# Takes the next free port: take_port VARIABLE

take_port() {
    [ "${#ports[@]}" -gt 0 ] || fail "no free port left"

    printf -v "$1" %s "${ports[0]}"
    ports=("${ports[@]:1}")
}


# Starts a command in the background and waits until it listens:
# start NAME PORT COMMAND…; its pid is in $started.

start() {
    local name=$1 port=$2 i
    shift 2

    "$@" >"$state/$name.out" 2>&1 &
    started=$!
    pids+=("$started")

    for ((i = 0; i < 1200; i++)); do
        if ! kill -0 "$started" 2>/dev/null; then
            cat "$state/$name.out" >&2
            fail "$name did not start"
        fi

        if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return
        fi

        sleep 0.05
    done

    fail "$name does not listen on port $port"
}


# Ends a process of ours: stop PID [SIGNAL].  The signal is repeated, because
# nginx in a single process looks at what it has got only between two waits for
# events, and under valgrind it may come between the look and the wait.

stop() {
    local pid i list=()

    for ((i = 0; i < 300; i++)); do
        kill -s "${2:-TERM}" "$1" 2>/dev/null || break
        sleep 0.1
    done

    kill -s KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null

    for pid in "${pids[@]}"; do
        [ "$pid" = "$1" ] || list+=("$pid")
    done

    pids=("${list[@]}")
}


# The one worker of an nginx master, which listens before it has one.

worker_of() {
    local worker i

    for ((i = 0; i < 100; i++)); do
        # the kernel ends the list without a newline, which read calls an error

        read -r worker _ <"/proc/$1/task/$1/children"

        if [ -n "$worker" ]; then
            printf %s "$worker"
            return
        fi

        sleep 0.05
    done

    return 1
}


# All of them, so many: workers_of MASTER COUNT

workers_of() {
    local list i

    for ((i = 0; i < 100; i++)); do
        read -r -a list <"/proc/$1/task/$1/children"

        if [ "${#list[@]}" -ge "$2" ]; then
            printf '%s\n' "${list[@]}"
            return
        fi

        sleep 0.05
    done

    return 1
}


# Nanoseconds that a process has had of a processor.

cpu_of() {
    cat "/proc/$1"/task/*/schedstat 2>/dev/null \
        | awk '{ ns += $1 } END { printf "%.0f", ns }'
}


# KiB of memory that a process has.

resident() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}


# median, min, max NUMBER…

median() {
    printf '%s\n' "$@" | sort -g | awk '{ a[NR] = $1 }
        END { print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}


least() {
    printf '%s\n' "$@" | sort -g | head -n 1
}


most() {
    printf '%s\n' "$@" | sort -g | tail -n 1
}


# calculate EXPRESSION FORMAT

calculate() {
    awk "BEGIN { printf \"${2:-%.3f}\", $1 }"
}


# A figure beside its bar: verdict LABEL VALUE RELATION BAR [UNIT].  No figure
# fails the run: that is for people who know what the machine was doing.  Those
# of a smoke run mean nothing at all.

verdict() {
    local met=missed

    if [ -n "${SMOKE-}" ]; then
        met='not judged'

    elif awk "BEGIN { exit !($2 $3 $4) }"; then
        met=met
    fi

    printf '  %-44s %10s   bar %s %s   %s\n' "$1" "$2${5:+ $5}" "$3" \
        "$4${5:+ $5}" "$met"
}
