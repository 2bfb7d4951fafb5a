# Several Redis servers that belong together, for tests, in the directory and on
# the ports of sandbox.sh, which ends them:
#
#     start_sentinels            a master, two replicas and three sentinels:
#                                $sentinel_url, $server_ports, $sentinel_ports
#     master_port                whom the sentinels call the master
#     promoted OLD-PORT          another is master, and all sentinels say so
#
#     start_cluster [REPLICAS]   three primaries with REPLICAS (0) each:
#                                $cluster_url, $cluster_ports, primaries first
#                                With $fleet_bus=1 nodes can be cut off:
#                                cut_off PORT, join_again PORT
#     slot_of KEY, owner_of SLOT
#     move_slot SLOT PORT        with its keys; or in steps, between which there
#                                are ASK redirections: begin_move, move_keys and
#                                end_move, all with SLOT PORT
#
#     redis_at PORT COMMAND...   redis-cli
#     kill_member PORT, pause_member PORT, resume_member PORT
#     start_member PORT          again, after it was killed
#
# Before a start, $fleet_conf may hold lines for the configuration of all data
# servers, $sentinel_conf such of the sentinels, $fleet_auth arguments of
# redis-cli, and $fleet_tls a directory with ca.crt, redis.crt and redis.key:
# then there is TLS and nothing else.  A master is dead after half a second,
# so that a failover takes one to three.

fleet_conf=
sentinel_conf=
fleet_auth=()
fleet_tls=
fleet_bus=
server_ports=()
sentinel_ports=()
cluster_ports=()
declare -A member_pid member_paused


redis_at() {                                    # PORT COMMAND...
    local port=$1 tls=()

    shift
    [ -z "$fleet_tls" ] || tls=(--tls --cacert "$fleet_tls/ca.crt"
        --sni redis.test)

    redis-cli -p "$port" "${tls[@]}" "${fleet_auth[@]}" "$@"
}


# Writes the part of a configuration that all have; the rest is on stdin.

new_member() {                                  # PORT
    mkdir "$dir/member-$1"

    {
        echo "bind 127.0.0.1"
        echo "dir $dir/member-$1"
        echo "logfile $dir/member-$1/log"

        if [ -n "$fleet_tls" ]; then
            echo "port 0"
            echo "tls-port $1"
            echo "tls-cert-file $fleet_tls/redis.crt"
            echo "tls-key-file $fleet_tls/redis.key"
            echo "tls-ca-cert-file $fleet_tls/ca.crt"
            echo "tls-auth-clients no"
            echo "tls-replication yes"
        else
            echo "port $1"
        fi

        cat
    } > "$dir/member-$1/redis.conf"
}


# What every data server has: replicas that follow at once, and an end that
# does not wait for one that is stopped.

data_conf() {
    echo 'save ""'
    echo "repl-diskless-sync-delay 0"
    echo "repl-ping-replica-period 1"
    echo "shutdown-timeout 0"
    printf '%s\n' "$fleet_conf"
}


start_member() {                                # PORT
    local sentinel=()

    ! grep -q '^sentinel monitor ' "$dir/member-$1/redis.conf" ||
        sentinel=(--sentinel)

    background redis-server "$dir/member-$1/redis.conf" "${sentinel[@]}" \
        > "$dir/member-$1/out" 2>&1
    member_pid[$1]=$!

    wait_for redis_at "$1" ping

    # sentinels talk to each other more often than every two seconds

    [ -z "${sentinel[*]}" ] ||
        redis_at "$1" sentinel debug info-period 500 publish-period 200 \
            ask-period 200 ping-period 200 > /dev/null
}


kill_member() {                                 # PORT
    stop "${member_pid[$1]}" KILL
    unset "member_pid[$1]" "member_paused[$1]"
}


pause_member() {                                # PORT
    kill -STOP "${member_pid[$1]}"
    member_paused[$1]=1
}


resume_member() {                               # PORT
    unset "member_paused[$1]"
    kill -CONT "${member_pid[$1]}"
}


# The first of some ports whose server runs.

running() {                                     # PORT...
    local port

    for port; do
        if [ -n "${member_pid[$port]-}" ] && [ -z "${member_paused[$port]-}" ]
        then
            echo "$port"
            return
        fi
    done

    return 1
}


