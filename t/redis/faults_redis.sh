#!/bin/bash
#
# What Redis itself may come to, each done to a real one: it hangs, is busy or
# killed, refuses, cannot write to its disk or has no memory, loads its data,
# comes back empty, changes a password, becomes a replica, or is another one at
# the same address.  Who is known is served, and nobody is told "no such key"
# who was not looked for.
#
# With FAULTS_LONG=1 it is away for a minute, under load.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/fault_proxy.sh"
. "$(dirname "$0")/../lib/many_keys.sh"
. "$(dirname "$0")/../lib/bound.sh"

LONG=${FAULTS_LONG:-}

redis_options=(
    --repl-diskless-sync-delay 0 --enable-protected-configs yes
    --user gateway on '>secret' '~registry:*' '&__redis__:invalidate' -@all
    +ping +role +get +subscribe '+client|id' '+client|tracking'
)
start_redis "${redis_options[@]}"
first_port=$redis_port
start_proxy
put_keys known 1
put_keys cold 99
put_keys victim 20
make_keys never 99
next=0
victims=0

echo secret > "$dir/password"
http_extra='registry_cache negative=1s;'
start_gateway "redis://127.0.0.1:$proxy_port timeout=2s user=gateway \
password_file=$dir/password"


warm() {
    reset_calls
    served "${key_of[known1]}" && [ "$(calls get)" = 0 ]
}


asked() {
    reset_calls
    served "${key_of[known1]}" && [ "$(calls get)" = 2 ]
}


# What one who is known gets, one who is not yet, and one who does not exist.

answers_are() {                                 # ANSWERS
    next=$((next + 1))
    answers="$(status_of "${key_of[known1]}")"
    answers+=" $(status_of "${key_of[cold$next]}")"
    answers+=" $(status_of "${key_of[never$next]}")"

    [ "$answers" = "$1" ]
}


away() {                                        # NAME
    answers_are "200 503 503"
    ok $? "$1"
    diag "$answers"
}


next_victim() {
    victim=${key_of[victim$((++victims))]}
    wait_for warm && wait_for served "$victim"
}


well() {                                        # NAME
    wait_for answers_are "200 200 401" && wait_for warm
    ok $? "$1"
}


# The gateway has to connect anew.

cut_off() {
    redis client kill user gateway > /dev/null
}


replies() {                                     # COMMAND... TEXT
    [[ $(redis "${@:1:$# - 1}" 2>&1) = *"${!#}"* ]]
}

is "$(status_of "${key_of[known1]}")" 200 "a key is known"
wait_for warm


# It hangs

kill -STOP "$redis_pid"
away "SIGSTOP: Redis hangs"
kill -CONT "$redis_pid"
well "and goes on"


# A script that does not end

redis config set busy-reply-threshold 50 > /dev/null
background redis eval 'while true do end' 0 > /dev/null 2>&1
runs "BUSY: a script runs for ever" wait_for replies ping BUSY
away "Redis answers nothing else"
redis script kill > /dev/null
well "and goes on without it"


# It refuses

redis acl setuser gateway -get > /dev/null
away "NOPERM: no permission is not \"no such key\""
runs "the log says so" wait_for logged 'Redis refuses a lookup: NOPERM'
redis acl setuser gateway +get > /dev/null
well "permitted again"

next_victim
redis client kill type pubsub > /dev/null
revoke "$victim"
seen_within $LEASE "$victim" "CLIENT KILL: what the tracker missed is seen"


# It cannot write to its disk: PING is refused then, reading is not

mkdir "$dir/data"
redis config set dir "$dir/data" > /dev/null
rmdir "$dir/data"
redis config set save '3600 1' > /dev/null
redis set other 1 > /dev/null
redis bgsave > /dev/null
runs "MISCONF: Redis cannot write to its disk" \
    wait_for replies ping MISCONF
cut_off
well "all is asked for, and the tracker has its lease"
redis config set save '' > /dev/null
redis config set dir "$dir" > /dev/null
next_victim
revoke "$victim"
wait_for refused "$victim"
ok $? "and has heard of all when that is over"


# It has no memory

redis config set maxmemory 1 > /dev/null
runs "OOM: nothing can be written" replies set other 2 OOM
cut_off
well "what is there can be asked for"
redis config set maxmemory 0 > /dev/null
well "and all is well with memory"


# It loads its data, which takes its time

redis eval 'for i = 1, 1000 do redis.call("set", "filler:" .. i, i) end' 0 \
    > /dev/null
redis save > /dev/null
stop "$redis_pid" KILL
start_redis "${redis_options[@]}" --key-load-delay 20000 \
    --loading-process-events-interval-bytes 1024
runs "LOADING: Redis is back, and loads" replies ping LOADING
away "nothing is said of who is not known"
away "nor a second time"
redis config set key-load-delay 0 > /dev/null
wait_for replies ping PONG
well "when it has them all is well"


