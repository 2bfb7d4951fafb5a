#!/bin/bash
#
# Ten thousand clients that go away while Redis does not answer, and as many
# while nobody listens: nothing of them stays.
#
# With ABORTED_CLUSTER=1, as cluster_aborted.sh has it, Redis is a cluster.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/many_keys.sh"

if [ -n "${ABORTED_CLUSTER-}" ]; then
    . "$(dirname "$0")/../lib/redis_fleet.sh"
    . "$(dirname "$0")/../lib/redis_cluster.sh"

    links=12                                    # and seeds have two

    start_servers() {
        start_cluster
        store="$cluster_url $options"
    }

    each_server() {                             # COMMAND
        local node

        for node in "${cluster_ports[@]}"; do "$1" "$node"; done
    }

    stop_servers() { each_server pause_member; }
    continue_servers() { each_server resume_member; }
    kill_servers() { each_server kill_member; }

    start_again() {
        each_server start_member
        for node in "${cluster_ports[@]}"; do wait_for settled "$node"; done
    }
else
    links=2

    start_servers() {
        start_redis
        store=redis://127.0.0.1:$redis_port
    }

    stop_servers() { kill -STOP "$redis_pid"; }
    continue_servers() { kill -CONT "$redis_pid"; }
    kill_servers() { stop "$redis_pid" KILL; }
    start_again() { start_redis; }
fi

# A sanitizer takes its time, and keeps what was freed.

requests=10000
[ -z "${TEST_NGINX_PRELOAD-}" ] || requests=1000

start_servers
put_keys known 1
put_keys cold 20
make_keys never 20

status_port=$(free_port)
http_extra="
registry_cache negative=1s;
server {
    listen 127.0.0.1:$status_port;
    location / { stub_status; }
}"

# so long that requests wait for as long as the test has Redis stopped

start_gateway "$store timeout=60s"
worker=$(pgrep -P "$gateway_pid")
old=


answers() {
    echo "$(status_of "${key_of[known1]}") $(status_of "${key_of[$1]}")" \
        "$(status_of "${key_of[$2]}")"
}


fds() {
    ls "/proc/$worker/fd" | wc -l
}


memory() {                                      # KiB
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$worker/status"
}


# Connections of clients that nginx has, but for the one that asks.

connections() {
    curl -s "http://127.0.0.1:$status_port/" |
        sed -n 's/^Active connections: \([0-9]*\).*/\1/p' | awk '{print $1 - 1}'
}


idle() {
    [ "$(connections)" = 0 ]
}


abort() {                                       # COUNT wait|go
    "$top/t/lib/aborter" "$port" "$status_port" "$1" "$2" \
        "${key_of[cold1]}" "${key_of[cold2]}" "${key_of[cold3]}" \
        "${key_of[never1]}" "${key_of[never2]}" "${key_of[never3]}"
}


# The first time is there to fill what is kept for ever.

nothing_stays() {                               # NAME wait|go
    local seen fds memory

    abort $((requests / 5)) "$2" > /dev/null
    wait_for idle
    fds=$(fds)
    memory=$(memory)

    seen=$(abort $requests "$2")
    [ "$2" = go ] ||
        is "$seen" $requests "$1: $requests requests wait, and are aborted"

    # of the links to a server, two and a tracker, not all are open at any time

    wait_for idle
    [ "$(connections)" = 0 ] && [ "$(fds)" -le $((fds + links)) ]
    ok $? "$1: no connection, no descriptor stays"
    diag "$fds descriptors, then $(fds)"

    # a request that leaked would take more than 1 KiB

    [ -n "${TEST_NGINX_PRELOAD-}" ] ||
        [ "$(($(memory) - memory))" -lt $((requests / 10)) ]
    ok $? "$1: nor memory"
    diag "$memory KiB, then $(memory)"
}

is "$(answers cold20 never20)" "200 200 401" "Redis answers"

stop_servers
nothing_stays "Redis is stopped" wait

# workers that are to go while questions are under way

replaced() {
    worker=$(pgrep -n -P "$gateway_pid")
    [ "$worker" != "$old" ]
}

alone() {
    [ "$(pgrep -P "$gateway_pid")" = "$worker" ]
}

old=$worker
kill -HUP "$gateway_pid"
wait_for replaced
abort 500 wait > /dev/null
continue_servers

all_well() {
    [ "$(answers cold4 never4)" = "200 200 401" ]
}

runs "it goes on: all is well" wait_for all_well
is "$(answers cold1 never1)" "200 200 401" "for those that were aborted, too"
runs "the worker from before is gone" wait_for alone

kill_servers
nothing_stays "nobody listens" go
is "$(status_of "${key_of[known1]}")" 200 "who is known is served"
start_again
put_keys known 1
put_keys cold 20
runs "it is back: all is well" wait_for all_well

# nginx itself finds connections that were left

stop "$gateway_pid" QUIT
! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log, nor at the end"

finish
