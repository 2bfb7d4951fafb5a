#!/bin/bash
#
# docker/: the image builds, on a base made by debootstrap, and what
# docker-compose.yml describes works: a gateway that is not root, on a root that
# is read-only, with Redis, a registry and Prometheus beside it.  Where NGINX_SRC
# names the source of an nginx, so does one on a base that is laid out as the
# image that nginx publishes.
#
# The second engine has a network of its own, where the ports are those of the
# files and no one else's.

set -uo pipefail
. "$(dirname "$0")/../lib/chroot.sh"

need_chroot
command -v dockerd > /dev/null || skip_all "dockerd is not installed"

export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/docker
export DOCKER_BUILDKIT=0 dir top
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
engine=(dockerd --bridge=none --iptables=false --ip-forward=false
    --storage-driver=vfs --data-root "$dir/data" --exec-root "$dir/exec"
    -H "$DOCKER_HOST" -p "$dir/docker.pid")


# Where what a compose file says of a service is what it is run with.

service() {                                     # SERVICE FILTER
    python3 -c '
import json, sys, yaml
print(json.dumps(yaml.safe_load(open(sys.argv[1]))["services"][sys.argv[2]]))
    ' "$top/docker/docker-compose.yml" "$1" | jq -r "$2"
}


# The base, and what stands in for images that others publish.

new_chroot "$suite"
background "${engine[@]}" > "$dir/dockerd.log" 2>&1
engine_pid=$!
wait_for docker version || skip_all "dockerd does not start here:" \
    "$(grep -E 'level=(error|fatal)|failed to' "$dir/dockerd.log" | tail -n 1)"
tar -C "$root" -c . | docker import - debian:base > /dev/null ||
    skip_all "dockerd makes no image here: $(tail -n 1 "$dir/dockerd.log")"

mkdir "$dir/others"
cat > "$dir/others/Dockerfile" <<'FILE'
FROM debian:base
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends redis-server docker-registry prometheus
FILE
runs "images for the others" docker build -q --network=host -t others \
    "$dir/others"
"$top/scripts/copy-tree" "$dir/context"


# An image of docker/ on a base.

build_gateway() {                               # NAME BASE USER [OPTION]...
    local name=$1 base=$2 user=$3

    shift 3
    runs "$name: docker build" docker build -q --network=host \
        --build-arg BASE="$base" --build-arg RUN_AS="$user" "$@" \
        -f "$dir/context/docker/Dockerfile" -t "$name" "$dir/context"

    is "$(docker image inspect -f \
            '{{.Config.User}} {{.Config.StopSignal}} {{len .Config.Volumes}}' \
            "$name")" \
       "$user SIGQUIT 2" "$name: it is not root's"
    is "$(docker run --rm --network=none --entrypoint= "$name" ngx-registry \
            --version)" \
       "$("${NGX_REGISTRY:-$top/build/ngx-registry}" --version)" \
       "$name: it has the tool"
    is "$(docker run --rm --network=none --entrypoint= -u root "$name" \
            find / -xdev -perm /6000 -type f -newer /etc/nginx/gateway.conf)" "" \
       "$name: it adds nothing that is setuid"
}


# A base as the image "nginx" is one, for what docker/ knows of it: where files
# are, who runs it, and that there is no package of Debian to build against.

official_base() {
    mkdir "$dir/official"
    cp -r "$NGINX_SRC" "$dir/official/nginx"
    cat > "$dir/official/Dockerfile" <<'FILE'
FROM debian:base AS build
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends gcc make libc6-dev libpcre2-dev libssl-dev zlib1g-dev
COPY nginx /nginx
RUN cd /nginx && configure=./configure && \
    { [ -e $configure ] || configure=auto/configure; } && \
    $configure --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx \
        --modules-path=/usr/lib/nginx/modules \
        --conf-path=/etc/nginx/nginx.conf --error-log-path=/var/log/nginx/error.log \
        --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid \
        --user=nginx --group=nginx --with-compat --with-file-aio --with-threads \
        --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
        --with-http_auth_request_module --with-http_slice_module \
        --with-http_dav_module --with-http_addition_module && \
    make -s && make -s install DESTDIR=/out && mkdir /out/etc/nginx/conf.d && \
    echo 'server { listen 80; }' > /out/etc/nginx/conf.d/default.conf
FROM debian:base
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends libpcre2-8-0 libssl3 zlib1g && \
    groupadd -r -g 101 nginx && useradd -r -u 101 -g nginx nginx && \
    mkdir -p /usr/lib/nginx/modules /var/log/nginx
COPY --from=build /out /
FILE
    runs "a base as that of nginx" docker build -q --network=host \
        -t nginx:base "$dir/official"
    cp -r "$NGINX_SRC" "$dir/context/nginx"
}


build_gateway debian debian:base www-data
images=("debian www-data")

if [ -n "${NGINX_SRC-}" ]; then
    official_base
    build_gateway official nginx:base nginx --build-arg NGINX_SRC=nginx
    images+=("official nginx")
fi

stop "$engine_pid" TERM
"$top/docker/setup" "$dir/secrets"
oci_image=$top/t/lib/image.sh
export oci_image
stat -c '%a' "$dir/secrets" | grep -q 700
ok $? "the passwords are behind a directory of their owner"


