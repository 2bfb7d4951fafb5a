#!/bin/bash
#
# How fast the downloads of a tenant are, and how many there are at once, as its
# record says: nobody is refused, and no seat is lost.

. "$(dirname "$0")/../lib/ledger.sh"

blob=/v2/acme/app/blobs/sha256:$(printf %064d 1)

make_file "${blob#/}" 200000
make_file v2/acme/app/manifests/1 1000

"$NGX_REGISTRY" tenant set acme --bandwidth 100kB/s > /dev/null
"$NGX_REGISTRY" tenant set other > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)
other=$("$NGX_REGISTRY" key create --tenant other --role registry-admin)

workers=2
server_extra='
location /v2/acme/slow/ {
    registry   on;
    limit_rate 50k;
    rewrite    ^/v2/acme/slow/(.*) /v2/acme/app/$1 break;
    proxy_pass http://127.0.0.1:$backend;
}'


# Prints the status and how many tenths of a second it took.

timed() {                                       # KEY [CURL-OPTIONS]
    curl -sk -o /dev/null -m 60 -w '%{http_code} %{time_total}\n' -u "x:$1" \
        "${@:2}" | awk '{ print $1, int($2 * 10) }'
}


at_least() {                                    # TENTHS "STATUS TENTHS"
    [ "${2% *}" = 200 ] && [ "${2#* }" -ge "$1" ]
}


downloads() {                                   # COUNT [CURL-OPTIONS]
    local i

    for ((i = 0; i < $1; i++)); do
        timed "$key" "${@:2}" &
    done
    wait
}


start_ledger


# bandwidth: the first second's bytes come at once

took=$(timed "$key" "$url$blob")
at_least 9 "$took"; ok $? "200 kB take a second at 100 kB/s: $took"
took=$(timed "$key" --http2 "$tls$blob")
at_least 9 "$took"; ok $? "by HTTP/2, too: $took"
took=$(timed "$key" "$url${blob/app/slow}")
at_least 25 "$took"; ok $? "what nginx says of it holds where it is less: $took"
took=$(timed "$other" "$url$blob")
[ "${took#* }" -lt 9 ]; ok $? "another tenant has none: $took"

"$NGX_REGISTRY" tenant set acme --bandwidth 1GB/s > /dev/null
fast() { took=$(timed "$key" "$url$blob"); [ "${took#* }" -lt 9 ]; }
runs "a change holds for the next download" wait_for fast


# downloads

"$NGX_REGISTRY" tenant set acme --bandwidth 100kB/s --downloads 2 > /dev/null
slow() { ! fast; }
wait_for slow

begin=${EPOCHREALTIME/./}
is "$(downloads 6 "$url$blob" | cut -d ' ' -f 1 | sort | uniq -c | xargs)" \
   "6 200" "two at once: six are served"
took=$(((${EPOCHREALTIME/./} - begin) / 100000))
[ $took -ge 27 ]; ok $? "one pair after the other: $took"

begin=${EPOCHREALTIME/./}
curl -sk --http2 --parallel --parallel-immediate -m 60 -u "x:$key" \
    -o /dev/null "$tls$blob" -o /dev/null "$tls$blob" -o /dev/null "$tls$blob" \
    -o /dev/null "$tls$blob"
ok $? "four in one connection of HTTP/2"
took=$(((${EPOCHREALTIME/./} - begin) / 100000))
[ $took -ge 18 ]; ok $? "are two and two as well: $took"

downloads 2 "$url$blob" > /dev/null &
busy=$!
sleep 0.3
is "$(timed "$key" -I "$url$blob" | cut -d ' ' -f 1)" 200 "HEAD does not wait"
took=$(timed "$key" "$url/v2/acme/app/manifests/1")
[ "${took#* }" -lt 5 ]; ok $? "nor does a manifest: $took"
wait $busy


# seats of those who leave, wait and leave, or whose worker is killed

"$NGX_REGISTRY" tenant set acme --downloads 1 > /dev/null
sleep 1.2

for i in 1 2 3 4 5; do
    curl -s -o /dev/null -m 0.3 -u "x:$key" "$url$blob" &
    askers[i]=$!
done
wait "${askers[@]}"
took=$(timed "$key" "$url$blob")
like "$took" '^200 ' "clients leave, also while they wait: the next is served"
[ "${took#* }" -lt 40 ]; ok $? "soon: $took"

timed "$key" "$url$blob" > /dev/null &
sleep 0.3
pkill -KILL -P "$gateway_pid"
wait_for listens "$port"
took=$(timed "$key" "$url$blob")
like "$took" '^200 ' "a worker is killed: its seats are given up"
[ "${took#* }" -lt 40 ]; ok $? "soon: $took"

timed "$key" "$url$blob" > "$dir/first" &
first=$!
sleep 0.3
timed "$key" "$url$blob" > "$dir/second" &
second=$!
sleep 0.2
kill -HUP "$gateway_pid"
took=$(timed "$key" "$url$blob")
wait $first $second
is "$(cut -d ' ' -f 1 "$dir/first" "$dir/second" | xargs) ${took% *}" \
   "200 200 200" "a reload: who waits is served, and who comes"
[ "${took#* }" -ge 15 ]; ok $? "after those of before: $took"

is "$(grep -E '\[(alert|emerg)\]|Sanitizer' "$errors" |
      grep -v 'exited on signal 9')" "" "nginx complains of nothing"

finish
