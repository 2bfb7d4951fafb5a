# A gateway on a private Redis, for tests of the Redis store.  Its backend is a
# server of the same nginx that answers everything with 200.
#
#     start_redis [ARGUMENTS]    redis-server on $redis_port
#     start_gateway [OPTIONS]    nginx with registry_store ... OPTIONS; the rest
#                                of the http block is in $http_extra
#     new_key ARGUMENTS          as "ngx-registry key create" takes them
#     copy_records               from the file store to Redis
#     status_of KEY [PATH]       what the gateway answers
#
# All on the loopback address, in a directory that is removed at the end with
# everything that was started.

. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$(mktemp -d /tmp/registry-redis.XXXXXX)
chmod 755 "$dir"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
module=${TEST_NGINX_LOAD_MODULES:-$top/build/ngx_http_registry_module.so}
export REGISTRY_STORE=file:$dir/store.json

errors=$dir/error.log
http_extra=
workers=1
pids=()


cleanup() {
    local status=$?

    trap '' INT TERM HUP

    for pid in "${pids[@]}"; do
        kill -CONT "$pid" 2> /dev/null
        kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
    done

    [ ! -s "$dir/nginx.pid" ] || kill "$(< "$dir/nginx.pid")" 2> /dev/null
    rm -rf "$dir"

    exit $status
}

trap cleanup EXIT
trap 'exit 130' INT TERM HUP


free_port() {
    local port

    for port in $(shuf -i 20000-30000 -n 50); do
        if ! (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null &&
            mkdir "$dir/port-$port" 2> /dev/null
        then
            echo "$port"
            return
        fi
    done
}


# Waits up to ten seconds for a command to succeed.

wait_for() {
    local i

    for i in {1..200}; do
        "$@" > /dev/null 2>&1 && return 0
        sleep 0.05
    done

    return 1
}


redis() {
    redis-cli -p "$redis_port" "$@"
}


start_redis() {
    : "${redis_port:=$(free_port)}"

    redis-server --bind 127.0.0.1 --port "$redis_port" --save "" \
        --dir "$dir" "$@" > "$dir/redis.log" 2>&1 &
    redis_pid=$!
    pids+=($redis_pid)

    wait_for redis ping
}


start_gateway() {
    local backend

    port=$(free_port)
    backend=$(free_port)
    url=http://127.0.0.1:$port

    cat > "$dir/nginx.conf" <<END
load_module $module;
worker_processes $workers;
pid $dir/nginx.pid;
error_log $errors info;

events {
    worker_connections 4096;
}

http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;

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

    LD_PRELOAD=${TEST_NGINX_PRELOAD-} \
        nginx -c "$dir/nginx.conf" -e "$errors" 2> "$dir/start.log"
    wait_for test -s "$dir/nginx.pid"

    # the tracker has its lease before a test counts commands

    wait_for tracked
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
    local id=${1:4:12}

    redis get "registry:key:$id" |
        jq -c '. + {"revoked_at":"2026-01-01T00:00:00Z"}' | tr -d '\n' |
        redis -x set "registry:key:$id" > /dev/null
}


logged() {                                      # EXTENDED-REGEX
    grep -qE "$1" "$errors"
}
