#!/bin/bash
#
# docker/: the image builds, on a base made by debootstrap, and is the gateway
# of docker-compose.yml, with Redis, a registry and Prometheus beside it, on the
# networks of that file: t/image/compose.  Where NGINX_SRC names the source of
# an nginx, so does one on a base that is laid out as the image that nginx has.
#
# Grafana is not there, as Debian does not package it.  The second engine has a
# network of its own, where ports and bridges are those of the files and no one
# else's.

set -uo pipefail
. "$(dirname "$0")/../lib/chroot.sh"
. "$top/t/lib/engines.sh"

need_chroot
for command in dockerd docker-compose; do
    command -v $command > /dev/null || skip_all "$command is not installed"
done

export DOCKER_BUILDKIT=0
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
context=$dir/context
"$top/scripts/copy-tree" "$context"


# The base, and what stands in for images that others publish, by the names that
# docker-compose.yml has for them.

new_chroot "$suite"
start_docker || skip_all "dockerd does not start here:" \
    "$(grep -E 'level=(error|fatal)|failed to' "$dir/dockerd.log" | tail -n 1)"
engine=$!
tar -C "$root" -c . | docker import - debian:base > /dev/null ||
    skip_all "dockerd makes no image here: $(tail -n 1 "$dir/dockerd.log")"

mkdir "$dir/others"
cp "$top/conf.example/docker-registry.yml" "$dir/others"
cat > "$dir/others/Dockerfile" <<'FILE'
FROM debian:base AS others
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends redis-server docker-registry prometheus && \
    install -d -o redis /data && install -d -o nobody /prometheus
COPY docker-registry.yml /etc/registry.yml

FROM others AS redis
USER redis

FROM others AS registry
ENV REGISTRY_HTTP_ADDR=:5000
ENV REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/var/lib/registry
CMD ["docker-registry", "serve", "/etc/registry.yml"]

FROM others AS prometheus
USER nobody
ENTRYPOINT ["prometheus"]
FILE

for service in redis registry prometheus; do
    name=$(sed -n "/^  $service:/,/image:/s/.*_IMAGE:-\(.*\)}/\1/p" \
        "$context/docker/docker-compose.yml")
    runs "$name: an image that stands in for it" docker build -q \
        --network=host --target $service -t "$name" "$dir/others"
done


# An image of docker/ on a base.

build_gateway() {                               # NAME BASE USER [OPTION]...
    local name=$1 base=$2 user=$3

    shift 3
    runs "$name: docker build" docker build -q --network=host \
        --build-arg BASE="$base" --build-arg RUN_AS="$user" "$@" \
        -f "$context/docker/Dockerfile" -t "$name" "$context"

    is "$(docker image inspect -f \
            '{{.Config.User}} {{.Config.StopSignal}} {{len .Config.Volumes}}' \
            "$name")" \
       "$user SIGQUIT 2" "$name: it is not root's"
    is "$(docker run --rm --network=none --entrypoint= "$name" ngx-registry \
            --version)" \
       "$("${NGX_REGISTRY:-$top/build/ngx-registry}" --version)" \
       "$name: it has the tool"
    is "$(docker run --rm --network=none --entrypoint= -u root "$name" \
            find / -xdev -perm /6000 -type f -newer /etc/nginx/gateway.conf)" \
       "" "$name: it adds nothing that is setuid"
}


# A base as the image "nginx" is one, for what docker/ knows of it: where files
# are, where logs go, who runs it, and that there is no package of Debian to
# build against.

official_base() {
    mkdir "$dir/official"
    cp -r "$NGINX_SRC" "$dir/official/nginx"
    cat > "$dir/official/Dockerfile" <<'FILE'
FROM debian:base AS build
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends gcc make libc6-dev libpcre2-dev libssl-dev \
    zlib1g-dev
COPY nginx /nginx
RUN cd /nginx && configure=./configure && \
    { [ -e $configure ] || configure=auto/configure; } && \
    $configure --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx \
        --modules-path=/usr/lib/nginx/modules \
        --conf-path=/etc/nginx/nginx.conf --pid-path=/run/nginx.pid \
        --error-log-path=/var/log/nginx/error.log \
        --http-log-path=/var/log/nginx/access.log --user=nginx --group=nginx \
        --with-compat --with-file-aio --with-threads \
        --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
        --with-http_auth_request_module --with-http_slice_module \
        --with-http_dav_module --with-http_addition_module && \
    make -s && make -s install DESTDIR=/out && mkdir /out/etc/nginx/conf.d && \
    echo 'server { listen 80; }' > /out/etc/nginx/conf.d/default.conf
FROM debian:base
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends libpcre2-8-0 libssl3 zlib1g && \
    groupadd -r -g 101 nginx && useradd -r -u 101 -g nginx nginx && \
    mkdir -p /usr/lib/nginx/modules /var/log/nginx && \
    ln -s /dev/stdout /var/log/nginx/access.log && \
    ln -s /dev/stderr /var/log/nginx/error.log
COPY --from=build /out /
FILE
    runs "a base as that of nginx" docker build -q --network=host \
        -t nginx:base "$dir/official"
    cp -r "$NGINX_SRC" "$context/nginx"
}


build_gateway debian debian:base www-data
images=("debian www-data")

if [ -n "${NGINX_SRC-}" ]; then
    official_base
    build_gateway official nginx:base nginx --build-arg NGINX_SRC=nginx
    images+=("official nginx")
fi

stop "$engine"
"$context/docker/setup"
is "$(stat -c '%a' "$context/docker/secrets")" 700 \
    "the passwords are behind a directory of their owner"


# What docker-compose.yml says, seen where it runs.

for image in "${images[@]}"; do
    seen=$(alone "$top/t/image/compose" "$context" "${image% *}" \
        "${docker_engine[@]}" 2> "$dir/compose.log" < /dev/null)
    name="${image% *}: docker-compose.yml is a gateway, and Prometheus sees it"

    if [[ $seen == "no engine: "* ]]; then
        ok 0 "$name # SKIP no network: ${seen#*: }"
        continue
    fi

    is "$seen" \
       "healthy
127.0.0.1:8080->8080/tcp, 8081/tcp
front: gateway 8080
back: registry 5000
${image#* }
CapPrm 0000000000000000
CapBnd 0000000000000000
NoNewPrivs 1
Read-only file system
Login Succeeded
127.0.0.1:8080/acme/app:1
127.0.0.1:8080/acme/app:1
denied
gateway:8081 up
registry []
egress above 300000
healthy
127.0.0.1:8080/acme/app:1
egress above 600000
0
RegistryGatewayDown
other/app
0
healthy
127.0.0.1:8080/acme/app:1
egress above 900000" "$name"
    diag "$(tail -n 5 "$dir/compose.log")"
done

finish
