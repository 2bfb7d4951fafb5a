# A gateway whose every byte is counted three times: by its clients, by its
# ledger, and by what is between nginx and the kernel.
#
#     start_conserve      Redis with two tenants, and nginx with all that a
#                         response may come from
#     start_counted       nginx alone; it has the script $dir/start to do so again
#     conserve WHAT [OPTIONS]
#                         t/lib/conserve, each of its lines a test
#     $seed               $SEED, or another each time

. "$(dirname "${BASH_SOURCE[0]}")/redis.sh"

seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
disk=$dir/disk

# Each request has a row of its own; on a fast machine a thousand of them are
# made in a second.

ledger_size=$((16 + ${SECONDS_OF_LOAD:-7} / 2))        # MB
faults=kill,reload,upgrade,redis
conserve_files=()
conserve_keys=()

gcc -shared -fPIC -O2 -o "$dir/handed.so" "$top/t/lib/handed.c" -ldl ||
    { echo "Bail out! t/lib/handed.c does not build"; exit 1; }


# What is on the small disk is in the way of the ledger when it is full: all of
# nginx's own files.  It has room for today, and for tomorrow, whose file is made
# an hour ahead.

make_disk() {
    mkdir "$disk"

    if mount -t tmpfs -o size=$((2 * ledger_size + 8))m,mode=755 tmpfs "$disk" \
        2> /dev/null
    then
        faults=$faults,disk
    else
        diag "no disk can be mounted, so none gets full"
    fi

    mkdir "$disk/ledger" "$disk/temp"
    chmod 777 "$disk/ledger" "$disk/temp"
}


make_content() {
    local size hex

    for size in 0 1 700 90000 3000000 24000000; do
        hex=$(printf '%064x' $((size + 1)))
        conserve_file "blobs/sha256:$hex" $size
    done

    conserve_file manifests/1 500
    conserve_file manifests/big 400000
}


conserve_file() {                               # NAME BYTES
    local tenant repository

    for tenant in acme beta; do
        for repository in app cached static; do
            mkdir -p "$dir/files/v2/$tenant/$repository/$(dirname "$1")"
            head -c "$2" /dev/zero > "$dir/files/v2/$tenant/$repository/$1"
        done
    done

    for repository in app cached static; do
        conserve_files+=(--file "/v2/TENANT/$repository/$1=$2")
    done
}


write_counted_conf() {
    cat > "$dir/nginx.conf" <<END
load_module $MODULE;
worker_processes 2;
worker_shutdown_timeout 30s;
pid $dir/nginx.pid;
error_log $errors notice;
env LD_PRELOAD;
env HANDED_FILE;
env HANDED_PORTS;
$(nginx_user)

events {
    worker_connections 4096;
}

http {
    log_format egress '\$request_method \$uri \$status \$registry_egress_bytes';
    access_log $disk/temp/access.log egress;
    $(nginx_paths "$disk/temp")
    proxy_cache_path $dir/cache levels=1 keys_zone=cache:1m;
    registry_store redis://127.0.0.1:$redis_port timeout=200ms;
    registry_cache stale=10m;
    registry_ledger $disk/ledger size=${ledger_size}m sync=100ms;
    registry_ledger_network \$http_x_network;
    client_max_body_size 0;
    sendfile on;
    sendfile_max_chunk 256k;

    server {
        listen 127.0.0.1:$backend;
        access_log off;
        root $dir/files;

        location ~ /uploads/ {
            rewrite ^ /accept break;
            proxy_pass http://127.0.0.1:$backend;
        }

        location = /accept {
            return 201;
        }
    }

    server {
        listen 127.0.0.1:$port backlog=1024;
        listen 127.0.0.1:$tls_port ssl http2 backlog=1024;
        ssl_certificate $dir/tls.pem;
        ssl_certificate_key $dir/tls.key;

        registry on;
        proxy_http_version 1.1;
        proxy_request_buffering off;

        location /v2/ {
            proxy_pass http://127.0.0.1:$backend;
        }

        location ~ ^/v2/.*/cached/ {
            proxy_cache cache;
            proxy_cache_valid 200 1h;
            proxy_cache_key \$registry_cache_key;
            proxy_cache_bypass \$registry_cache_bypass;
            proxy_no_cache \$registry_cache_bypass;
            proxy_cache_convert_head off;
            proxy_pass http://127.0.0.1:$backend;
        }

        location ~ ^/v2/.*/static/ {
            root $dir/files;
        }
    }
}
END
}


# A daemon, as only such a one takes SIGUSR2.

start_counted() {
    cat > "$dir/start" <<END
#!/bin/bash
export HANDED_FILE=$dir/handed HANDED_PORTS=$port,$tls_port
export LD_PRELOAD=${TEST_NGINX_PRELOAD:+$TEST_NGINX_PRELOAD:}$dir/handed.so
# an nginx that goes to the background leaves what it has read to the kernel
export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
exec "$(command -v $NGINX)" -p "$dir" -e "$errors" -c "$dir/nginx.conf" \
    >> "$dir/nginx.out" 2>&1 < /dev/null
END
    chmod +x "$dir/start"
    trap leave_conserve EXIT

    "$dir/start" && wait_for listens "$port" && wait_for tracked
}


# Who is master in the end is not who was in the beginning.

leave_conserve() {
    local status=$?

    pids+=($(cat "$dir"/nginx.pid* 2> /dev/null))
    (exit $status)
    leave
}


start_conserve() {
    local tenant

    command -v python3 > /dev/null || skip_all "there is no python3"

    make_disk
    make_content
    start_redis --appendonly yes

    for tenant in acme beta; do
        "$NGX_REGISTRY" tenant set "$tenant" > /dev/null
        conserve_keys+=(--key "$tenant=$(new_key --tenant "$tenant" \
            --role registry-admin)")
    done

    copy_records

    port=$(free_port)
    tls_port=$(free_port)
    backend=$(free_port)
    url=http://127.0.0.1:$port

    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost \
        -keyout "$dir/tls.key" -out "$dir/tls.pem" 2> /dev/null

    write_counted_conf
    start_counted
}


conserve() {                                    # WHAT [OPTIONS]
    local name violations line what=$1

    shift
    diag "SEED=$seed"

    "$top/t/lib/conserve" "$what" --seed "$seed" --port "$port" \
        --tls-port "$tls_port" --redis-port "$redis_port" \
        --redis-pid "$redis_pid" --dir "$dir" --disk "$disk" \
        --tool "$NGX_REGISTRY" \
        "${conserve_keys[@]}" "${conserve_files[@]}" "$@" \
        > "$dir/conserve.out" 2> "$dir/conserve.err"
    ok $? "the clients, and what goes wrong, come to their end"
    sed 's/^/# /' "$dir/conserve.err"

    while IFS=$'\t' read -r name violations; do

        case $name in
        '#'*) echo "$name" ;;
        *)    is "$violations" 0 "$name" ;;
        esac

    done < "$dir/conserve.out"
}