# Sentinel

start_sentinels() {
    local port master i

    server_ports=()
    sentinel_ports=()

    for i in 1 2 3; do
        port=$(free_port)
        server_ports+=("$port")
        { data_conf; echo "repl-timeout 5"; } | new_member "$port"
        start_member "$port"
    done

    master=${server_ports[0]}

    for port in "${server_ports[@]:1}"; do
        redis_at "$port" replicaof 127.0.0.1 "$master" > /dev/null
        wait_for follows "$port"
    done

    for i in 1 2 3; do
        port=$(free_port)
        sentinel_ports+=("$port")

        # the lines that name the master come before those about it

        new_member "$port" <<END
sentinel monitor registry 127.0.0.1 $master 2
sentinel down-after-milliseconds registry 500
sentinel failover-timeout registry 3000
$sentinel_conf
END
        start_member "$port"
    done

    sentinel_url=$(printf '127.0.0.1:%s,' "${sentinel_ports[@]}")
    sentinel_url=redis+sentinel://${sentinel_url%,}/registry

    for port in "${sentinel_ports[@]}"; do
        wait_for knows_all "$port"
    done
}


follows() {                                     # PORT
    redis_at "$1" info replication | grep -q 'master_link_status:up'
}


# A sentinel has met both others and both replicas, which could take over.

knows_all() {                                   # PORT
    local text replicas

    text=$(redis_at "$1" sentinel master registry | paste -d= - -) &&
        grep -qx 'flags=master' <<< "$text" &&
        grep -qx 'num-slaves=2' <<< "$text" &&
        grep -qx 'num-other-sentinels=2' <<< "$text" || return 1

    replicas=$(redis_at "$1" sentinel replicas registry | paste -d= - -)
    [ "$(grep -cxE 'flags=slave|master-link-status=ok' <<< "$replicas")" = 4 ]
}


master_port() {                                 # [SENTINEL-PORT]
    redis_at "${1:-$(running "${sentinel_ports[@]}")}" \
        sentinel get-master-addr-by-name registry | sed -n 2p
}


promoted() {                                    # OLD-PORT
    local port new

    new=$(master_port)
    [ -n "$new" ] && [ "$new" != "$1" ] || return 1
    [ "$(redis_at "$new" role | head -1)" = master ] || return 1

    for port in "${sentinel_ports[@]}"; do
        [ -z "$(running "$port")" ] || [ "$(master_port "$port")" = "$new" ] ||
            return 1
    done
}


# Cluster

