# A gateway with a real backend, for tests with real clients.
#
#     client --> gateway (nginx and the module, an example of conf.example/)
#            --> recorder (nginx alone: writes down what the backend is sent)
#            --> docker-registry
#
#     start_backend        recorder and registry; $backend_log has each request
#     start_gateway        $gateway is host:port, and $example what it runs where
#                          that is not registry.conf; may be called again after
#     stop_gateway
#     render_gateway       the first half of start_gateway: writes the example to
#     run_gateway          $dir/gateway/etc/nginx, where it may be changed
#     registry ARGUMENTS   ngx-registry on the store of the gateway
#     new_key ARGUMENTS    as "ngx-registry key create" takes them; prints the
#                          key, and remembers it for no_secret_leaked; a gateway
#                          that runs knows it within a second
#     request              what a client gets; the key is in $key

. "$(dirname "${BASH_SOURCE[0]}")/nginx.sh"
. "$(dirname "${BASH_SOURCE[0]}")/key.sh"
. "$(dirname "${BASH_SOURCE[0]}")/image.sh"
. "$(dirname "${BASH_SOURCE[0]}")/engines.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
export REGISTRY_STORE=file:$dir/gateway/store.json
export MODULE_DIR=$top/build

gateway_log=$dir/gateway/log/access.log
gateway_errors=$dir/gateway/log/error.log
backend_log=$dir/backend/log/access.log
secrets=$dir/secrets

mkdir -p "$dir/gateway/log" "$dir/backend/log" "$dir/backend/tmp"
: > "$secrets"


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
    local port=$(free_port) conf=$dir/backend/etc/docker-registry.yml

    BACKEND_PORT=$port "$top/scripts/render-example" "$dir/backend"
    echo "${1:-}" >> "$conf"

    # docker-registry takes each REGISTRY_... for a setting of its own

    background env $(compgen -e REGISTRY_ | sed 's/^/-u /') \
        docker-registry serve "$conf" > "$dir/backend/log/registry.log" 2>&1

    start_recorder "$port" "${2:-200}"
}


# Before a backend that is about to be there.

start_recorder() {                              # PORT STATUS
    export BACKEND_PORT=$(free_port)
    recorder_conf "$1" > "$dir/backend/nginx.conf"

    start_nginx "$dir/backend/nginx.conf" "$BACKEND_PORT" \
        "$dir/backend/log/error.log" &&
        wait_for answers "http://127.0.0.1:$BACKEND_PORT/v2/" "$2" ||
        give_up "the backend starts"
}


recorder_conf() {                               # PORT
    cat <<END
$(nginx_user)
pid     $dir/backend/nginx.pid;

events { }

http {
    $(nginx_paths "$dir/backend/tmp")

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
            proxy_pass  http://127.0.0.1:$1;
        }
    }
}
END
}


start_gateway() {                               # [EXAMPLE]
    render_gateway "$@"
    run_gateway
}


render_gateway() {                              # [EXAMPLE]
    local name=${1:-${example:-registry.conf}}
    local signer=$dir/gateway/etc/nginx/token.key

    export PORT=$(free_port)
    gateway=127.0.0.1:$PORT

    "$top/scripts/render-example" "$dir/gateway" "$name"

    [ "$name" != tokens.conf ] || [ -e "$signer" ] ||
        registry token keygen "$signer" 2> /dev/null
}


run_gateway() {
    start_nginx "$dir/gateway/etc/nginx/nginx.conf" "$PORT" "$gateway_errors" ||
        give_up "the gateway starts"
    gateway_pid=$nginx_pid
}


stop_gateway() {
    stop "$gateway_pid" QUIT
}


registry() {
    "$NGX_REGISTRY" "$@"
}


new_key() {
    local key

    key=$(registry key create --output key "$@") || return
    echo "$key" | tee -a "$secrets"
}


# A request with a key in $key, or none when it is empty; prints the status and
# the body.

request() {                                     # METHOD PATH [OPTION]...
    local method=$1 path=$2

    shift 2
    curl -sk -m 30 -X "$method" -o "$dir/body" -w '%{http_code}\n' \
        ${key:+-u "someone:$key"} "$@" "http://$gateway$path"
    cat "$dir/body"
}


# The same, the status alone.

status() {                                      # METHOD PATH [OPTION]...
    request "$@" | head -n 1
}


# The canary: no secret, plain or in base64, in a log of anyone, and no
# Authorization header at the backend.

no_secret_leaked() {
    local key secret text found=

    while read -r key; do
        secret=$(key_secret "$key")

        for text in "$secret" $(base64_inside "$secret"); do
            found+=$(grep -rlF -e "$text" "$dir"/*/log)
        done
    done < "$secrets"

    is "$found" "" "no log holds the secret of a key"
    is "$(grep -c 'authorization="-"' "$backend_log")" \
       "$(wc -l < "$backend_log")" "the backend saw no Authorization header"
}


# What base64 makes of a text at each of the three places it may begin at, less
# the characters that depend on its neighbours.

base64_inside() {                               # TEXT
    local pad

    for pad in "" x xx; do
        printf '%s' "$pad$1" | base64 -w 0 |
            sed -E "s/^.{$((${#pad} * 2))}//; s/.{4}$//"
        echo
    done
}


# An auth file as docker, podman and skopeo read it.

auth_file() {                                   # KEY FILE
    jq -n --arg host "$gateway" --arg key "someone:$1" \
        '{auths: {($host): {auth: ($key | @base64)}}}' > "$2"
}


# skopeo without what it needs for plain HTTP and in a test; who it is has an
# auth file $dir/NAME.json.

copy_image() {                                  # NAME FROM TO [OPTION]...
    local name=$1

    shift
    skopeo --insecure-policy copy -q --authfile "$dir/$name.json" \
        --src-tls-verify=false --dest-tls-verify=false "$@"
}


ask_image() {                                   # NAME COMMAND ARGUMENT...
    local name=$1 command=$2

    shift 2
    skopeo "$command" --authfile "$dir/$name.json" --tls-verify=false "$@"
}