# It comes back empty.  That is no fault: so a key is removed for good.

records=$(redis --scan --pattern 'registry:*' | while read -r name; do
    echo "SET $name '$(redis get "$name")'"
done)
stop "$redis_pid" KILL
away "Redis is killed"
is "$(curl -si -m 5 -u "x:${key_of[cold99]}" "$url/v2/acme/app/manifests/1" |
        tr -d '\r' | sed -n 's/^HTTP[^ ]* //p; /^Retry-After/p; $p')" \
   '503 Service Temporarily Unavailable
Retry-After: 1
{"errors":[{"code":"UNAVAILABLE",'`
    `'"message":"the service is temporarily unavailable"}]}' \
   "clients are told when to come again"
rm -f "$dir/dump.rdb"
start_redis "${redis_options[@]}"
runs "it comes back empty: there are no keys" \
    wait_for refused "${key_of[known1]}"
redis <<< "$records" > /dev/null
well "they are restored"


# The password is another

redis acl setuser gateway resetpass '>other' > /dev/null
cut_off
away "WRONGPASS: the password has changed"
runs "the log says why" wait_for logged 'refuses AUTH: wrong user or password'
echo other > "$dir/password"
well "the file has the new one: all is well without a reload"

user=$(redis acl list | grep ' gateway ' | cut -d ' ' -f 3-)
redis acl deluser gateway > /dev/null
away "the user is gone"
redis acl setuser gateway $user > /dev/null
well "and back"
is "$(grep -cE 'secret|other"' "$errors")" 0 "no password is in the log"


# It becomes a replica of a new master.  It still answers the tracker, but the
# lease is over, and each record is asked for.

redis_port=$(free_port)
second_port=$redis_port
pid_of_first=$redis_pid
start_redis "${redis_options[@]}" --replicaof 127.0.0.1 "$first_port"
wait_for replies role connected
redis acl setuser gateway resetpass '>other' > /dev/null
redis_port=$first_port
next_victim
redis -p "$second_port" replicaof no one > /dev/null
redis replicaof 127.0.0.1 "$second_port" > /dev/null
runs "REPLICAOF: the tracker is still connected" tracked
runs "but its lease is over" wait_for asked
wait_for replies role connected
redis_port=$second_port
revoke "$victim"
redis wait 1 5000 > /dev/null
runs "a revocation at the new master is seen" refused "$victim"
redis_port=$first_port
redis replicaof no one > /dev/null
well "a master again: all is well"


# What stands before Redis leads to another one: commands have connected again,
# the tracker has not, and what it is connected to hears of nothing any more

redis -p "$second_port" replicaof 127.0.0.1 "$first_port" > /dev/null
redis_port=$second_port
wait_for replies role connected
redis_port=$first_port
next_victim
redis -p "$second_port" replicaof no one > /dev/null
redis replicaof 127.0.0.1 1 > /dev/null
fault target "$second_port"
fault reset commands
fault pass
redis_port=$second_port
wait_for replies client list user=gateway
revoke "$victim"
seen_within $LEASE "$victim" "another Redis at the address: it is heard of"
well "and all is well there"


# The same with a Redis that may say who it is.  Then a connection for commands
# that breaks is no reason to ask for all anew.

redis acl setuser gateway +info > /dev/null
redis -p "$first_port" acl setuser gateway +info > /dev/null
cut_off
next_victim
redis client kill type normal user gateway > /dev/null
reset_calls
wait_for eval '[ "$(calls role)" -gt 1 ]'
reset_calls
served "$victim"
is "$? $(calls get)" "0 0" "INFO: who is known stays so without a connection"

redis -p "$first_port" replicaof 127.0.0.1 "$second_port" > /dev/null
redis_port=$first_port
wait_for replies role connected
redis -p "$first_port" replicaof no one > /dev/null
redis -p "$second_port" replicaof 127.0.0.1 1 > /dev/null
fault target "$first_port"
fault reset commands
fault pass
wait_for replies client list user=gateway
revoke "$victim"
seen_within $LEASE "$victim" "another Redis, which says so, is heard of, too"


# It is away for long, and the workers are replaced meanwhile

served "${key_of[known1]}"
served "${key_of[victim20]}"
stop "$pid_of_first" KILL
[ -n "$LONG" ] && time=60 || time=3
(sleep $((time / 2)); kill -HUP "$gateway_pid") &
ab -q -r -t $time -n 99999999 -c 20 -A "x:${key_of[known1]}" \
    "$url/v2/acme/app/manifests/1" > "$dir/ab.log" 2>&1
requests=$(sed -n 's/^Complete requests: *//p' "$dir/ab.log")
wait $!
is "$(grep -c 'Non-2xx' "$dir/ab.log") $((requests > 100))" "0 1" \
   "Redis is away for $time s, with a reload: all of $requests are served"
is "$(status_of "${key_of[victim20]}")" 200 \
   "a worker that has begun meanwhile knows whom others knew"

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
