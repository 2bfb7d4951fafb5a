# Copyright (C) ngx_http_registry_module authors
#
# How soon a key is refused after Redis has taken its revocation.

# What tells a worker of a revocation is trusted for so long without a sign.

lease=2000                  # milliseconds


part_redis_revocation() {
    local count=$1 name=redis.$1 workers=$WORKERS log_level=emerg
    local redis_extra='add_header X-Worker $pid always;'
    local median tail longest latest request asked failed next=1
    local redis_via= proxy proxy_control

    say
    say "Revocation in Redis under load, $WORKERS workers, ms from Redis's" \
        "answer to 401"

    start_gateway redis "$count"
    begin_load "$name"
    refusals '' "$REVOCATIONS"
    quit_load

    say "  (requests took up to $request ms, but for one in a hundred)"
    verdict "told of it, median of $REVOCATIONS keys" "$median" '<=' 20 ms
    verdict 'told of it, p99' "$tail" '<=' 20 ms
    verdict 'told of it, longest' "$longest" '<=' 20 ms

    # the same while they hear of nothing: to be let in, a request has to begin
    # before the lease is over

    start_proxy "$count"
    start_gateway redis "$count"
    begin_load "$name"

    refusals "mute:$proxy_control" "$CUTS"
    verdict "connection mute, last let in, $CUTS keys" "$latest" '<=' $lease ms
    refusals kill "$CUTS"
    verdict "connection closed, last let in, $CUTS keys" "$latest" '<=' \
        $lease ms
    refusals forbid "$CUTS"
    verdict "and others forbidden, last let in, $CUTS keys" "$latest" '<=' \
        $lease ms

    quit_load
    stop "$proxy"
    stop_server "$count"
}


# Ends the load, which had no errors, and the gateway.

quit_load() {
    end_load
    [ "$failed" = 0 ] || fail "the load was answered with errors"

    stop "${master[$name]}"
}


# What gateways that are started after it have between them and Redis.

start_proxy() {
    take_port redis_via
    take_port proxy_control

    start proxy "$redis_via" taskset -c "$backend_cpu" \
        "$bench/../lib/fault_proxy" "$redis_via" "${server_port[$1]}" \
        "$proxy_control"

    proxy=$started
}


# refusals CUT TRIES: sets $median, $tail, $longest, $latest and $request as
# refusal.pl says

refusals() {
    local port=${port_of[$name]} count=${name#*.}

    read -r median tail longest latest request < <(taskset -c "$client_cpu" \
        "$bench/refusal.pl" "$port" "${server_port[$count]}" \
        "$state/list.$count" "$next" "$2" "$WORKERS" $1) \
        || fail "no figures of refusals"

    next=$((next + $2))
}
