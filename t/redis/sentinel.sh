#!/bin/bash
#
# The master that sentinels name: it is found, followed, and left when it is
# none any more.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"

# The gateway has a user of its own, so that a server can be cut off from the
# others and not from it; sentinels and replicas come as "default".

echo gateway-secret > "$dir/password"
fleet_conf="user gateway on >gateway-secret ~registry:* &__redis__:invalidate \
-@all +ping +role +get +client|id +client|tracking +subscribe
user admin on nopass ~* &* +@all"

admin() {                                       # PORT COMMAND...
    local port=$1

    shift
    redis_at "$port" --no-auth-warning --user admin --pass x "$@"
}

redis() {
    admin "$redis_port" "$@"
}

tracks() {                                      # PORT
    [ "$(admin "$1" client list type pubsub | grep -c 'user=gateway')" = \
        "$workers" ]
}

tracked() {
    [ -n "${untracked-}" ] || tracks "$redis_port"
}

answers() {                                     # STATUS KEY
    [ "$(status_of "$2")" = "$1" ]
}

begins_failover() {
    [ "$(redis_at "${sentinel_ports[0]}" sentinel failover registry)" = OK ]
}

refusals() {                                    # PORT
    grep -c "connect() failed.*:$1\"" "$errors"
}

refuses() {                                     # PORT
    [ "$(refusals "$1")" -ge $((before + 2)) ]
}

keys=()

new_keys() {                                    # N
    local i

    for ((i = 0; i < $1; i++)); do
        keys+=("$(new_key --tenant acme --role image-puller)")
    done
}


# Requests one after the other, until there is $dir/enough.

requests() {                                    # KEY
    while [ ! -e "$dir/enough" ]; do
        echo "$(status_of "$1")" >> "$dir/answers"
    done
}

start_requests() {                              # KEY
    rm -f "$dir/enough" "$dir/answers"
    background requests "$1"
    requests_pid=$!
    wait_for test -s "$dir/answers"
}

all_answers() {
    touch "$dir/enough"
    wait "$requests_pid"
    sort -u "$dir/answers"
}


start_sentinels
redis_port=$(master_port)

"$NGX_REGISTRY" tenant set acme > /dev/null
new_keys 10
copy_records
copied() { [ "$(redis wait 2 100)" = 2 ]; }
wait_for copied

workers=2
options="user=gateway password_file=$dir/password timeout=2s"
start_gateway "$sentinel_url $options"

key=${keys[0]}
is "$(status_of "$key")" 200 "the master is found, by sentinels without AUTH"

for i in {1..20}; do status_of "$key" > /dev/null; done
reset_calls
for i in {1..20}; do status_of "$key" > /dev/null; done
is "$(calls get)" 0 "warm requests ask nothing"

status_of "${keys[1]}" > /dev/null
revoke "${keys[1]}"
is "$(status_of "${keys[1]}")" 401 "a revocation is heard"


# the master is killed

status_of "${keys[2]}" > /dev/null
start_requests "$key"
old=$redis_port
kill_member "$old"
runs "the master is killed, and another promoted" wait_for promoted "$old"
redis_port=$(master_port)
revoke "${keys[2]}"
runs "a key revoked there is refused" wait_for answers 401 "${keys[2]}"
runs "one that was not known is there again" wait_for answers 200 "${keys[3]}"
runs "each worker follows" wait_for tracks "$redis_port"
revoke "${keys[3]}"
is "$(status_of "${keys[3]}")" 401 "and hears of changes"
is "$(all_answers)" 200 "a known key was served at any time"

start_member "$old"
runs "the old one comes back as a replica" wait_for follows "$old"


# another is made the master by command

status_of "${keys[4]}" > /dev/null
start_requests "$key"
old=$redis_port
for port in "${sentinel_ports[@]}"; do wait_for knows_all "$port"; done
wait_for begins_failover
runs "a failover by command" wait_for promoted "$old"
redis_port=$(master_port)
runs "the old master is a replica" wait_for follows "$old"
revoke "${keys[4]}"
runs "a key revoked on the new one is refused" wait_for answers 401 "${keys[4]}"
is "$(all_answers)" 200 "a known key was served at any time"
runs "and each worker follows" wait_for tracks "$redis_port"


