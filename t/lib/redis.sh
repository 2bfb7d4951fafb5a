# A gateway on a private Redis, for tests of the Redis store.  Its backend is a
# server of the same nginx that answers everything with 200.
#
#     start_redis [ARGUMENTS]    redis-server on $redis_port
#     start_gateway [OPTIONS]    nginx with registry_store ... OPTIONS; the rest
#                                of the http block is in $http_extra; its pid
#                                is in $gateway_pid
#     new_key ARGUMENTS          as "ngx-registry key create" takes them
#     copy_records               from the file store to Redis
#     status_of KEY [PATH]       what the gateway answers

. "$(dirname "${BASH_SOURCE[0]}")/nginx.sh"
. "$(dirname "${BASH_SOURCE[0]}")/key.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
export REGISTRY_STORE=file:$dir/store.json

errors=$dir/error.log
http_extra=
workers=1
log_level=info


redis() {
    redis-cli -p "$redis_port" "$@"
}


start_redis() {
    : "${redis_port:=$(free_port)}"

    background redis-server --bind 127.0.0.1 --port "$redis_port" --save "" \
        --dir "$dir" "$@" > "$dir/redis.log" 2>&1
    redis_pid=$!

    wait_for redis ping
}


start_gateway() {
    local backend

    port=$(free_port)
    backend=$(free_port)
    url=http://127.0.0.1:$port

    cat > "$dir/nginx.conf" <<END
load_module $MODULE;
$(nginx_user)
worker_processes $workers;
pid $dir/nginx.pid;
error_log $errors $log_level;

events {
    worker_connections 4096;
}

http {
    access_log off;
    $(nginx_paths "$dir")
    registry_store ${1:-redis://127.0.0.1:$redis_port};
    $http_extra

    server {
        listen 127.0.0.1:$backend;
        return 200;
    }

    server {
        listen 127.0.0.1:$port;

        location /v2/ {
            registry on;
            proxy_pass http://127.0.0.1:$backend;
        }
    }
}
END

    start_nginx "$dir/nginx.conf" "$port" "$errors"
    gateway_pid=$nginx_pid

    # the tracker has its lease before a test counts commands

    wait_for tracked
}


stop_gateway() {
    stop "$gateway_pid"
}


tracked() {
    [ -n "${untracked-}" ] || redis client list | grep -q 'sub=1'
}


new_key() {
    "$NGX_REGISTRY" key create "$@"
}


copy_records() {
    local section name

    for section in key tenant role; do
        "$NGX_REGISTRY" store export |
            jq -c ".${section}s // {} | to_entries[] | [.key, .value]" |
            while read -r entry; do
                name=$(jq -r '.[0]' <<< "$entry")
                jq -c '.[1]' <<< "$entry" | tr -d '\n' |
                    redis -x set "registry:$section:$name" > /dev/null
            done
    done
}


status_of() {                                   # KEY [PATH]
    curl -s -o /dev/null -m 5 -w '%{http_code}' -u "x:$1" \
        "$url${2:-/v2/acme/app/manifests/1}"
}


# How often the gateway has sent a command since the last reset.

calls() {                                       # COMMAND
    redis info commandstats |
        sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p" | grep . || echo 0
}


reset_calls() {
    redis config resetstat > /dev/null
}


revoke() {                                      # KEY
    local id=$(key_id "$1")

    redis get "registry:key:$id" |
        jq -c '. + {"revoked_at":"2026-01-01T00:00:00Z"}' | tr -d '\n' |
        redis -x set "registry:key:$id" > /dev/null
}


logged() {                                      # EXTENDED-REGEX
    grep -qE "$1" "$errors"
}
