#!/bin/bash
#
# Every client pushes and pulls through the gateway, by each way that it may
# identify itself and each way that a blob may take, and is refused what it may
# not.  Where this version has no such way, or the machine no such client, the
# cell of the table says so.

set -uo pipefail
. "$(dirname "$0")/../lib/ecosystem.sh"

clients=(docker ctr podman skopeo crane oras helm regctl)

# the example that is the gateway for a way; columns without one are left out

declare -A example=(
    [basic/origin]=registry.conf
    [anonymous/origin]=anonymous.conf
    [bearer/origin]=token.conf
    [basic/redirect]=offload.conf
    [basic/cache]=cache.conf
)
columns=(basic/origin anonymous/origin)

for column in bearer/origin basic/redirect basic/cache; do
    [ ! -e "$top/conf.example/${example[$column]}" ] || columns+=("$column")
done


# What each client does: CLIENT_push and CLIENT_pull take the host and the
# repository.  The key, or nothing, is in $key.

docker_ready() {
    command -v dockerd > /dev/null && [ "$EUID" = 0 ] || return
    export DOCKER_HOST=unix://$dir/docker.sock
    background dockerd --bridge=none --iptables=false --ip-forward=false \
        --data-root "$dir/docker-data" --exec-root "$dir/docker-exec" \
        -H "$DOCKER_HOST" -p "$dir/docker.pid" > "$dir/dockerd.log" 2>&1
    wait_for docker version &&
        tar -C "$dir" -c layer | docker import - made:1
}

docker_login() {
    docker login --username someone --password-stdin "$1" <<< "$key"
}

docker_push() {
    docker tag made:1 "$1/$2:1" && docker push -q "$1/$2:1"
}

docker_pull() {
    docker rmi -f "$1/$2:1"
    docker pull -q "$1/$2:1"
}


ctr_images() {                                  # COMMAND ARGUMENT...
    ctr -a "$dir/containerd.sock" images "$@"
}

ctr_ready() {
    command -v containerd > /dev/null && [ "$EUID" = 0 ] || return
    cat > "$dir/containerd.toml" <<TOML
version = 2
root = "$dir/containerd"
state = "$dir/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$dir/containerd.sock"
TOML
    background containerd -c "$dir/containerd.toml" > "$dir/containerd.log" 2>&1
    wait_for ctr_images ls
}

ctr_push() {
    ctr_images import --index-name "$1/$2:1" "$dir/image.tar" &&
        ctr_images push --plain-http ${key:+-u "someone:$key"} "$1/$2:1"
}

ctr_pull() {
    ctr_images rm "$1/$2:1"
    ctr_images pull --plain-http ${key:+-u "someone:$key"} "$1/$2:1"
}


pod() {
    podman --root "$dir/podman" --runroot "$dir/podman-run" \
        --storage-driver vfs "$@"
}

podman_ready() {
    pod info && tar -C "$dir" -c layer | pod import - made:1
}

podman_login() {
    pod login --tls-verify=false -u someone --password-stdin "$1" <<< "$key"
}

podman_push() {
    pod push -q --tls-verify=false made:1 "$1/$2:1"
}

podman_pull() {
    pod rmi -f "$1/$2:1"
    pod pull -q --tls-verify=false "$1/$2:1"
}


skopeo_login() {
    skopeo login --tls-verify=false -u someone --password-stdin "$1" <<< "$key"
}

skopeo_push() {
    skopeo --insecure-policy copy -q --dest-tls-verify=false \
        "oci:$dir/image:latest" "docker://$1/$2:1"
}

skopeo_pull() {
    skopeo --insecure-policy copy -q --src-tls-verify=false \
        "docker://$1/$2:1" "dir:$dir/skopeo-pulled"
}


crane_login() {
    crane auth login -u someone --password-stdin "$1" <<< "$key"
}

crane_push() {
    crane push "$dir/image" "$1/$2:1"
}

crane_pull() {
    crane pull "$1/$2:1" "$dir/crane.tar"
}


oras_login() {
    oras login --plain-http -u someone --password-stdin "$1" <<< "$key"
}

oras_push() {
    cd "$dir" && oras push --plain-http "$1/$2:1" layer
}

oras_pull() {
    oras pull --plain-http -o "$dir/oras-pulled" "$1/$2:1" &&
        cmp "$dir/layer" "$dir/oras-pulled/layer"
}


# A chart's name is the last component of its repository.

helm_ready() {
    command -v helm && (cd "$dir" && mkdir -p chart && helm create chart/app &&
        helm package -d "$dir" chart/app)
}

helm_login() {
    helm registry login --plain-http -u someone --password-stdin "$1" \
        <<< "$key"
}