# The services, as docker-compose.yml has them but for the network, which is
# that of the engine.

is "$(service gateway '[.read_only, .cap_drop[], .tmpfs[], .security_opt[]] |
        join(" ")')" \
   "true ALL /tmp no-new-privileges:true" "docker-compose.yml asks for as little"
is "$(service redis '.command | join(" ")')" \
   "redis-server --appendonly yes --dir /data --aclfile /run/secrets/users.acl" \
   "and for a Redis that keeps what it is told"
is "$(service prometheus '.command | join(" ")')" \
   "--config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/prometheus" \
   "and for Prometheus"

cat > "$dir/use" <<'USE'
. "$oci_image"
rm -rf "$dir/image"
oci_layout "$dir/image" amd64
"${@:2}" > "$dir/dockerd2.log" 2>&1 &
dockerd=$!
for i in {1..150}; do docker version > /dev/null 2>&1 && break; sleep 0.1; done

image=$1
beside=(--network=host --add-host redis:127.0.0.1
    --add-host registry:127.0.0.1 --add-host gateway:127.0.0.1)
little=(--read-only --cap-drop=ALL --security-opt no-new-privileges:true
    --tmpfs /tmp)

docker run -d --name redis "${beside[@]}" --tmpfs /data \
    -v "$dir/secrets/users.acl:/run/secrets/users.acl:ro" others \
    redis-server --bind 127.0.0.1 --appendonly yes --dir /data \
    --aclfile /run/secrets/users.acl > /dev/null
docker run -d --name registry "${beside[@]}" -v "$top/conf.example:/etc/dr:ro" \
    others docker-registry serve /etc/dr/docker-registry.yml > /dev/null
docker run -d --name gateway "${beside[@]}" "${little[@]}" \
    -v "$dir/secrets/gateway:/run/secrets/gateway:ro" \
    -v "state-$1:/var/lib/ngx-registry" -v "cache-$1:/var/cache/nginx" \
    "$1" > /dev/null
docker run -d --name prometheus "${beside[@]}" --tmpfs /prometheus \
    -v "$top/docker/prometheus.yml:/etc/prometheus/prometheus.yml:ro" others \
    prometheus --config.file=/etc/prometheus/prometheus.yml \
    --storage.tsdb.path=/prometheus > /dev/null

admin() {
    docker run --rm "${beside[@]}" "${little[@]}" \
        -e 'REGISTRY_STORE=redis://redis:6379?user=admin&password_file=/run/secrets/admin' \
        -v "$dir/secrets/admin:/run/secrets/admin:ro" \
        --entrypoint ngx-registry "$image" "$@"
}

for i in {1..600}; do
    health=$(docker inspect -f '{{.State.Health.Status}}' gateway)
    [ "$health" = starting ] || break
    sleep 0.1
done
echo "$health"

admin tenant set acme > /dev/null
admin key create --tenant acme --role image-pusher > "$dir/acme.key"
registry=127.0.0.1:8080

docker login --username acme --password-stdin $registry < "$dir/acme.key" 2>&1 |
    grep -o 'Login Succeeded'
tar -C "$dir/image" -c . | docker import - $registry/acme/app:1 > /dev/null
docker push -q $registry/acme/app:1
docker rmi -f $registry/acme/app:1 > /dev/null
docker pull -q $registry/acme/app:1
docker tag $registry/acme/app:1 $registry/other/app:1
docker push -q $registry/other/app:1 > /dev/null 2>&1 || echo denied

docker exec gateway id -un
docker exec gateway bash -c ': > /etc/nginx/x' 2>&1 | grep -o 'Read-only file system'
docker exec gateway bash -c ': > /var/lib/ngx-registry/x && echo writable'

# what Prometheus has seen, which is what was booked

sample() {                                      # METRIC
    curl -sG 127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" |
        jq -r '.data.result[] | .value[1]'
}

for i in {1..60}; do
    [ -z "$(sample 'registry_egress_bytes_total{tenant="acme"} > 300000')" ] || break
    sleep 0.5
done
sample 'registry_egress_bytes_total{tenant="acme"} > bool 300000'

# it ends as nginx should, and says who did what

docker stop -t 20 gateway > /dev/null
docker inspect -f '{{.State.ExitCode}}' gateway
docker logs gateway 2> /dev/null |
    jq -r 'select(.operation == "push" and .decision == "deny") | .repository' |
    head -n 1
docker logs gateway 2>&1 | grep -cE '\[(alert|emerg|crit)\]'
docker logs gateway 2>&1 | grep -c "$(cut -d _ -f 3 "$dir/acme.key")"
docker stop -t 5 redis registry prometheus > /dev/null
docker rm redis registry prometheus gateway > /dev/null
kill "$dockerd"
wait "$dockerd"
USE

for image in "${images[@]}"; do
    is "$(alone bash "$dir/use" "${image% *}" "${engine[@]}" 2> "$dir/use.log" \
           < /dev/null)" \
       "healthy
Login Succeeded
127.0.0.1:8080/acme/app:1
127.0.0.1:8080/acme/app:1
denied
${image#* }
Read-only file system
writable
1
0
other/app
0
0" "${image% *}: docker pushes and pulls through it, and Prometheus sees it"
    diag "$(tail -n 5 "$dir/use.log")"
done

finish
