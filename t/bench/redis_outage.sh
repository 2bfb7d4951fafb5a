# Copyright (C) ngx_http_registry_module authors
#
# Redis is gone for a while, and in the midst of it the configuration is loaded
# anew: who was known is served.

part_redis_outage() {
    local count=$1 name=redis.$1 workers=$WORKERS log_level=emerg
    local load_pause=50 rate cost asked failed begin

    say
    say "Redis killed for $OUTAGE s under load, $WORKERS workers, with a reload"

    start_gateway redis "$count"
    swept redis "$count" "$state/list.$count"

    redis "$count" save >/dev/null

    # no connection is kept, so that none can end between two requests

    begin_load "$name" -H 'Connection: close'
    sleep 1
    stop "${server_pid[$count]}" KILL 2>/dev/null
    sleep "$(calculate "$OUTAGE / 2" %.2f)"
    reload "$name"
    sleep "$(calculate "$OUTAGE / 2" %.2f)"
    begin=$(date +%s%N)
    launch_server "$count"
    wait_for_lookup "$name"
    begin=$(($(date +%s%N) - begin))
    sleep 1
    end_load

    verdict "requests that failed, of $asked" "$failed" '==' 0
    say "  (lookups again $(calculate "$begin / 1000000000" %.2f) s after Redis" \
        "was started)"

    stop "${master[$name]}"
    stop_server "$count"
}


# reload NAME: the old workers are gone when it is done

reload() {
    local i pid old

    old=$(workers_of "${master[$1]}" "$workers") || fail "no workers of $1"

    kill -s HUP "${master[$1]}"

    for ((i = 0; i < 300; i++)); do
        for pid in $old; do
            kill -0 "$pid" 2>/dev/null && break
            pid=
        done

        [ -n "$pid" ] || return 0
        sleep 0.1
    done

    fail "$1: the old workers do not end"
}


# wait_for_lookup NAME: a key that nobody knew is let in

wait_for_lookup() {
    local i

    for ((i = 0; i < 300; i++)); do
        if [ "$("$bench/client.pl" "${port_of[$1]}" 1 \
                "$state/sweep.${1#*.}")" = '200 1' ]
        then
            return
        fi

        sleep 0.05
    done

    fail "$1: no lookups"
}