helm_push() {
    helm push --plain-http "$dir/app-0.1.0.tgz" "oci://$1/${2%/*}"
}

helm_pull() {
    helm pull --plain-http -d "$dir/home" "oci://$1/$2" --version 0.1.0 &&
        cmp "$dir/app-0.1.0.tgz" "$dir/home/app-0.1.0.tgz"
}


regctl_login() {
    regctl registry set --tls disabled "$1"
    regctl registry login "$1" -u someone --pass-stdin <<< "$key"
}

regctl_push() {
    regctl registry set --tls disabled "$1"
    regctl image import "$1/$2:1" "$dir/image.tar"
}

regctl_pull() {
    regctl registry set --tls disabled "$1"
    regctl image export "$1/$2:1" "$dir/regctl.tar"
}


# Runs a step of a client, its output kept.

client() {                                      # CLIENT STEP [ARGUMENT]...
    local name=$1 step=$2

    shift 2
    declare -F "${name}_$step" > /dev/null || return 0
    echo "--- $name $step $*" >> "$dir/$name.out"
    ("${name}_$step" "$@" < /dev/null) >> "$dir/$name.out" 2>&1
}


# A place of its own to keep credentials in.

fresh_home() {
    rm -rf "$dir/home"
    mkdir -p "$dir/home"
    echo '{}' > "$dir/home/a"
    export HOME=$dir/home DOCKER_CONFIG=$dir/home REGISTRY_AUTH_FILE=$dir/home/a
    export HELM_REGISTRY_CONFIG=$dir/home/helm.json REGCTL_CONFIG=$dir/home/r
    unset XDG_RUNTIME_DIR XDG_CONFIG_HOME
}


# The gateway has let somebody of that tenant pull since the log was emptied.

pulled_as() {                                   # TENANT
    jq -e -s --arg tenant "$1" 'any(.[]; .tenant == $tenant
        and .operation == "pull" and .decision == "allow" and .status < 400)' \
        "$gateway_log" > /dev/null
}


# A cell with a key: in, out, and not elsewhere.

with_key() {                                    # CLIENT REPOSITORY
    key=$pusher
    client "$1" login "$gateway" && client "$1" push "$gateway" "$2" &&
        client "$1" pull "$gateway" "$2" && pulled_as acme || return

    ! client "$1" push "$gateway" "other/app"
}


# A cell without: what is public comes, as what was pushed beside the gateway;
# nothing else does.

without_key() {                                 # CLIENT REPOSITORY
    key=
    client "$1" push "127.0.0.1:$BACKEND_PORT" "public/$1/app" &&
        client "$1" push "127.0.0.1:$BACKEND_PORT" "$2" || return

    client "$1" pull "$gateway" "public/$1/app" && pulled_as public || return

    ! client "$1" pull "$gateway" "$2"
}


head -c 300000 /dev/urandom > "$dir/layer"
oci_layout "$dir/image" amd64
tar -C "$dir/image" -cf "$dir/image.tar" blobs index.json oci-layout
fresh_home
start_backend
registry tenant set acme
pusher=$(new_key --tenant acme --role image-pusher)
declare -A row ready

for name in "${clients[@]}"; do
    row[$name]="| $name |"
    ready[$name]=

    if ! command -v "$name" > /dev/null; then
        row[$name]="$name is not installed"
    elif declare -F "${name}_ready" > /dev/null &&
        ! "${name}_ready" > "$dir/$name.ready" 2>&1
    then
        row[$name]="$name does not run here"
    else
        ready[$name]=yes
    fi
done

for column in "${columns[@]}"; do
    start_gateway "${example[$column]}"

    for name in "${clients[@]}"; do
        if [ -z "${ready[$name]}" ]; then
            ok 0 "$column: $name # SKIP ${row[$name]}"
            continue
        fi

        fresh_home
        : > "$gateway_log"
        : > "$dir/$name.out"
        way=with_key
        [ "${column%/*}" != anonymous ] || way=without_key

        if "$way" "$name" "acme/$name-${column//\//-}/app"; then
            ok 0 "$column: $name"
            row[$name]+=" yes |"
        else
            ok 1 "$column: $name"
            row[$name]+=" **no** |"
            diag "$(tail -n 30 "$dir/$name.out")"
        fi
    done

    stop_gateway
done

{
    echo "| client |$(printf ' %s |' "${columns[@]}")"
    echo "|---|$(printf -- '---|%.0s' "${columns[@]}")"
    for name in "${clients[@]}"; do
        [ -n "${ready[$name]}" ] && echo "${row[$name]}" ||
            echo "| $name | ${row[$name]} |"
    done
} | save clients

finish
