# Copyright (C) ngx_http_registry_module authors
#
# The backend and the gateways.  Each is an nginx of its own with one worker,
# but where a part sets $workers; the gateways differ in nothing but how they
# authorise.  With $scopes the keys of a new store have so many of their own.
# Where the requests are not for manifests, $success is what answers them.

modules=/usr/share/nginx/modules
workers=1
log_level=warn
scopes=
success=200


# 500 bytes of manifest, padded by an annotation.

manifest() {
    local digest body pad

    digest=sha256:$(printf config | sha256sum | cut -d ' ' -f 1)
    body='{"schemaVersion":2,"mediaType":'
    body+='"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":'
    body+='"application/vnd.oci.image.config.v1+json","digest":"'$digest
    body+='","size":1469},"layers":[{"mediaType":'
    body+='"application/vnd.oci.image.layer.v1.tar+gzip","digest":"'$digest
    body+='","size":3208942}],"annotations":{"pad":"'

    printf -v pad '%*s' $((500 - ${#body} - 3)) ''
    printf %s "$body${pad// /x}\"}}"
}


# main_conf NAME [MODULE…]: all that stands before http

main_conf() {
    local module

    shift

    for module in "$@"; do
        say "load_module $module;"
    done

    if [ "$(id -u)" = 0 ]; then
        say "user root root;"
    fi

    cat <<END
worker_processes $workers;
pid nginx.pid;
error_log stderr $log_level;

events {
    worker_connections 1024;
}

END
}


http_conf() {
    cat <<END
    access_log off;
    tcp_nodelay on;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
END
}


upstream_conf() {
    cat <<END
    upstream $1 {
        server 127.0.0.1:$2;
        keepalive 64;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }
END
}


proxy_conf() {
    cat <<END
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header X-Forwarded-Proto \$scheme;
            proxy_set_header Connection "";
            proxy_request_buffering off;
            client_max_body_size 0;
            gzip off;
END
}


# What a gateway has besides /v2/: a location that costs one turn of the
# event loop and nothing else, for the probe.

probe_conf() {
    cat <<END
        location = /probe {
            return 204;
        }
END
}


# gateway_conf KIND COUNT PORT: COUNT keys; backend_port and auth_port are set
#
#     plain               proxy_pass and nothing else
#     loaded              the module is there, but off
#     registry            registry on
#     tokens              the same with a token endpoint
#     redis               the same with its records in Redis
#     lua                 gate.lua, identities cached for a second
#     lua_shared          gate.lua, records from shared memory each time
#     auth_request        a subrequest to another nginx, on kept connections
#     auth_request_close  the same, on a connection for each
#     return              no proxy: return 200
#
# Those that authorise do not forward Authorization, plain does.

gateway_conf() {
    local kind=$1 count=$2 port=$3 seconds

    case $kind in
    registry|tokens|redis|loaded)
        main_conf "$kind" "$module" ;;
    lua|lua_shared)
        main_conf "$kind" $modules/ndk_http_module.so \
            $modules/ngx_http_lua_module.so ;;
    *)
        main_conf "$kind" ;;
    esac

    say "http {"
    http_conf
    upstream_conf backend "$backend_port"

    case $kind in
    registry)
        say "    registry_store file:$state/store.$count;" ;;
    tokens)
        [ -f "$state/token.key" ] ||
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
                -out "$state/token.key" 2>/dev/null
        say "    registry_store file:$state/store.$count;"
        say "    registry_token_key $state/token.key;"
        say "    registry_token_issuer bench;"
        say "    registry_token_ttl 1h;" ;;
    redis)
        say "    registry_store" \
            "redis://127.0.0.1:${redis_via:-${server_port[$count]}}" \
            "timeout=$redis_timeout;"
        say "    $redis_extra" ;;
    lua|lua_shared)
        # one second is what the file store takes to notice a revocation, too

        if [ "$kind" = lua ]; then
            seconds=1
        else
            seconds=0
        fi

        cat <<END
    lua_package_path "$bench/?.lua;;";
    lua_shared_dict records 64m;
    lua_shared_dict counters 1m;
    init_by_lua_block {
        require("gate").load("$state/records.$count", $seconds)
    }
