# nginx as tests run it.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/nginx.sh"
#
#     $NGINX                 the binary
#     $MODULE                the module
#     nginx_user             prints the directive "user" that it takes
#     nginx_paths DIR        prints what keeps it off the paths of the system,
#                            for the http block
#     start_nginx CONF PORT LOG [DIRECTIVES]
#                            starts it, and waits until it listens; its pid is
#                            in $nginx_pid

. "$(dirname "${BASH_SOURCE[0]}")/sandbox.sh"

NGINX=${TEST_NGINX_BINARY:-nginx}
MODULE=${TEST_NGINX_LOAD_MODULES:-$top/build/ngx_http_registry_module.so}


# Its workers are who runs the test; only root has to say so.

nginx_user() {
    [ "$EUID" != 0 ] || echo "user root;"
}


# All of these directories are made as nginx starts, wanted or not.

nginx_paths() {                                 # DIR
    local kind

    for kind in client_body proxy fastcgi uwsgi scgi; do
        printf '%s_temp_path %s; ' $kind "$1/$kind"
    done
}


# Leaks are for the .t files to find: a worker that is told to go, or dies, leaves
# what nginx itself has.

start_nginx() {                                 # CONF PORT LOG [DIRECTIVES]
    ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 \
    LD_PRELOAD=${TEST_NGINX_PRELOAD-} background "$NGINX" -p "$dir" -e "$3" \
        -c "$1" -g "daemon off; ${4-}" >> "$dir/nginx.out" 2>&1
    nginx_pid=$!

    wait_for listens "$2"
}
