# A place of its own for a test: a directory, ports and processes, all of which
# are gone when it ends, whatever the reason.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/sandbox.sh"
#
#     $top                the project
#     $dir                the directory, which other users may enter
#     background COMMAND  starts a process that ends with the test; its pid is
#                         in $!
#     stop PID [SIGNAL]   ends it earlier, and waits until it has
#     free_port           prints a port that nobody else uses
#     listens PORT        succeeds if somebody does
#     wait_for COMMAND    waits up to ten seconds for it to succeed

. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$(mktemp -d /tmp/registry-test.XXXXXX)
pids=()

umask 022
chmod 755 "$dir"


leave() {
    local status=$?

    trap '' INT TERM HUP

    for pid in "${pids[@]}"; do
        kill -CONT "$pid" 2> /dev/null
        kill "$pid" 2> /dev/null
    done

    wait "${pids[@]}" 2> /dev/null

    # what a container engine mounted goes before the directory does

    grep -o " $dir/[^ ]*" /proc/self/mounts | sort -r | xargs -r umount -l
    rm -rf "$dir"

    exit $status
}

trap leave EXIT
trap 'exit 130' INT TERM HUP


background() {                                  # COMMAND...
    "$@" &
    pids+=($!)
}


# Another process may have the number as soon as this one is gone.

stop() {                                        # PID [SIGNAL]
    local i

    for i in "${!pids[@]}"; do
        [ "${pids[i]}" != "$1" ] || unset "pids[i]"
    done

    kill -"${2:-TERM}" "$1" 2> /dev/null
    wait "$1" 2> /dev/null
}


listens() {                                     # PORT
    (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}


# Tests run side by side: each locks a hundred ports, below those that the
# kernel gives to clients, and whoever it started holds the lock too.  The .t
# files have theirs by the same locks (Test::Nginx::Socket::Server).

lock_ports() {
    local n locks=/tmp/registry-ports.$UID

    mkdir -p -m 700 "$locks"

    for n in $(shuf -i 200-299); do
        exec {ports_lock}> "$locks/$n"

        if flock -n "$ports_lock"; then
            echo "$n" > "$dir/.ports"
            return
        fi

        exec {ports_lock}>&-
    done

    echo "Bail out! no ports are left"
    exit 1
}


# It may be called in a subshell, so what was handed out is noted in a file.

free_port() {
    local n port

    n=$(head -n 1 "$dir/.ports")

    for port in $(shuf -i "${n}00-${n}99"); do
        if ! grep -qx "$port" "$dir/.ports" && ! listens "$port"; then
            echo "$port" | tee -a "$dir/.ports"
            return
        fi
    done
}


wait_for() {                                    # COMMAND...
    local i

    for i in {1..200}; do
        "$@" > /dev/null 2>&1 && return 0
        sleep 0.05
    done

    return 1
}


lock_ports