# a server is a replica while the sentinels still name it

for port in "${sentinel_ports[@]}"; do kill_member "$port"; done
status_of "${keys[5]}" > /dev/null
demotions() { grep -cE 'Redis at "127.0.0.1:[0-9]*" is no master' "$errors"; }
seen=$(demotions)
redis replicaof 127.0.0.1 "$old" > /dev/null
runs "the master is made a replica unheard, which ROLE tells every worker" \
    wait_for eval '[ "$(demotions)" -ge $((seen + workers)) ]'
wait_for follows "$redis_port"
is "$(status_of "${keys[6]}")" 503 "it is not asked for what is not known"
is "$(status_of "$key")" 200 "what is known is served"
redis replicaof no one > /dev/null
revoke "${keys[5]}"
runs "a master again: it answers" wait_for answers 200 "${keys[6]}"
is "$(status_of "${keys[5]}")" 401 "with what has changed meanwhile"
admin "$old" replicaof 127.0.0.1 "$redis_port" > /dev/null
for port in "${sentinel_ports[@]}"; do start_member "$port"; done
for port in "${sentinel_ports[@]}"; do wait_for knows_all "$port"; done
wait_for follows "$old"
wait_for tracks "$redis_port"


# an old master that is cut off from all but the gateway

status_of "${keys[7]}" > /dev/null
for port in "${sentinel_ports[@]}"; do wait_for knows_all "$port"; done
old=$redis_port
admin "$old" acl setuser default off > /dev/null
admin "$old" client kill user default > /dev/null
is "$(admin "$old" role | head -1)" master "a master is cut off"
runs "another is promoted" wait_for promoted "$old"
redis_port=$(master_port)
revoke "${keys[7]}"
runs "a key revoked there is refused" wait_for answers 401 "${keys[7]}"
is "$(admin "$old" role | head -1)" master "though the old one says it is one"
like "$(admin "$old" get "registry:key:$(key_id "${keys[7]}")")" \
    '"created_at":"[^"]*"\}$' "and knows nothing of it"
wait_for tracks "$redis_port"


# no sentinel is left

before=$(refusals "${sentinel_ports[0]}")
for port in "${sentinel_ports[@]}"; do kill_member "$port"; done
runs "no sentinel is left" wait_for refuses "${sentinel_ports[0]}"
is "$(status_of "${keys[8]}")" 200 "the master that is known is asked"
revoke "${keys[8]}"
is "$(status_of "${keys[8]}")" 401 "and listened to"
stop_gateway
untracked=1
start_gateway "$sentinel_url $options"
is "$(status_of "$key")" 503 "who begins without a sentinel has no master"
stop_gateway

for port in "${sentinel_ports[@]}"; do start_member "$port"; done


# a name that no sentinel knows

start_gateway "${sentinel_url%/*}/other $options"
is "$(status_of "$key")" 503 "no sentinel knows the name"
logged 'does not name the master "other": ERR No such master with that name'
ok $? "the log says so"
stop_gateway


# sentinels that want a password

for port in "${sentinel_ports[@]}"; do
    redis_at "$port" acl setuser gateway on '>gateway-secret' -@all +auth \
        +ping '+sentinel|master' '+sentinel|get-master-addr-by-name' \
        > /dev/null
    redis_at "$port" acl setuser default off > /dev/null
done

served() { [ "$(status_of "${keys[9]}")" = 200 ]; }

start_gateway "${sentinel_url/127.0.0.1/localhost} $options"
wait_for served
is "$(status_of "${keys[9]}")" 200 "sentinels that want a password get ours"
stop_gateway

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"
! grep -q gateway-secret "$errors"
ok $? "no password in the log"

finish
