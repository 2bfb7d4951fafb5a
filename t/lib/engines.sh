# The daemons of real clients, in the sandbox of a test.  Both need root, and
# not every machine lets them start.
#
#     start_docker [OPTION]...   dockerd, which leaves the network of the machine
#                                alone; docker talks to it
#     docker_engine              the same engine, as a command with its arguments,
#                                for where it may have networks
#     start_containerd           containerd
#     ctr_images COMMAND...      "ctr images" of that
#
# They succeed once it answers; what it said is in $dir/dockerd.log and
# $dir/containerd.log.

docker_engine=(dockerd --data-root "$dir/docker-data"
    --exec-root "$dir/docker-exec" -H "unix://$dir/docker.sock"
    -p "$dir/docker.pid")


can_run() {                                     # DAEMON
    [ "$EUID" = 0 ] && command -v "$1" > /dev/null
}


start_docker() {                                # [OPTION]...
    can_run dockerd || return

    export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/docker

    background "${docker_engine[@]}" --bridge=none --iptables=false \
        --ip-forward=false "$@" > "$dir/dockerd.log" 2>&1

    wait_for docker version
}


ctr_images() {                                  # COMMAND ARGUMENT...
    ctr -a "$dir/containerd.sock" images "$@"
}


start_containerd() {
    can_run containerd || return

    cat > "$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "$dir/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "$dir/containerd.sock"
END

    background containerd -c "$dir/containerd.toml" > "$dir/containerd.log" 2>&1

    wait_for ctr_images ls
}
