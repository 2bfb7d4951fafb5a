# A gateway with a real backend, for tests with real clients.
#
#     client --> gateway (nginx and the module, an example of conf.example/)
#            --> recorder (nginx alone: writes down what the backend is sent)
#            --> docker-registry
#
# All on the loopback address, in a directory that is removed at the end with
# everything that was started.
#
#     start_backend        recorder and registry; $backend_log has each request
#     start_gateway        $gateway is host:port; may be called again
#     new_key ARGUMENTS    as "ngx-registry key create" takes them; prints the
#                          key, and remembers it for no_secret_leaked; a gateway
#                          that runs knows it within a second
#     registry ARGUMENTS   ngx-registry on the store of the gateway

. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/image.sh"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$(mktemp -d /tmp/registry-e2e.XXXXXX)

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
export REGISTRY_STORE=file:$dir/gateway/store.json
export MODULE_DIR=$top/build

gateway_log=$dir/gateway/log/access.log
gateway_errors=$dir/gateway/log/error.log
backend_log=$dir/backend/log/access.log
secrets=$dir/secrets
pids=()
mounts=()

umask 022
mkdir -p "$dir/gateway/log" "$dir/backend/log" "$dir/backend/tmp"
: > "$secrets"


cleanup() {
    local status=$?

    trap '' INT TERM HUP

    for pid in "${pids[@]}"; do
        kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
    done

    # what a container engine mounted goes before the directory does

    grep -o " $dir/[^ ]*" /proc/self/mounts | sort -r | xargs -r umount -l
    rm -rf "$dir"

    exit $status
}

trap cleanup EXIT
trap 'exit 130' INT TERM HUP


# A port that nobody listens on, that the kernel does not give to clients, and
# that was not handed out before.

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

    for i in {1..100}; do
        "$@" > /dev/null 2>&1 && return 0
        sleep 0.1
    done

    return 1
}


answers() {                                     # URL STATUS
    [ "$(curl -sk -o /dev/null -w '%{http_code}' "$1")" = "$2" ]
}


# What the rest of a test needs is not there.

give_up() {                                     # REASON
    ok 1 "$*"
    diag "$(tail -n 20 "$dir"/*/log/*.log)"
    exit 1
}


# The backend, as docker-registry.yml has it, with what EXTRA adds to that; it
# is there when its /v2/ answers with STATUS.

start_backend() {                               # [EXTRA [STATUS]]
    local port=$(free_port) status=${2:-200}

    BACKEND_PORT=$(free_port)
    export BACKEND_PORT

    sed -e "s|/var/lib/docker-registry|$dir/backend/data|" \
        -e "s|127.0.0.1:5000|127.0.0.1:$port|" \
        "$top/conf.example/docker-registry.yml" > "$dir/backend/registry.yml"
    echo "${1:-}" >> "$dir/backend/registry.yml"

    # it takes each REGISTRY_... for a setting of its own

    env -u REGISTRY_STORE docker-registry serve "$dir/backend/registry.yml" \
        > "$dir/backend/log/registry.log" 2>&1 &
    pids+=($!)

    cat > "$dir/backend/nginx.conf" <<END
$([ "$(id -u)" != 0 ] || echo "user $(id -un) $(id -gn);")
daemon  off;
pid     $dir/backend/nginx.pid;

events { }

http {
    client_body_temp_path  $dir/backend/tmp/body;
    proxy_temp_path        $dir/backend/tmp/proxy;
    fastcgi_temp_path      $dir/backend/tmp/fastcgi;
    uwsgi_temp_path        $dir/backend/tmp/uwsgi;
    scgi_temp_path         $dir/backend/tmp/scgi;

    log_format  recorder  '\$status \$request tenant="\$http_x_tenant" '
                          'authorization="\$http_authorization"';
    access_log  $backend_log  recorder;

    server {
        listen                   127.0.0.1:$BACKEND_PORT;
        client_max_body_size     0;
        proxy_request_buffering  off;
        proxy_http_version       1.1;
        proxy_set_header         Host        \$http_host;
        proxy_set_header         Connection  "";

        location / {
            proxy_pass  http://127.0.0.1:$port;
        }
    }
}
END

    nginx -p "$dir/backend" -e "$dir/backend/log/error.log" \
        -c "$dir/backend/nginx.conf" &
    pids+=($!)

    wait_for answers "http://127.0.0.1:$BACKEND_PORT/v2/" "$status" ||
        give_up "the backend starts"
}


# The gateway with an example configuration.

start_gateway() {                               # [EXAMPLE]
    PORT=$(free_port)
    export PORT
    gateway=127.0.0.1:$PORT

    "$top/scripts/render-example" "$dir/gateway" "${1:-registry.conf}"

    nginx -p "$dir/gateway" -e "$gateway_errors" \
        -c "$dir/gateway/etc/nginx/nginx.conf" -g 'daemon off;' &
    gateway_pid=$!
    pids+=($gateway_pid)

    wait_for eval "(: < /dev/tcp/127.0.0.1/$PORT)" ||
        give_up "the gateway starts"
}


stop_gateway() {
    kill -QUIT "$gateway_pid"
    wait "$gateway_pid"
}


registry() {
    "$NGX_REGISTRY" "$@"
}


new_key() {
    local key

    key=$(registry key create --output key "$@") || return
    echo "$key" | tee -a "$secrets"
}


key_id() {                                      # KEY
    echo "${1:4:12}"
}


# The key with another last character, which may already be any.

mistyped() {                                    # KEY
    echo "${1%?}$([ "${1: -1}" = x ] && echo y || echo x)"
}


# A request with a key in $key, or none when it is empty; prints the status and
# the body.

request() {                                     # METHOD PATH [curl options]
    local method=$1 path=$2

    shift 2
    curl -sk -m 30 -X "$method" -o "$dir/body" -w '%{http_code}\n' \
        ${key:+-u "someone:$key"} "$@" "http://$gateway$path"
    cat "$dir/body"
}


# The canary: no secret, plain or in base64, in a log of anyone, and no
# Authorization header at the backend.

no_secret_leaked() {
    local key secret found=

    while read -r key; do
        secret=${key:17}

        for text in "$secret" $(base64_inside "$secret"); do
            found+=$(grep -rlF -e "$text" "$dir"/*/log "$backend_log" || true)
        done
    done < "$secrets"

    is "$found" "" "no log holds the secret of a key"
    is "$(grep -c 'authorization="-"' "$backend_log")" \
       "$(wc -l < "$backend_log")" "the backend saw no Authorization header"
}


# What base64 makes of a text at each of the three places it may begin at, less
# the characters that depend on its neighbours.

base64_inside() {
    local pad

    for pad in "" x xx; do
        printf '%s' "$pad$1" | base64 -w 0 |
            sed -E "s/^.{$((${#pad} * 2))}//; s/.{4}$//"
        echo
    done
}


# An auth file as docker, podman and skopeo read it.

auth_file() {                                   # KEY FILE
    printf '{"auths":{"%s":{"auth":"%s"}}}\n' "$gateway" \
        "$(printf 'someone:%s' "$1" | base64 -w 0)" > "$2"
}
