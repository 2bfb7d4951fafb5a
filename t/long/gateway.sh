# A gateway with all that it can do at once, for hours: Redis, limits leased
# from it, tokens, signed redirects, a ledger that is sent, metrics.  Its timeout
# is such that a busy machine is not taken for a Redis that is gone.
#
#     start_all [WORKERS]     Redis, backend and gateway; $port, $gateway_pid
#     begin_load [ARGUMENTS]  t/long/load in the background
#     end_load                ends it; its counts are in the array count
#     workers_of              the pids of the workers
#     check_log [REGEX]       nothing alarming there, but for REGEX
#     keep TEXT...            the result, in the file that RECORD names, if any

. "$(dirname "${BASH_SOURCE[0]}")/../lib/redis.sh"
. "$(dirname "${BASH_SOURCE[0]}")/record.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/many_keys.sh"

declare -A count


start_all() {                                   # [WORKERS]
    local backend

    start_redis
    export REGISTRY_STORE=redis://127.0.0.1:$redis_port
    put_keys key 200

    port=$(free_port)
    backend=$(free_port)
    url=http://127.0.0.1:$port

    mkdir -p "$dir/ledger"
    head -c 32 /dev/urandom | base64 > "$dir/cdn.key"
    "$NGX_REGISTRY" token keygen "$dir/token.key" 2> /dev/null

    all_conf "$backend" "${1:-2}" > "$dir/nginx.conf"
    start_nginx "$dir/nginx.conf" "$port" "$errors"
    gateway_pid=$nginx_pid
    wait_for tracked
}


all_conf() {                                    # BACKEND-PORT WORKERS
    cat <<END
load_module $MODULE;
$(nginx_user)
worker_processes $2;
pid $dir/nginx.pid;
error_log $errors info;

events {
    worker_connections 4096;
}

http {
    access_log off;
    $(nginx_paths "$dir")

    registry_store redis://127.0.0.1:$redis_port timeout=2s;
    registry_cache zone=3m;
    registry_token_key $dir/token.key;
    registry_ledger $dir/ledger size=1m sync=1s;
    registry_proof_zone size=1m;

    registry_cdn edge {
        url https://edge.example.net/\$registry_digest;
        sign hmac key_file=$dir/cdn.key;
    }

    map \$registry_repository \$road {
        ~/redirect\$ edge;
        default origin;
    }

    upstream backend {
        server 127.0.0.1:$1;
        keepalive 16;
    }

    server {
        listen 127.0.0.1:$1;
        location ~ /blobs/ { root $top/docs; try_files /store.md =404; }
        location / { return 200 "{}"; }
    }

    server {
        listen 127.0.0.1:$port;
        server_name gateway;
        add_header Worker \$pid always;

        proxy_http_version 1.1;
        proxy_set_header Connection "";

        location = /token { registry_token; }
        location = /metrics { registry_metrics; }

        location /v2/ {
            registry on;
            registry_blob_route \$road;
            registry_limit pulls count=pull per=key rate=600000/1m;
            proxy_pass http://backend;
        }

        location /v2/acme/few/ {
            registry on;
            registry_limit few count=request per=repository rate=20r/s burst=20;
            proxy_pass http://backend;
        }
    }
}
END
}


begin_load() {                                  # [CLIENTS [RATE [ABORT [AWAY]]]]
    printf '%s\n' "${key_of[@]}" > "$dir/keys"

    "$top/t/long/load" "$port" "$dir/keys" "$@" > "$dir/load.out" \
        2> "$dir/load.err" &
    load=$!
    pids+=("$load")
    wait_for grep -qx started "$dir/load.err"
}


end_load() {
    local name n

    stop "$load"

    count=()

    while read -r name n; do
        count[$name]=$n
    done < "$dir/load.out"

    diag "load: $(tr '\n' ' ' < "$dir/load.out")"
    diag "$(grep -vE '^(lost: |started$)' "$dir/load.err" | sort |
        uniq -c | sort -rn | head -n 5)"
}


workers_of() {
    pgrep -P "$gateway_pid"
}


check_log() {                                   # [REGEX]
    local found

    found=$(grep -E '\[(alert|emerg|crit)\]|AddressSanitizer|runtime error' \
        "$errors" | grep -vE "${1:-^$}")

    is "$(grep -c . <<< "$found")" 0 "nothing alarming in the log"
    [ -z "$found" ] || diag "$(head -n 5 <<< "$found")"
}


keep() {                                        # TEXT...
    local result=passed

    [ "$tap_failed" = 0 ] || result="$tap_failed of $tap_count failed"
    record "${0##*/}" "$result" "$*"
}
