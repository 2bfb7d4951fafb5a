# Every client pushes and pulls through the gateway, by each way that it may
# identify itself and each way that a blob may take, and is refused what it may
# not.  Where the machine has no such client, the cell of the table says so.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/clients.sh"
#
#     try_clients NAME WAY...
#                       tests them all, in front of a backend that is there, and
#                       saves the table NAME; a WAY is basic, bearer or anonymous,
#                       and origin, redirect or cache: "basic/origin"

. "$(dirname "${BASH_SOURCE[0]}")/ecosystem.sh"
. "$(dirname "${BASH_SOURCE[0]}")/engines.sh"

clients=(docker ctr podman skopeo crane oras helm regctl)

# the example that is the gateway for a way to identify oneself

declare -A example=(
    [basic]=registry.conf
    [bearer]=tokens.conf
    [anonymous]=anonymous.conf
)


# What each client does: CLIENT_push and CLIENT_pull take the host and the
# repository.  The key, or nothing, is in $key.  A client that keeps what it has
# pushed forgets it, or it would not ask for its blobs again.

docker_ready() {
    start_docker
}

docker_login() {
    docker login --username someone --password-stdin "$1" <<< "$key"
}

docker_push() {
    tar -C "$dir" -c layer | docker import - "$1/$2:1" &&
        docker push -q "$1/$2:1"
}

docker_pull() {
    docker pull -q "$1/$2:1"
}

docker_forget() {
    docker images -aq | xargs -r docker rmi -f
}


ctr_ready() {
    start_containerd
}

ctr_push() {
    ctr_images import --index-name "$1/$2:1" "$dir/image.tar" &&
        ctr_images push --plain-http ${key:+-u "someone:$key"} "$1/$2:1"
}

ctr_forget() {
    ctr_images ls -q | xargs -r ctr -a "$dir/containerd.sock" images rm --sync
}

ctr_pull() {
    ctr_images pull --plain-http ${key:+-u "someone:$key"} "$1/$2:1"
}


pod() {
    podman --root "$dir/podman" --runroot "$dir/podman-run" \
        --storage-driver vfs "$@"
}

podman_ready() {
    pod info
}

podman_login() {
    pod login --tls-verify=false -u someone --password-stdin "$1" <<< "$key"
}

podman_push() {
    tar -C "$dir" -c layer | pod import - "$1/$2:1" &&
        pod push -q --tls-verify=false "$1/$2:1"
}

podman_forget() {
    pod rmi -af
}

podman_pull() {
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


# How the examples send blobs elsewhere: an edge, as edge.conf is one, and the
# cache of cached.conf.  The edge has a name, for crane follows no redirect to a
# private address.

start_edge() {
    edge_port=$(free_port)
    PORT=$edge_port "$top/scripts/render-example" "$dir/edge" edge.conf
    openssl rand -hex 32 > "$dir/edge/etc/nginx/cdn.key"
    sed -i "s|edge.example.net:8081|localhost:$edge_port|" \
        "$dir/edge/etc/nginx/registry.conf"
    start_nginx "$dir/edge/etc/nginx/nginx.conf" "$edge_port" \
        "$dir/edge/log/error.log" || give_up "the edge starts"
}


# The gateway of an example with the route of another, which is said for all that
# it serves; the log has the route of each blob.

start_routed() {                                # EXAMPLE ROUTE
    local etc=$dir/gateway/etc/nginx conf=$dir/gateway/etc/nginx/registry.conf

    render_gateway "$1"
    sed -i 's/"status":/"route":"$registry_route",&/' "$etc/nginx.conf"

    case $2 in
    redirect)
        echo "registry_blob_route edge;" >> "$conf"
        sed -n '/^registry_cdn/,/^}/p' "$dir/edge/etc/nginx/registry.conf" \
            >> "$conf"
        cp "$dir/edge/etc/nginx/cdn.key" "$etc" ;;
    cache)
        sed -n '/^    location @blobs/,/^    }/p' "$etc/cached.conf" \
            > "$dir/blobs.conf"
        sed -i "/^server {/r $dir/blobs.conf" "$conf"
        echo "registry_blob_route @blobs;" >> "$conf"
        sed -n '/^proxy_cache_path/,/;/p' "$etc/cached.conf" >> "$conf" ;;
    esac

    run_gateway
}