END
        ;;
    auth_request)
        upstream_conf auth "$auth_port" ;;
    auth_request_close)
        say "    upstream auth { server 127.0.0.1:$auth_port; }" ;;
    esac

    cat <<END
    server {
        listen 127.0.0.1:$port;

        location /v2/ {
END

    case $kind in
    registry|tokens|redis)
        say "            registry on;" ;;
    lua*)
        say "            access_by_lua_block { require('gate').access() }"
        say "            proxy_set_header Authorization '';" ;;
    auth_request*)
        say "            auth_request /auth;"
        say "            proxy_set_header Authorization '';" ;;
    return)
        say "            return 200;" ;;
    esac

    if [ "$kind" != return ]; then
        proxy_conf
    fi

    say "        }"
    probe_conf

    case $kind in
    tokens)
        say "        location = /token { registry_token; }" ;;
    auth_request*)
        auth_location_conf "$kind" ;;
    esac

    say "    }"
    say "}"
}


# The subrequest of auth_request: over connections that are kept, or as nginx's
# documentation has it, over a new one each time.

auth_location_conf() {
    say "        location = /auth {"
    say "            internal;"
    say "            proxy_pass http://auth;"
    say "            proxy_pass_request_body off;"
    say "            proxy_set_header Content-Length '';"

    if [ "$1" = auth_request ]; then
        say "            proxy_http_version 1.1;"
        say "            proxy_set_header Connection '';"
    fi

    say "        }"
}


backend_conf() {
    main_conf backend
    say "http {"
    http_conf
    cat <<END
    server {
        listen 127.0.0.1:$backend_port;
        default_type application/vnd.oci.image.manifest.v1+json;
        add_header Docker-Distribution-Api-Version registry/2.0;
        add_header Docker-Content-Digest
            sha256:$(manifest | sha256sum | cut -d ' ' -f 1);
        return 200 '$(manifest)';
    }
}
END
}


# The least that an authorisation service can do: look the credential up in a
# hash and answer 204 or 401.

auth_conf() {
    main_conf auth
    say "http {"
    http_conf
    cat <<END
    map_hash_max_size 8192;
    map_hash_bucket_size 256;

    map \$http_authorization \$known {
        default 0;
        include $state/map.$1;
    }

    server {
        listen 127.0.0.1:$auth_port;

        location / {
            if (\$known) {
                return 204;
            }

            return 401;
        }
    }
}
END
}


# start_nginx NAME PORT CPU, with the configuration $state/NAME/nginx.conf

start_nginx() {
    start "$1" "$2" taskset -c "$3" "$nginx" -p "$state/$1/" -e stderr \
        -c "$state/$1/nginx.conf" -g 'daemon off;'
}


# Writes the configuration of a gateway: configure KIND COUNT; the name is
# KIND.COUNT, the port in port_of[KIND.COUNT].

configure() {
    local name=$1.$2 port

    make_store "$2"

    if [ "$1" = redis ]; then
        start_server "$2"
    fi

    take_port port
    port_of[$name]=$port
    mkdir -p "$state/$name"
    gateway_conf "$1" "$2" "$port" >"$state/$name/nginx.conf"
}


# Starts a gateway and checks that it lets in the right key and, where it
# knows keys, nothing else: start_gateway KIND COUNT

start_gateway() {
    configure "$1" "$2"
    launch_gateway "$1" "$2"
}


# The same with the configuration that is there.

launch_gateway() {
    local name=$1.$2

    start_nginx "$name" "${port_of[$name]}" "$gateway_cpu"
    worker[$name]=$(worker_of "$started") || fail "no worker of $name"
    master[$name]=$started
    check_gateway "$1" "$2"
}


check_gateway() {
    local name=$1.$2 wrong

    mapfile -t wrong <"$state/wrong.$2"
    expect "$name" 'the right key' "$success"

    case $1 in
    registry|tokens|redis|lua*|auth_request*)
        expect "$name" 'a wrong secret' 401 "${wrong[0]}"
        expect "$name" 'an unknown key' 401 "${wrong[1]}"
        expect "$name" 'no key' 401 '' ;;
    esac
}


# expect NAME WHAT STATUS [AUTHORIZATION]

expect() {
    local got

    got=$("$bench/client.pl" "${port_of[$1]}" 1 "$state/list.${1#*.}" \
          0 "${@:4}") || fail "$1: no answer to $2"

    [ "$got" = "$3 1" ] || fail "$1: $2 got ${got% 1}, not $3"
}


# start_backends COUNT

start_backends() {
    make_store "$1"
    take_port backend_port
    take_port auth_port
    mkdir -p "$state/backend" "$state/auth"
    backend_conf >"$state/backend/nginx.conf"
    auth_conf "$1" >"$state/auth/nginx.conf"
    start_nginx backend "$backend_port" "$backend_cpu"
    start_nginx auth "$auth_port" "$auth_cpu"
}


# make_store COUNT, if it is not there

make_store() {
    [ -f "$state/store.$1" ] || "$bench/store.pl" "$1" 'ci runner' "$state" \
        $scopes || fail "no store of $1 keys"
}
