#!/bin/bash
#
# docker/: the image builds, on a base made by debootstrap, and what
# docker-compose.yml describes works: a gateway that is not root, on a root that
# is read-only, with Redis and a registry beside it.
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
wait_for docker version || skip_all "dockerd does not start here:" \
    "$(grep -E 'level=(error|fatal)|failed to' "$dir/dockerd.log" | tail -n 1)"
tar -C "$root" -c . | docker import - debian:base > /dev/null ||
    skip_all "dockerd makes no image here: $(tail -n 1 "$dir/dockerd.log")"

mkdir "$dir/others"
cat > "$dir/others/Dockerfile" <<'FILE'
FROM debian:base
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends redis-server docker-registry
FILE
runs "images for the others" docker build -q --network=host -t others \
    "$dir/others"
"$top/scripts/copy-tree" "$dir/context"
runs "docker build" docker build -q --network=host --build-arg BASE=debian:base \
    -f "$dir/context/docker/Dockerfile" -t gateway "$dir/context"

is "$(docker image inspect -f \
        '{{.Config.User}} {{.Config.StopSignal}} {{len .Config.Volumes}}' gateway)" \
   "www-data SIGQUIT 2" "it is not root's"
is "$(docker run --rm --network=none --entrypoint= gateway ngx-registry \
        --version)" \
   "$("${NGX_REGISTRY:-$top/build/ngx-registry}" --version)" "it has the tool"
is "$(docker run --rm --network=none --entrypoint= -u root gateway \
        find / -xdev -perm /6000 -type f -newer /etc/nginx/gateway.conf)" "" \
   "it adds nothing that is setuid"

stop $! TERM
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

cat > "$dir/use" <<'USE'
. "$oci_image"
oci_layout "$dir/image" amd64
"$@" > "$dir/dockerd2.log" 2>&1 &
for i in {1..150}; do docker version > /dev/null 2>&1 && break; sleep 0.1; done

beside=(--network=host --add-host redis:127.0.0.1 --add-host registry:127.0.0.1)
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
    -v state:/var/lib/ngx-registry -v cache:/var/cache/nginx \
    gateway > /dev/null

admin() {
    docker run --rm "${beside[@]}" "${little[@]}" \
        -e 'REGISTRY_STORE=redis://redis:6379?user=admin&password_file=/run/secrets/admin' \
        -v "$dir/secrets/admin:/run/secrets/admin:ro" \
        --entrypoint ngx-registry gateway "$@"
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

# it ends as nginx should, and says who did what

docker stop -t 20 gateway > /dev/null
docker inspect -f '{{.State.ExitCode}}' gateway
docker logs gateway 2> /dev/null |
    jq -r 'select(.operation == "push" and .decision == "deny") | .repository' |
    head -n 1
docker logs gateway 2>&1 | grep -cE '\[(alert|emerg|crit)\]'
docker logs gateway 2>&1 | grep -c "$(cut -d _ -f 3 "$dir/acme.key")"
docker stop -t 5 redis registry > /dev/null
USE

is "$(alone bash "$dir/use" "${engine[@]}" 2> "$dir/use.log" < /dev/null)" \
   "healthy
Login Succeeded
127.0.0.1:8080/acme/app:1
127.0.0.1:8080/acme/app:1
denied
www-data
Read-only file system
writable
0
other/app
0
0" "docker pushes and pulls through it"
diag "$(tail -n 5 "$dir/use.log")"

finish