# What the gateway has written of requests that it let pass since its log was
# emptied.

logged() {                                      # FILTER [TENANT]
    jq -e -s --arg tenant "${2-}" "any(.[]; .status < 400 and $1)" \
        "$gateway_log" > /dev/null
}


# Somebody of that tenant was let pull, by this way to be identified, and has got
# its blobs by this route.

pulled_as() {                                   # TENANT
    local is='.operation == "pull" and .tenant == $tenant'

    case ${way%/*} in
    bearer)     logged '.operation == "token"' || return ;;
    *)          ! logged '.operation == "token"' || return ;;
    esac

    case ${way#*/} in
    origin)     logged "$is and .route == \"origin\"" "$1" ;;
    cache)      logged "$is and .route == \"@blobs\"" "$1" ;;
    redirect)   logged "$is and .route == \"edge\" and .status == 307" "$1" &&
                    jq -e -s --arg tenant "$1" \
                        'any(.[]; .status == 200 and .tenant == $tenant)' \
                        "$dir/edge/log/edge.log" > /dev/null ;;
    esac
}


# A cell with a key: in, out, and not elsewhere.

with_key() {                                    # CLIENT REPOSITORY
    key=$pusher
    client "$1" login "$gateway" && client "$1" push "$gateway" "$2" || return

    client "$1" forget
    client "$1" pull "$gateway" "$2" && wait_for pulled_as acme || return

    ! client "$1" push "$gateway" "other/app"
}


# A cell without: what is public comes, as what was pushed beside the gateway;
# nothing else does.

without_key() {                                 # CLIENT REPOSITORY
    key=
    client "$1" push "127.0.0.1:$BACKEND_PORT" "public/$2" &&
        client "$1" push "127.0.0.1:$BACKEND_PORT" "$2" || return

    client "$1" forget
    client "$1" pull "$gateway" "public/$2" && wait_for pulled_as public || return

    ! client "$1" pull "$gateway" "$2"
}


# Which of them have no part in this, and why.

prepare_clients() {
    local name

    head -c 300000 /dev/urandom > "$dir/layer"
    oci_layout "$dir/image" amd64
    tar -C "$dir/image" -cf "$dir/image.tar" blobs index.json oci-layout
    fresh_home
    registry tenant set acme
    pusher=$(new_key --tenant acme --role image-pusher)

    for name in "${clients[@]}"; do
        absent[$name]=

        if ! command -v "$name" > /dev/null; then
            absent[$name]="not installed"
        elif declare -F "${name}_ready" > /dev/null &&
            ! "${name}_ready" > "$dir/$name.ready" 2>&1
        then
            absent[$name]="does not run here"
        fi
    done
}


# Adds a cell to the row.

try_client() {                                  # NAME
    local name=$1 test=with_key

    if [ -n "${absent[$name]}" ]; then
        ok 0 "$way: $name # SKIP ${absent[$name]}"
        row+=" ${absent[$name]} |"
        return
    fi

    fresh_home
    : > "$gateway_log"
    : > "$dir/edge/log/edge.log"
    : > "$dir/$name.out"
    [ "${way%/*}" != anonymous ] || test=without_key

    if "$test" "$name" "acme/$name-${way//\//-}/app"; then
        ok 0 "$way: $name"
        row+=" yes |"
    else
        ok 1 "$way: $name"
        row+=" **no** |"
        diag "$(tail -n 30 "$dir/$name.out")"
    fi
}


try_clients() {                                 # TABLE WAY...
    local table=$1 way name row rows=()
    local -A absent

    shift
    start_edge
    prepare_clients

    for way; do
        row="| $way |"
        start_routed "${example[${way%/*}]}" "${way#*/}"

        for name in "${clients[@]}"; do
            try_client "$name"
        done

        stop_gateway
        rows+=("$row")
    done

    {
        echo "| |$(printf ' %s |' "${clients[@]}")"
        echo "|---|$(printf -- '---|%.0s' "${clients[@]}")"
        printf '%s\n' "${rows[@]}"
    } | save "$table"
}
