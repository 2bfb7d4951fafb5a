# A gateway on the cluster of redis_fleet.sh, with the user of docs/redis.acl.
# Sourced after both; start_cluster comes next.
#
#     $options                    of registry_store
#     redis COMMAND...            redis-cli as one who may do everything, which
#                                 follows redirections
#     calls COMMAND, reset_calls  of the whole cluster
#     errors_of WORD              how many errors began so, since then
#     record_of KEY               the name of its record
#     owner_of_key KEY            the port of the primary that has it
#     all_served NAME COUNT       the gateway lets them all in
#     tracks PORT                 each worker has a tracker there

echo gw-secret > "$dir/gw"
chmod 644 "$dir/gw"

fleet_conf="$(sed -n 's/^user gateway on/& >gw-secret/p' "$top/docs/redis.acl")"
options="user=gateway password_file=$dir/gw"


redis() {
    redis_at "$(running "${cluster_ports[@]}")" -c "$@"
}


tracked() {
    local port

    for port in "${cluster_ports[@]:0:3}"; do
        [ -n "${untracked-}" ] || tracks "$port" || return 1
    done
}


tracks() {                                      # PORT
    [ "$(redis_at "$1" client list type pubsub | grep -c 'user=gateway')" = \
        "$workers" ]
}


calls() {                                       # COMMAND
    statistics commandstats "cmdstat_$1:calls"
}


errors_of() {                                   # WORD
    statistics errorstats "errorstat_$1:count"
}


statistics() {                                  # SECTION NAME
    local port

    for port in "${cluster_ports[@]}"; do
        [ -z "$(running "$port")" ] || redis_at "$port" info "$1"
    done | sed -n "s/^$2=\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}


reset_calls() {
    local port

    for port in "${cluster_ports[@]}"; do
        [ -z "$(running "$port")" ] ||
            redis_at "$port" config resetstat > /dev/null
    done
}


record_of() {                                   # KEY
    echo "registry:key:$(key_id "$1")"
}


owner_of_key() {                                # KEY
    owner_of "$(slot_of "$(record_of "$1")")"
}


all_served() {                                  # NAME COUNT
    local i

    for ((i = 1; i <= $2; i++)); do
        [ "$(status_of "${key_of[$1$i]}")" = 200 ] || return 1
    done
}
