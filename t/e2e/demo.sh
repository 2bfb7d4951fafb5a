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
run=$dir/run
host=127.0.0.1:$PORT


# Job control gives it a process group of its own, which Ctrl-C signals, and
# leaves SIGINT as it is at a terminal.

start() {                                       # COMMAND...
    rm -f "$dir/output"
    set -m
    "$@" > "$dir/output" 2>&1 &
    demo=$!
    set +m
    pids+=($demo)
    wait_for eval 'grep -q "key revoke" "$dir/output" || ! kill -0 $demo'
}


make_run() {
    make -s -C "$top" run PORT="$PORT" BACKEND_PORT="$BACKEND_PORT" RUN="$run"
}


listening() {                                   # PORT
    (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null && echo yes || echo no
}


ask() {                                         # COMMAND ARGUMENT...
    local command=$1

    shift
    skopeo --insecure-policy "$command" --authfile "$dir/auth.json" "$@"
}


# it starts, and the lines that it prints are right

start make_run
key=$(< "$run/demo.key")
gateway=$host
auth_file "$key" "$dir/auth.json"
oci_layout "$dir/image" amd64

is "$(listening "$PORT") $(listening "$BACKEND_PORT")" "yes yes" \
   "make run starts a gateway and a backend"
like "$(cat "$dir/output")" "$key" "it prints the key"
is "$(grep -oE 'docker (login|push|pull) .*' "$dir/output")" \
   "docker login --username demo --password-stdin $host < $run/demo.key
docker push $host/demo/hello:1
docker pull $host/demo/hello:1" "it prints the lines for docker"
runs "an image is pushed with the key" ask copy --dest-tls-verify=false \
    "oci:$dir/image:latest" "docker://$host/demo/hello:1"
is "$(cd "$top" && eval "$(grep -oE 'curl -u .*' "$dir/output" |
    sed 's/curl/curl -s/')")" '{"name":"demo/hello","tags":["1"]}' \
   "the line for curl works"
is "$(cd "$top" && eval "$(grep -E 'export|key list' "$dir/output")" |
    grep -c "$(key_id "$key")")" 1 "the line that lists the keys works"


# what is in its way is named, and left alone

fails "a taken port is named" "port $PORT of 127.0.0.1 is taken.*PORT=" \
    make_run
fails "the backend's too" \
    "port $BACKEND_PORT of 127.0.0.1 is taken.*BACKEND_PORT=" \
    env PORT="$(free_port)" BACKEND_PORT="$BACKEND_PORT" RUN="$dir/other" \
    "$top/scripts/demo"
fails "what is no port is named" "PORT=http is no port" \
    env PORT=http RUN="$dir/other" "$top/scripts/demo"
is "$(listening "$PORT") $(listening "$BACKEND_PORT")" "yes yes" \
   "the first one still runs"


# Ctrl-C stops everything; what was there is there again

kill -INT -- -$demo
wait $demo
is "$(listening "$PORT") $(listening "$BACKEND_PORT")" "no no" \
   "Ctrl-C stops both"
is "$(grep stopped "$dir/output")" "stopped; the state is in $run/" \
   "with one line, and no error"
is "$(pgrep -f "$run/" | xargs)" "" "and leaves no process behind"

start make_run
is "$(< "$run/demo.key")" "$key" "the next run has the same key"
runs "and the image" ask inspect --tls-verify=false \
    "docker://$host/demo/hello:1"


# one that ends, whatever the reason, ends the other

kill "$(< "$run/nginx.pid")"
wait $demo
is "$(($? != 0)) $(listening "$BACKEND_PORT")" "1 no" \
   "when nginx ends, the backend does too"
like "$(cat "$dir/output")" "has stopped; see $run/log/" "and it says why"


# a key that was revoked is replaced

REGISTRY_STORE=file:$run/store.json registry key revoke "$(key_id "$key")" \
    > /dev/null 2>&1
start make_run
is "$([ "$(< "$run/demo.key")" != "$key" ] && request GET /v2/ |
    head -n 1)" 401 "the revoked key is refused"
key=$(< "$run/demo.key")
is "$(request GET /v2/ | head -n 1)" 200 "a new one is not"
kill -TERM -- -$demo
wait $demo


# as a normal user

if [ "$(id -u)" = 0 ]; then
    user=(setpriv --reuid=65534 --regid=65534 --clear-groups)

    if "${user[@]}" test -x "$NGX_REGISTRY"; then
        run=$dir/user
        chmod 755 "$dir"
        mkdir "$run"
        chown 65534:65534 "$run"
        start "${user[@]}" env PORT="$PORT" BACKEND_PORT="$BACKEND_PORT" \
            RUN="$run" "$top/scripts/demo"
        key=$(< "$run/demo.key")
        is "$(request GET /v2/ | head -n 1)" 200 "it runs as a normal user"
        is "$(stat -c '%u %a' "$run/demo.key")" "65534 600" \
           "who alone may read the key"
        kill -INT -- -$demo
        wait $demo
        is "$(listening "$PORT") $(listening "$BACKEND_PORT")" "no no" \
           "and stops"
    else
        ok 0 "it runs as a normal user # SKIP who may not read $top"
    fi
fi

finish
