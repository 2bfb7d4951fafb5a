#!/bin/bash
#
# Runbooks of operations.md: upgrade and rollback, adding a CDN.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/runbook.sh"


registry tenant set acme --label project=apollo
ci=$(new_key --tenant acme --name ci --role image-pusher)
start_backend
oci_layout "$dir/image" amd64


# Upgrade and rollback: the module that is installed is the one that runs, and no
# request fails.  apt-get puts the same one there, as another file: what the
# packages do themselves is in t/chroot/packages.sh.  service does what Debian's
# init script does.

export MODULE_DIR=$dir/modules
module=$MODULE_DIR/ngx_http_registry_module.so
mkdir "$MODULE_DIR"
cp "$MODULE" "$module"

cat > "$dir/bin/apt-get" <<END
#!/bin/sh
case "\$*" in
*libnginx-mod-*)    cp "$MODULE" "$module.new" && mv "$module.new" "$module" ;;
esac
echo "apt-get \$*" >> "$dir/installed"
END

cat > "$dir/bin/service" <<END
#!/bin/bash
[ "\$*" = "nginx upgrade" ] || exit 1
pid=$dir/gateway/nginx.pid
kill -USR2 "\$(cat \$pid)"
for i in {1..100}; do
    [ ! -s \$pid.oldbin ] || [ ! -s \$pid ] || break
    sleep 0.1
done
kill -QUIT "\$(cat \$pid.oldbin)"
for i in {1..100}; do [ -e \$pid.oldbin ] || exit 0; sleep 0.1; done
exit 1
END

chmod +x "$dir/bin/apt-get" "$dir/bin/service"


leave_upgraded() {
    local status=$?

    pids+=($(cat "$dir"/gateway/nginx.pid* 2> /dev/null))
    (exit $status)
    leave
}

trap leave_upgraded EXIT


# The file that the workers have for the module is the one that is there.

runs_installed() {
    local worker

    for worker in $(cat /proc/"$(< "$dir/gateway/nginx.pid")"/task/*/children)
    do
        grep -q " $(stat -c %i "$module") .*module.so$" "/proc/$worker/maps" ||
            return 1
    done
}


# A daemon, as only such a one takes SIGUSR2.

render_gateway
"$dir/bin/nginx" < /dev/null >> "$dir/nginx.out" 2>&1
wait_for listens "$PORT"
watch "$ci"
runbook operations.md "Upgrade and rollback" 1
runs "the new module runs" wait_for runs_installed
runbook operations.md "Upgrade and rollback" 2 3
runs "the old module runs" wait_for runs_installed
is "$(unwatch 1)" 404 "and no request has failed meanwhile"
is "$(grep -c . "$dir/installed")" 4 "all packages were installed"

old=$(< "$dir/gateway/nginx.pid")
kill -QUIT "$old"
wait_for eval "! kill -0 $old 2> /dev/null"
MODULE_DIR=$top/build


# Adding a CDN

export edge_port=$(free_port)
start_gateway
cp "$dir/gateway/store.json" "$dir/store.json"
auth_file "$ci" "$dir/ci.json"
copy_image ci "oci:$dir/image" "docker://$gateway/acme/app:1"
layer=$(jq -r '.layers[0].digest' "$dir/image/blobs/sha256/$(jq -r \
    '.manifests[0].digest' "$dir/image/index.json" | cut -d : -f 2)")
echo "$ci" > "$work/acme.key"

runbook operations.md "Adding a CDN" 1
is "$(stat -c '%a' "$etc/cdn.key")" 600 "the key is nobody else's"

mkdir -p "$dir/edge/etc/nginx"
cp "$etc/cdn.key" "$dir/edge/etc/nginx"
PORT=$edge_port "$top/scripts/render-example" "$dir/edge" edge.conf
sed -i "s|edge.example.net:8081|127.0.0.1:$edge_port|" \
    "$dir/edge/etc/nginx/registry.conf"
start_nginx "$dir/edge/etc/nginx/nginx.conf" "$edge_port" \
    "$dir/edge/log/error.log"

blocks_of operations.md "Adding a CDN" nginx | localise > "$etc/registry.conf"
no_faults "Adding a CDN"
runbook operations.md "Adding a CDN" 2


redirects() {
    answers_blob=$(curl -s -o /dev/null -w '%{http_code}' -u "x:$ci" \
        "http://$gateway/v2/acme/app/blobs/$layer")
    [ "$answers_blob" = 307 ]
}


runs "a second later it is there" wait_for redirects
runbook operations.md "Adding a CDN" 3
like "$(< "$output")" "^307 http://127.0.0.1:$edge_port/v2/acme/app/blobs/$layer" \
     "a client is sent to the edge"
like "$(< "$output")" "${layer#sha256:}  -" "and gets the blob"
runbook operations.md "Adding a CDN" 4
like "$(< "$output")" 'registry_proofs_total\{result="asked"\} [1-9]' \
     "the metrics tell of proofs"
stop_gateway

finish
