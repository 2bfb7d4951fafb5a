#!/bin/bash
#
# "make run": it starts, says how to use it, keeps its state, leaves other
# processes alone, and stops everything.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

# so that it is not compiled while a test waits

make -s -C "$top" module tool > /dev/null

PORT=$(free_port)
BACKEND_PORT=$(free_port)
REDIS_PORT=$(free_port)
gateway=127.0.0.1:$PORT
run=$dir/run
output=$dir/output


# Job control gives it a process group of its own, which Ctrl-C signals, and
# leaves SIGINT as it is at a terminal.

start() {                                       # COMMAND...
    rm -f "$output"
    set -m
    background "$@" > "$output" 2>&1
    demo=$!
    set +m
    wait_for eval 'grep -q "key revoke" "$output" || ! kill -0 $demo'
}


# As Ctrl-C does, and what else ends it; its status is that of this.

signal() {                                      # SIGNAL
    kill -"$1" -- -$demo
    wait $demo
}


make_run() {                                    # [SETTING]...
    make -s -C "$top" run PORT="$PORT" BACKEND_PORT="$BACKEND_PORT" \
        REDIS_PORT="$REDIS_PORT" RUN="$run" "$@"
}


# The script alone, with other settings than the one that runs.

demo() {                                        # SETTING...
    env PORT="$PORT" BACKEND_PORT="$BACKEND_PORT" RUN="$dir/other" "$@" \
        "$top/scripts/demo"
}


listening() {                                   # PORT...
    local port

    for port; do
        ! listens "$port" || echo "$port"
    done
}


# Lines that were printed, from the directory they are for.

printed() {                                     # EXTENDED-REGEX
    (cd "$top" && eval "$(grep -oE "$1" "$output")")
}


# The session that is printed: what a new user does first.

try_session() {                                 # KEY-FILE
    key=$(< "$1")
    auth_file "$key" "$dir/demo.json"

    like "$(< "$output")" "$key" "it prints the key"
    is "$(grep -oE 'docker (login|push|pull) .*' "$output")" \
       "docker login --username demo --password-stdin $gateway < $1
docker push $gateway/demo/hello:1
docker pull $gateway/demo/hello:1" "it prints the lines for docker"
    runs "an image is pushed with the key" \
        copy_image demo "oci:$dir/image:latest" "docker://$gateway/demo/hello:1"
    is "$(printed 'curl -u .*' 2> /dev/null)" \
       '{"name":"demo/hello","tags":["1"]}' "the line for curl works"
    is "$(printed '(export|build/ngx-registry key list).*' |
        grep -c "$(key_id "$key")")" 1 "the line that lists the keys works"
}


oci_layout "$dir/image" amd64


# it starts, and the lines that it prints are right

start make_run
is "$(listening "$PORT" "$BACKEND_PORT" | wc -l)" 2 \
   "make run starts a gateway and a backend"
try_session "$run/demo.key"


# what is in its way is named, and left alone

fails "a taken port is named" "port $PORT of 127.0.0.1 is taken.*PORT=" \
    make_run
fails "the backend's too" \
    "port $BACKEND_PORT of 127.0.0.1 is taken.*BACKEND_PORT=" \
    demo PORT="$(free_port)"
fails "what is no port is named" "PORT=http is no port" demo PORT=http
fails "what is no store is named" "STORE=mysql is no store; use file or redis" \
    demo PORT="$(free_port)" BACKEND_PORT="$(free_port)" STORE=mysql
is "$(listening "$PORT" "$BACKEND_PORT" | wc -l)" 2 "the first one still runs"


# Ctrl-C stops everything; what was there is there again

signal INT
is "$(listening "$PORT" "$BACKEND_PORT")" "" "Ctrl-C stops both"
is "$(grep stopped "$output")" "stopped; the state is in $run/" \
   "with one line, and no error"
is "$(pgrep -f "$run/" | xargs)" "" "and leaves no process behind"

start make_run
is "$(< "$run/demo.key")" "$key" "the next run has the same key"
runs "and the image" ask_image demo inspect "docker://$gateway/demo/hello:1"


# one that ends, whatever the reason, ends the other

kill "$(< "$run/nginx.pid")"
wait $demo
is "$(($? != 0)) $(listening "$BACKEND_PORT")" "1 " \
   "when nginx ends, the backend does too"
like "$(< "$output")" "has stopped; see $run/log/" "and it says why"


# a key that was revoked is replaced

REGISTRY_STORE=file:$run/store.json registry key revoke "$(key_id "$key")" \
    > /dev/null 2>&1
start make_run
is "$(status GET /v2/)" 401 "the revoked key is refused"
key=$(< "$run/demo.key")
is "$(status GET /v2/)" 200 "a new one is not"
signal TERM


# the same session with a Redis of its own

start make_run STORE=redis
is "$(listening "$PORT" "$BACKEND_PORT" "$REDIS_PORT" | wc -l)" 3 \
   "make run STORE=redis starts a Redis too"
try_session "$run/redis/demo.key"
like "$(redis-cli -p "$REDIS_PORT" get "registry:key:$(key_id "$key")" 2>&1)" \
    NOAUTH "who has no password reads nothing"
(cd "$top" && eval "$(grep -E '^ *(export|build/ngx-registry key revoke)' \
    "$output")") > /dev/null 2>&1
wait_for eval '[ "$(status GET /v2/)" = 401 ]'
is "$(status GET /v2/)" 401 "the line that revokes the key works"
signal INT
is "$(listening "$PORT" "$BACKEND_PORT" "$REDIS_PORT")" "" \
   "Ctrl-C stops all three"
start make_run STORE=redis
is "$(status GET /v2/)" 401 "the next run has the same records"
key=$(< "$run/redis/demo.key")
is "$(status GET /v2/)" 200 "and a key that is not revoked"
signal TERM
is "$(pgrep -f "$run/" | xargs)" "" "no process is left behind"


# as a normal user

if [ "$EUID" = 0 ]; then
    user=(setpriv --reuid=65534 --regid=65534 --clear-groups)

    if "${user[@]}" test -x "$NGX_REGISTRY"; then
        run=$dir/user
        mkdir "$run"
        chown 65534:65534 "$run"
        start "${user[@]}" env PORT="$PORT" BACKEND_PORT="$BACKEND_PORT" \
            RUN="$run" "$top/scripts/demo"
        key=$(< "$run/demo.key")
        is "$(status GET /v2/)" 200 "it runs as a normal user"
        is "$(stat -c '%u %a' "$run/demo.key")" "65534 600" \
           "who alone may read the key"
        signal INT
        is "$(listening "$PORT" "$BACKEND_PORT")" "" "and stops"
    else
        ok 0 "it runs as a normal user # SKIP who may not read $top"
    fi
fi

finish
