# Several gateways and one Redis, for tests of limits that they have together.
# Nobody needs a key; the backend answers everything with 200.
#
#     location NAME LIMITS       repositories NAME/... have these limits
#     start_fleet COUNT          of gateway N, from 0 on, the port is
#                                ${gateway_port[N]}, the pid ${gateway_pids[N]}
#                                and the log $dir/N.log; each knows of all
#     ask N REPOSITORY COUNT     so many requests at once; prints how many were
#                                answered with which status: "200=5 429=10"
#     passed REPOSITORY          how many reached the backend
#     granted LIMIT REPOSITORY   how many permits Redis has granted of a limit
#                                per repository, in a window of 31 days
#     counter FAMILY LIMIT       what the metrics of all gateways add up to
#     log_lines TEXT             how many lines of all logs have it
#
# $redis_options are options of the store, $redis_url is another one than that of
# $redis_port.  With $fleet_ledger each has a ledger, $dir/ledgerN, with these
# options; $fleet_body is what the backend sends.

gateway_port=()
gateway_pids=()
redis_options="timeout=5s"
passed_log=$dir/passed.log
redis_url=
fleet_locations=
fleet_ledger=
fleet_body=


location() {                                    # NAME LIMITS
    fleet_locations+="location /v2/$1/ { $2 proxy_pass http://BACKEND:; } "
}


start_fleet() {                                 # COUNT
    local n

    : > "$passed_log"

    for ((n = 0; n < $1; n++)); do
        gateway_port[n]=$(free_port)
        fleet_conf "$n" > "$dir/$n.conf"
        start_nginx "$dir/$n.conf" "${gateway_port[n]}" "$dir/$n.log"
        gateway_pids[n]=$nginx_pid
    done

    # each says that it is here, and hears of the others when it says so again

    wait_for hosts_are "$1" 0 &&
        wait_for hosts_are "$1" "$(redis time | head -n 1)"
}


hosts_are() {                                   # COUNT SINCE
    [ "$(redis zcount registry:limit:hosts "($2" +inf)" = "$1" ]
}


fleet_conf() {                                  # N
    local ledger=

    mkdir -p "$dir/tmp$1"

    if [ -n "$fleet_ledger" ]; then
        mkdir -p "$dir/ledger$1"
        ledger="registry_ledger $dir/ledger$1 $fleet_ledger;"
    fi

    cat <<END
$(nginx_user)
load_module       $MODULE;
worker_processes  2;
pid               $dir/$1.pid;
error_log         $dir/$1.log notice;

events { }

http {
    access_log      off;
    $(nginx_paths "$dir/tmp$1")
    registry_store  ${redis_url:-redis://127.0.0.1:$redis_port} $redis_options;
    $ledger
    log_format      passed  '\$uri';

    server {
        listen      unix:$dir/backend$1.sock;
        access_log  $passed_log  passed;
        return      200 "$fleet_body";
    }

    server {
        listen         127.0.0.1:${gateway_port[$1]} reuseport;
        registry       on;
        registry_auth  off;

        location = /metrics {
            registry         off;
            registry_metrics;
        }

        ${fleet_locations//BACKEND/unix:$dir/backend$1.sock}
    }
}
END
}


ask() {                                         # N REPOSITORY COUNT
    local i list=$dir/curl.$BASHPID

    for ((i = 0; i < $3; i++)); do
        printf 'url = "http://127.0.0.1:%s/v2/%s/tags/list"\n' \
            "${gateway_port[$1]}" "$2"
        printf 'output = "/dev/null"\nwrite-out = "%%{http_code}\\n"\n'
        [ $((i + 1)) = "$3" ] || echo next
    done > "$list"

    curl -s -Z --parallel-max 20 -K "$list" 2> /dev/null |
        sort | uniq -c | awk '{ print $2 "=" $1 }' | xargs
}


passed() {                                      # REPOSITORY
    grep -cx "/v2/$1/tags/list" "$passed_log"
}


granted() {                                     # LIMIT REPOSITORY
    local key=$(redis --scan --pattern "registry:limit:$1:*:r=$2")
    local mark=$(redis get "$key") now=$(redis time | head -n 1)
    local count=${key#registry:limit:$1:}

    awk -v mark="${mark:-0}" -v now="$now" -v count="${count%%/*}" 'BEGIN {
        n = (mark - now) * count / (31 * 86400)
        print (n > 0 ? int(n + 0.999) : 0)
    }'
}


counter() {                                     # FAMILY LIMIT
    local port

    for port in "${gateway_port[@]}"; do
        curl -s "http://127.0.0.1:$port/metrics"
    done | awk -v sample="registry_limit_$1_total{limit=\"$2\"" '
        index($0, sample) == 1 { n += $NF }

        END { print n + 0 }'
}


log_lines() {                                   # TEXT
    cat "$dir"/[0-9]*.log | grep -cF "$1"
}
