# A gateway that sends blobs to an edge on another host, in front of the backend
# of e2e.sh:
#
#     start_offload        the gateway, at $gateway, and the edge
#     $edge_log            what the edge was asked, with the credentials that it
#                          must never see
#     redirected           how many bytes of acme/app the ledger has redirected
#     $edge_public         the host and port of the edge that clients are sent
#                          to; its own are 127.0.0.2 and $edge_port

. "$(dirname "${BASH_SOURCE[0]}")/e2e.sh"

etc=$dir/gateway/etc/nginx
edge_log=$dir/edge/log/access.log
edge_port=$(free_port)
edge_public=127.0.0.2:$edge_port

mkdir -p "$dir/edge/log" "$dir/edge/tmp"
mkdir -p -m 777 "$dir/gateway/egress"


# The gateway redirects to the edge; the edge asks the recorder for what it has
# not.

offload_conf() {
    cat <<END
registry_store  file:$dir/gateway/store.json;
registry_ledger  $dir/gateway/egress;
registry_proof_zone  ttl=1s stale=1h;

registry_cdn edge {
    url   http://$edge_public/v2/\$registry_repository/blobs/\$registry_digest;
    sign  hmac key_file=$etc/cdn.key;
}

log_format  route  '\$status \$request_method \$registry_repository '
                   '\$registry_route \$registry_blob_size';

server {
    listen      $gateway;
    access_log  $dir/gateway/log/route.log route;

    location /v2/ {
        registry             on;
        registry_blob_route  edge;
        include              $etc/registry_proxy.conf;
        proxy_set_header     Host \$host:\$server_port;
        proxy_connect_timeout 5s;
        proxy_pass           http://127.0.0.1:$BACKEND_PORT;
    }
}
END
}


edge_conf() {
    cat <<END
$(nginx_user)
load_module  $MODULE;
pid          $dir/edge/nginx.pid;

events { }

http {
    $(nginx_paths "$dir/edge/tmp")

    proxy_cache_path  $dir/edge/cache keys_zone=edge:1m;

    registry_cdn edge {
        url   http://$edge_public/;
        sign  hmac key_file=$etc/cdn.key;
    }

    log_format  edge  '\$status \$request_method \$registry_tenant '
                      '\$registry_repository authorization="\$http_authorization" '
                      'cookie="\$http_cookie" range="\$http_range"';
    access_log  $edge_log  edge;

    server {
        listen  127.0.0.2:$edge_port;
        listen  127.0.0.1:$edge_port;

        location / {
            registry_verify_url  edge;
            proxy_cache          edge;
            proxy_cache_key      \$uri;
            proxy_cache_valid    200 1h;
            proxy_pass           http://127.0.0.1:$BACKEND_PORT;
        }
    }
}
END
}


redirected() {
    registry egress report --ledger "$dir/gateway/egress" --by tenant \
        --by repository --by route --format json |
        jq '[.[] | select(.tenant == "acme" and .repository == "acme/app"
                          and .route == "edge") | .redirected_bytes] | add // 0'
}


start_offload() {
    export PORT=$(free_port)
    gateway=127.0.0.1:$PORT

    "$top/scripts/render-example" "$dir/gateway" registry.conf
    head -c 32 /dev/urandom | base64 > "$etc/cdn.key"
    offload_conf > "$etc/registry.conf"
    edge_conf > "$dir/edge/nginx.conf"

    sed -i 's/^worker_processes .*/worker_processes 1;/' "$etc/nginx.conf"
    start_nginx "$etc/nginx.conf" "$PORT" "$gateway_errors" ||
        give_up "the gateway starts"
    gateway_pid=$nginx_pid

    start_nginx "$dir/edge/nginx.conf" "$PORT" "$dir/edge/log/error.log" &&
        wait_for answers "http://127.0.0.2:$edge_port/" 403 ||
        give_up "the edge starts"
}
