# Copyright (C) ngx_http_registry_module authors
#
# Redis servers with the records of store.pl, one for each number of keys.

declare -A server_port server_pid

# The machine may be busy: an answer that comes late shows in the figures, and
# need not be an error.

redis_timeout=1s

# More for the http block of a gateway, and another port that leads to Redis.

redis_extra=
redis_via=


# start_server COUNT, if it is not there

start_server() {
    local count=$1 port

    [ -z "${server_port[$count]-}" ] || return

    make_store "$count"
    take_port port
    server_port[$count]=$port
    launch_server "$count"
}


# launch_server COUNT: also once more, if it was killed, with what it has saved

launch_server() {
    local count=$1 port=${server_port[$1]}

    start "server.$count" "$port" taskset -c "$backend_cpu" redis-server \
        --bind 127.0.0.1 --port "$port" --save '' --dir "$state" \
        --dbfilename "server.$count.rdb"

    server_pid[$count]=$started

    [ ! -f "$state/server.$count.rdb" ] || return 0

    "$bench/records.pl" "$state/store.$count" \
        | redis-cli -p "$port" --pipe >"$state/load.out" 2>&1 \
        || fail "redis-cli --pipe: $(cat "$state/load.out")"
}


stop_server() {
    stop "${server_pid[$1]}"
    unset "server_port[$1]" "server_pid[$1]"
}


redis() {
    redis-cli -p "${server_port[$1]}" "${@:2}"
}


# How often a command was sent since the last reset_calls: calls COUNT COMMAND

calls() {
    redis "$1" info commandstats | tr -d '\r' \
        | sed -n "s/^cmdstat_$2:calls=\([0-9]*\),.*/\1/p" | grep . || say 0
}


reset_calls() {
    redis "$1" config resetstat >/dev/null
}


# info COUNT FIELD

info() {
    redis "$1" info | tr -d '\r' | sed -n "s/^$2://p"
}


# All commands but those that the gateway sends by the clock, and our own.

all_calls() {
    redis "$1" info commandstats | tr -d '\r' | awk -F '[_:=,]' '
        /^cmdstat_/ && $2 !~ /^(ping|role|info|config|client)/ { n += $4 }
        END { print n + 0 }'
}
