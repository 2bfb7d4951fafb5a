#!/bin/bash
#
# ngx-registry on Redis: the same commands with the same output as on a file,
# and what only Redis has.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/session.sh"

start_redis --unixsocket "$dir/redis.sock"
plain=redis://127.0.0.1:$redis_port
export REGISTRY_STORE=$plain
same_session
redis flushall > /dev/null
same_records

# what has not changed is not written

reset_calls
reg tenant set acme --resume 2> /dev/null
is "$(calls set) $(calls exec)" "0 0" "nothing to do is nothing written"
reg tenant set acme --label x=y
is "$(calls set) $(calls exec)" "1 1" "a change of one record writes one"

# what the tool opens must not take the place of what is closed

refused() {
    redis info errorstats | tr -d '\r' | sed -n 's/^errorstat_ERR:count=//p'
}

reset_calls
reg key list > /dev/null
usual=$(refused)

for closed in '>&-' '>&- 2>&-'; do
    reset_calls
    status=0
    eval "reg key create --tenant acme --role image-puller 2> '$dir/stderr'" \
        "$closed" || status=$?
    is "$status" 3 "$closed: nobody has seen the key"
    is "$(refused)" "$usual" "nor was Redis told, for a command"
done

# many at once

before=$(reg --format json key list | jq length)
writers=()
for i in {1..20}; do
    reg key create --tenant acme --role cleaner --name "p$i" \
        >> "$dir/keys" 2>> "$dir/parallel" &
    writers+=($!)
done
wait "${writers[@]}"
is "$(sort -u "$dir/keys" | wc -l)" 20 "20 keys made at once are 20 keys"
is "$(reg --format json key list | jq length)" $((before + 20)) \
    "and all in the store"

writers=()
for i in {1..20}; do
    { reg tenant set acme --label "l$i=x" 2> /dev/null &&
        echo "l$i" >> "$dir/labels"; } &
    writers+=($!)
done
wait "${writers[@]}"
is "$(reg --format json tenant show acme |
    jq -r '.labels | keys[] | select(startswith("l"))' | sort)" \
   "$(sort "$dir/labels")" "of 20 changes of one tenant none is lost"

# broken records

redis set registry:tenant:broken '{"version":1,"nam' > /dev/null
like "$(reg store check)" 'error: tenant "broken": ' "check names a broken one"
fails "a broken store is not changed" 'tenant "broken"' reg tenant set x
redis del registry:tenant:broken > /dev/null
redis lpush registry:tenant:broken x > /dev/null
fails "a record is a string" 'WRONGTYPE' reg store check
redis del registry:tenant:broken > /dev/null

# other ways to the server

is "$(reg --store "redis+unix:$dir/redis.sock" key list)" "$(reg key list)" \
    "a Unix socket"
is "$(reg --store "$plain?db=1&prefix=p:" tenant list)" "$(
    reg --store "$plain?db=2" tenant list)" "an empty database"
reg --store "$plain?db=1&prefix=p:" tenant set other
is "$(redis -n 1 keys '*' | sort)" "p:audit
p:tenant:other" "database and prefix are heeded"

echo secret > "$dir/password"
echo wrong > "$dir/wrong"
redis config set requirepass secret > /dev/null
fails "no password" "^ngx-registry: $plain: Redis wants a user or password" \
    reg key list
fails "a wrong one" "^ngx-registry: $plain: wrong user or password$" \
    reg --store "$plain?password_file=$dir/wrong" key list
runs "the right one" reg --store "$plain?password_file=$dir/password" key list
REDISCLI_AUTH=secret redis config set requirepass "" > /dev/null

# failures

code() { "$@" > /dev/null 2>&1; echo $?; }
none=redis://127.0.0.1:$(free_port)
fails "nobody there" "^ngx-registry: $none: Connection refused$" \
    reg --store "$none" key list
is "$(code reg --store "$none" key list)" 3 "is exit code 3"
kill -STOP $redis_pid
fails "no answer" "^ngx-registry: $plain: no answer in time$" \
    reg --store "$plain?timeout=200ms" key list
kill -CONT $redis_pid

# replicas

primary=$redis_port
redis_port=$(free_port)
replica_port=$redis_port
start_redis --replicaof 127.0.0.1 "$primary"
replica_pid=$redis_pid
redis_port=$primary
linked() { redis info replication | grep -q 'state=online'; }
wait_for linked

new() { key=$(reg key create --tenant acme --role cleaner); id=${key:4:12}; }
new
like "$(reg key revoke "$id" --wait 1 --wait-timeout 5s 2>&1)" \
    '1 replica acknowledged' "a revocation waits for a replica"
is "$(redis-cli -p "$replica_port" get "registry:key:$id" |
    jq -r '.revoked_at | type')" string "which has it then"
new
kill -STOP $replica_pid
fails "a replica that hangs" 'only 0 of 1 replicas' \
    reg key revoke "$id" --wait 1
kill -CONT $replica_pid
like "$(reg key show "$id")" 'state +revoked' "keeps nothing from being revoked"
fails "a replica takes no writes" 'is a replica' \
    reg --store "redis://127.0.0.1:$replica_port" tenant set delta

# TLS

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca \
    -keyout "$dir/ca.key" -out "$dir/ca.pem" 2> /dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=redis \
    -keyout "$dir/tls.key" -out "$dir/tls.csr" 2> /dev/null
openssl x509 -req -in "$dir/tls.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
    -CAcreateserial -days 2 -extfile <(echo "subjectAltName=DNS:redis.test") \
    -out "$dir/tls.pem" 2> /dev/null
tls_port=$(free_port)
background redis-server --bind 127.0.0.1 --port 0 --tls-port "$tls_port" --save "" \
    --dir "$dir" --tls-cert-file "$dir/tls.pem" --tls-key-file "$dir/tls.key" \
    --tls-ca-cert-file "$dir/ca.pem" --tls-auth-clients no \
    > "$dir/tls.log" 2>&1
tls=rediss://127.0.0.1:$tls_port
wait_for listens "$tls_port"
good="$tls?tls_ca=$dir/ca.pem&tls_name=redis.test"
runs "TLS" reg --store "$good" tenant set acme
like "$(reg --store "$good" tenant list)" 'acme' "reads and writes"
fails "an authority that nobody knows" 'certificate .* not trusted' \
    reg --store "$tls?tls_name=redis.test" tenant list
fails "a certificate for somebody else" 'certificate .* not trusted' \
    reg --store "$tls?tls_ca=$dir/ca.pem" tenant list
fails "TLS where there is none" "^ngx-registry: rediss://" \
    reg --store "rediss://127.0.0.1:$redis_port?timeout=500ms" tenant list

finish
