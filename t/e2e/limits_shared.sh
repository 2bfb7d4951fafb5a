#!/bin/bash
#
# One limit, several workers: they let pass what one would, also while one of
# them is killed and while nginx is reloaded, and a reload forgets nothing.

set -uo pipefail
. "$(dirname "$0")/../lib/nginx.sh"

rate=100                                        # in 31 days
asked=400
port=$(free_port)
passed=$dir/passed.log

mkdir "$dir/tmp"

cat > "$dir/nginx.conf" <<END
$(nginx_user)
pid               $dir/nginx.pid;
load_module       $MODULE;
worker_processes  4;

events { }

http {
    $(nginx_paths "$dir/tmp")
    access_log  off;

    log_format  passed  '\$uri';

    server {
        listen      unix:$dir/backend.sock;
        access_log  $passed  passed;
        return      200 "passed\n";
    }

    server {
        listen  127.0.0.1:$port reuseport;

        location /v2/ {
            registry        on;
            registry_auth   off;
            registry_limit  LIMIT count=request per=repository rate=$rate/31d;
            proxy_pass      http://unix:$dir/backend.sock:;
        }
    }
}
END


# So many requests for a repository, all at once; prints how many were answered
# with which status.  A connection to a worker that is killed has none.

ask() {                                         # REPOSITORY COUNT
    local i

    for ((i = 0; i < $2; i++)); do
        printf 'url = "http://127.0.0.1:%s/v2/%s/tags/list"\n' "$port" "$1"
        printf 'output = "/dev/null"\nwrite-out = "%%{http_code}\\n"\n'
        [ $((i + 1)) = "$2" ] || echo next
    done > "$dir/curl.$1"

    curl -s -Z --parallel-max 50 -K "$dir/curl.$1" 2> /dev/null |
        sort | uniq -c | awk '{ print $2 "=" $1 }' | xargs
}


# How many of them reached the backend.

reached() {                                     # REPOSITORY
    grep -cx "/v2/$1/tags/list" "$passed"
}


workers() {
    ps -o pid= --ppid "$nginx_pid"
}


sed -i "s/LIMIT/calls/" "$dir/nginx.conf"
start_nginx "$dir/nginx.conf" "$port" "$dir/error.log" || {
    diag "$(cat "$dir/error.log")"
    exit 1
}

is "$(ask all $asked)" "200=$rate 429=$((asked - rate))" \
   "four workers let pass what one would"
is "$(reached all)" "$rate" "and the backend saw no more"
is "$(ask other 10)" "200=10" "others are counted on their own"


# a worker is killed, again and again, while they are busy

for i in 1 2 3 4 5; do
    ask killed $((asked / 5)) > "$dir/answers.$i" &
    asker=$!
    victim=$(workers | head -n 1)
    [ -z "$victim" ] || kill -KILL "$victim"
    wait $asker
done

# what a dead worker had taken and not passed on is lost

ask killed $asked > /dev/null
ok $(($(reached killed) > rate)) \
   "workers are killed: no more than the rate passes"
is "$(ask killed 5)" "429=5" "the others go on"
is "$(ask after $asked)" "200=$rate 429=$((asked - rate))" \
   "and let pass what one would"


# a reload, while they are busy and afterwards

ask reloaded $asked > "$dir/answers" &
asker=$!

for i in 1 2 3; do
    kill -HUP "$nginx_pid"
    sleep 0.2
done

wait $asker
ask reloaded $asked > /dev/null
is "$(reached reloaded)" "$rate" "a reload forgets nothing, and counts nothing twice"
is "$(ask all 5)" "429=5" "nor does it forget those from before"


# what forgets: another rate, or a zone of another size

sed -i "s|rate=$rate/31d|rate=7/31d|" "$dir/nginx.conf"
kill -HUP "$nginx_pid"


refills() {
    [ "$(ask again$RANDOM 10)" = "200=7 429=3" ]
}


ok "$(wait_for refills; echo $?)" "another rate is in force after a reload"
is "$(ask all 10)" "200=7 429=3" "and begins anew"
sed -i "s|rate=7/31d|& zone=64k|" "$dir/nginx.conf"
before=$(workers)
kill -HUP "$nginx_pid"


# Workers of before have gone.

renewed() {
    [ -z "$(comm -12 <(sort <<< "$before") <(workers | sort))" ]
}


wait_for renewed
is "$(ask all 10)" "200=7 429=3" "another zone as well"

is "$(grep -E '\[(emerg|alert|crit)\]' "$dir/error.log" |
      grep -v 'exited on signal 9')" "" "nginx complains of nothing else"

finish
