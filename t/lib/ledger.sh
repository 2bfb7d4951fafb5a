# A gateway with a ledger, and a backend that serves files and takes uploads.
#
#     start_ledger [LOCATION-DIRECTIVES]
#                         nginx, and its backend in the same; the rest of the
#                         http block is in $http_extra, of the server in
#                         $server_extra
#     $ledger             the directory of the ledger
#     $url $tls           the gateway
#     $files              what the backend serves
#     rows [DAY]          what is booked: see t/lib/ledger_rows
#     get PATH [CURL...]  a request; prints the bytes of the body that came

. "$(dirname "${BASH_SOURCE[0]}")/nginx.sh"
. "$(dirname "${BASH_SOURCE[0]}")/key.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
export REGISTRY_STORE=file:$dir/store.json

ledger=$dir/ledger
files=$dir/files
errors=$dir/error.log
http_extra=
server_extra=
ledger_options="size=1m"
workers=1
log_level=info

mkdir "$ledger" "$files"


make_certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost \
        -keyout "$dir/tls.key" -out "$dir/tls.pem" 2> /dev/null
}


write_conf() {                                  # LOCATION-DIRECTIVES
    cat > "$dir/nginx.conf" <<END
load_module $MODULE;
worker_processes $workers;
pid $dir/nginx.pid;
error_log $errors $log_level;
$(nginx_user)

events {
    worker_connections 4096;
}

http {
    log_format egress '\$request_method \$uri \$status \$registry_egress_bytes';
    access_log $dir/access.log egress;
    $(nginx_paths "$dir")
    registry_store file:$dir/store.json;
    registry_ledger $ledger $ledger_options;
    client_max_body_size 0;
    $http_extra

    server {
        listen 127.0.0.1:$backend;
        access_log off;
        root $files;

        # the whole of an upload is read before it is answered

        location ~ /uploads/ {
            rewrite ^ /accept break;
            proxy_pass http://127.0.0.1:$backend;
        }

        location ~ /manifests/ {
            if (\$request_method = PUT) {
                rewrite ^ /uploads/manifest last;
            }
        }

        location = /accept {
            return 201;
        }

        location ~ /moved/ {
            return 307 http://127.0.0.1:$backend/elsewhere;
        }
    }

    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$tls_port ssl http2;
        ssl_certificate $dir/tls.pem;
        ssl_certificate_key $dir/tls.key;
        ${server_extra//\$backend/$backend}

        location /v2/ {
            registry on;
            ${1-}
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_pass http://127.0.0.1:$backend;
        }
    }
}
END
}


start_ledger() {
    port=$(free_port)
    tls_port=$(free_port)
    backend=$(free_port)
    url=http://127.0.0.1:$port
    tls=https://127.0.0.1:$tls_port

    [ -e "$dir/tls.pem" ] || make_certificate

    write_conf "${1-}"
    start_nginx "$dir/nginx.conf" "$port" "$errors"
    gateway_pid=$nginx_pid
}




rows() {                                        # [DAY]
    "$top/t/lib/ledger_rows" "$ledger" "$@"
}


# A file of so many bytes that compress badly.

make_file() {                                   # PATH BYTES
    mkdir -p "$files/$(dirname "$1")"
    head -c "$2" /dev/urandom > "$files/$1"
}


get() {                                         # PATH [CURL-OPTIONS]
    local path=$1

    shift
    curl -sk -o /dev/null -m 20 -w '%{size_download}\n' "$@" "$url$path"
}


logged() {                                      # EXTENDED-REGEX
    grep -qE "$1" "$errors"
}


# The row is closed after the client has its answer.

booked() {                                      # EXTENDED-REGEX
    wait_for booked_now "$1"
}


booked_now() {
    rows | grep -qE "$1"
}
