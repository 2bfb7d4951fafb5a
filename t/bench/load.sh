# Copyright (C) ngx_http_registry_module authors
#
# wrk against one gateway, and the tables of requests per second.

declare -A rates costs


# load NAME one|cycle: one run of wrk with the first key or with all of the
# list in turn; $rate is requests per second, $cost what the worker spent on
# each, in microseconds of processor.

load() {
    local name=$1 url arguments before after
    local path authorization

    url=http://127.0.0.1:${port_of[$name]}

    if [ "$2" = cycle ]; then
        arguments=(-s "$bench/keys.lua" "$url" -- "$state/list.${name#*.}")

    else
        IFS=$'\t' read -r path authorization _ <"$state/list.${name#*.}"
        arguments=(-H "Authorization: $authorization" "$url$path")
    fi

    before=$(cpu_of "${worker[$name]}")

    # wrk counts in whole seconds, but ends early and in order when interrupted

    timeout -k 5 -s INT "$DURATION" taskset -c "$client_cpu" \
        wrk -t1 -c32 -d 600s --timeout 30s -H "User-Agent: docker/20.10.24" \
        -H "Accept: application/vnd.oci.image.manifest.v1+json" \
        "${arguments[@]}" >"$state/wrk.out" 2>&1

    after=$(cpu_of "${worker[$name]}")

    if grep -E 'Non-2xx|Socket errors' "$state/wrk.out" >&2; then
        fail "$name answered with errors"
    fi

    read -r rate cost < <(awk -v ns=$((after - before)) '
        /requests in/ { n = $1 }
        /^Requests\/sec:/ { rate = $2 }
        END { if (n > 0) printf "%s %.3f\n", rate, ns / n / 1000 }
        ' "$state/wrk.out")

    [ -n "${rate-}" ] || fail "wrk: $(cat "$state/wrk.out")"
}


# rounds MODE NAME…: $ROUNDS rounds over all gateways in turn, each round
# beginning with another; adds to rates[NAME MODE] and costs[NAME MODE].

rounds() {
    local mode=$1 round i name rate cost
    shift

    for ((round = 0; round < ROUNDS; round++)); do
        for ((i = 0; i < $#; i++)); do
            name=${@:$(((round + i) % $# + 1)):1}
            load "$name" "$mode"
            rates[$name $mode]+=" $rate"
            costs[$name $mode]+=" $cost"
        done
    done
}


# rate_of NAME MODE: the median

rate_of() {
    median ${rates[$1 $2]}
}


rate_head() {
    printf '  %-20s %9s %9s %9s %9s %11s %9s\n' "$1" median least most "$2" \
        'CPU us/req' "$2"
}


# The last column is the ratio by what the gateway's worker spent on a request:
# it says the same where the gateway is the bottleneck, and is steadier where
# other processes compete.

# rate_row LABEL NAME MODE BASE-NAME BASE-MODE

rate_row() {
    local rate base cost base_cost

    rate=$(rate_of "$2" "$3")
    base=$(rate_of "$4" "$5")
    cost=$(median ${costs[$2 $3]})
    base_cost=$(median ${costs[$4 $5]})

    printf '  %-20s %9.0f %9.0f %9.0f %9.3f %11.2f %9.3f\n' "$1" "$rate" \
        "$(least ${rates[$2 $3]})" "$(most ${rates[$2 $3]})" \
        "$(calculate "$rate / $base")" "$cost" \
        "$(calculate "$base_cost / $cost")"
}


ratio() {
    calculate "$(rate_of "$1" "$3") / $(rate_of "$2" "${4:-$3}")"
}


# Load in the background, on $load_connections connections that pause for
# $load_pause milliseconds before each request, with the last $load_keys keys of
# the list: begin_load NAME [ARGUMENT…]

load_connections=100
load_pause=4
load_keys=300


begin_load() {
    tail -n $load_keys "$state/list.${1#*.}" >"$state/list.load"

    taskset -c "$client_cpu" wrk -t1 -c$load_connections -d 3600s \
        -s "$bench/keys.lua" "${@:2}" "http://127.0.0.1:${port_of[$1]}" \
        -- "$state/list.load" $load_pause >"$state/wrk.out" 2>&1 &
    load=$!
    pids+=("$load")
}


# Ends it; $asked is how many requests there were, $failed how many of them were
# not answered, or not with success.

end_load() {
    stop "$load" INT

    read -r asked failed < <(awk '
        /requests in/ { asked = $1 }
        /Socket errors/ { failed += $4 + $6 + $8 + $10 }
        /Non-2xx/ { failed += $NF }
        END { if (asked > 0) print asked, failed + 0 }' "$state/wrk.out")

    [ -n "${asked-}" ] || fail "wrk: $(cat "$state/wrk.out")"

    say "  (load: $(sed -n 's/^Requests\/sec: *//p' "$state/wrk.out")" \
        "requests/s on $load_connections connections, $failed failed)"
}
