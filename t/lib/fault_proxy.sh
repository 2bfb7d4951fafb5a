# A proxy between the gateway and Redis, or others, that spoils what passes; see
# fault_proxy.
#
#     start_proxy [ADDRESS]  listens on $proxy_port, for $redis_port
#     fault NAME [ARGUMENT] [all | tracker | commands]

start_proxy() {
    proxy_port=$(free_port)
    proxy_control=$(free_port)

    background "$top/t/lib/fault_proxy" "${1:-127.0.0.1}:$proxy_port" \
        "$redis_port" "$proxy_control"

    wait_for listens "$proxy_control"
}


fault() {                                       # NAME [ARGUMENT] [WHO]
    local control answer

    exec {control}<> "/dev/tcp/127.0.0.1/$proxy_control"
    echo "$*" >&$control
    read -r -t 5 answer <&$control
    exec {control}>&-

    [ "$answer" = ok ] || {
        echo "Bail out! fault_proxy: $answer"
        exit 1
    }
}