start_cluster() {                               # [REPLICAS]
    local port i first id bus pairs=()

    cluster_ports=()
    bus_ports=()

    for ((i = 0; i < 3 * (1 + ${1:-0}); i++)); do
        port=$(free_port)
        cluster_ports+=("$port")
        bus=$(free_port)
        bus_ports+=("$bus")

        if [ -n "$fleet_bus" ]; then
            bus_ports[i]=$(free_port)
            pairs+=("${bus_ports[i]}:$bus")
        fi

        {
            data_conf
            echo "cluster-enabled yes"
            echo "cluster-port $bus"
            echo "cluster-announce-bus-port ${bus_ports[i]}"
            [ -z "$fleet_bus" ] ||
                printf '%s\n' "bind-source-addr 127.0.1.$((i + 1))" \
                    "protected-mode no"
            echo "cluster-node-timeout 1000"
            echo "cluster-replica-validity-factor 0"
            [ -z "$fleet_tls" ] || echo "tls-cluster yes"
        } | new_member "$port"

        start_member "$port"
        redis_at "$port" cluster set-config-epoch $((i + 1)) > /dev/null
    done

    if [ -n "$fleet_bus" ]; then
        bus_control=$(free_port)
        background "$top/t/lib/bus_proxy" "$bus_control" "${pairs[@]}"
        wait_for listens "$bus_control"
    fi

    first=${cluster_ports[0]}
    redis_at "$first" cluster addslotsrange 0 5460 > /dev/null
    redis_at "${cluster_ports[1]}" cluster addslotsrange 5461 10922 > /dev/null
    redis_at "${cluster_ports[2]}" cluster addslotsrange 10923 16383 > /dev/null

    for ((i = 1; i < ${#cluster_ports[@]}; i++)); do
        redis_at "$first" cluster meet 127.0.0.1 "${cluster_ports[i]}" \
            "${bus_ports[i]}" > /dev/null
    done

    for port in "${cluster_ports[@]}"; do
        wait_for acquainted "$port"
    done

    for ((i = 3; i < ${#cluster_ports[@]}; i++)); do
        id=$(redis_at "${cluster_ports[i % 3]}" cluster myid)
        redis_at "${cluster_ports[i]}" cluster replicate "$id" > /dev/null
        wait_for follows "${cluster_ports[i]}"
    done

    for port in "${cluster_ports[@]}"; do
        wait_for settled "$port"
    done

    cluster_url=$(printf '127.0.0.1:%s,' "${cluster_ports[@]}")
    cluster_url=redis+cluster://${cluster_url%,}
}


# Cuts a node off from the others, which clients do not notice.

cut_off() {                                     # PORT
    tell_bus cut "$1"
}


join_again() {                                  # PORT
    tell_bus join "$1"
}


tell_bus() {                                    # cut|join PORT
    local i control answer

    for i in "${!cluster_ports[@]}"; do
        [ "${cluster_ports[i]}" != "$2" ] || break
    done

    exec {control}<> "/dev/tcp/127.0.0.1/$bus_control"
    echo "$1 $((i + 1))" >&$control
    read -r -t 5 answer <&$control
    exec {control}>&-
    [ "$answer" = ok ]
}


# A node has met all others, without a handshake under way.

acquainted() {                                  # PORT
    [ "$(redis_at "$1" cluster nodes | grep -cE 'master - .* connected')" = \
        "${#cluster_ports[@]}" ]
}


# A node knows who has every slot and who is whose replica.

settled() {                                     # PORT
    redis_at "$1" cluster info | grep -q 'cluster_state:ok' &&
        [ "$(redis_at "$1" cluster nodes | grep -c slave)" = \
            "$((${#cluster_ports[@]} - 3))" ] &&
        [ "$(redis_at "$1" cluster slots | grep -cxE '[0-9a-f]{40}')" = \
            "${#cluster_ports[@]}" ]
}


slot_of() {                                     # KEY
    redis_at "$(running "${cluster_ports[@]}")" cluster keyslot "$1"
}


owner_of() {                                    # SLOT
    redis_at "$(running "${cluster_ports[@]}")" cluster nodes |
        awk -v slot="$1" '
            $3 !~ /master/ || $3 ~ /fail/ { next }

            {
                for (i = 9; i <= NF; i++) {
                    n = split($i, range, "-")

                    if ($i !~ /^\[/ && slot + 0 >= range[1] + 0 &&
                        slot + 0 <= range[n] + 0)
                    {
                        split($2, address, "[:@]")
                        print address[2]
                    }
                }
            }'
}


begin_move() {                                  # SLOT PORT
    local from

    from=$(owner_of "$1")

    redis_at "$2" cluster setslot "$1" importing \
        "$(redis_at "$from" cluster myid)" > /dev/null &&
        redis_at "$from" cluster setslot "$1" migrating \
            "$(redis_at "$2" cluster myid)" > /dev/null
}


move_keys() {                                   # SLOT PORT
    local from keys

    from=$(owner_of "$1")

    while mapfile -t keys < <(redis_at "$from" cluster getkeysinslot "$1" 100)
        [ -n "${keys[0]-}" ]
    do
        redis_at "$from" migrate 127.0.0.1 "$2" "" 0 5000 keys "${keys[@]}" \
            > /dev/null
    done
}


# The new owner hears of it first, as the manual of SETSLOT wants.

end_move() {                                    # SLOT PORT
    local from id port

    from=$(owner_of "$1")
    id=$(redis_at "$2" cluster myid)

    for port in "$2" "$from" "${cluster_ports[@]:0:3}"; do
        [ -z "$(running "$port")" ] ||
            redis_at "$port" cluster setslot "$1" node "$id" > /dev/null
    done
}


move_slot() {                                   # SLOT PORT
    begin_move "$@" && move_keys "$@" && end_move "$@"
}
