#!/bin/bash
#
# ngx-registry on Redis: the same commands with the same output as on a file,
# and what only Redis has.

. "$(dirname "$0")/../lib/redis.sh"

start_redis --unixsocket "$dir/redis.sock"
plain=redis://127.0.0.1:$redis_port
file=file:$dir/session.json
tool=$NGX_REGISTRY

reg() {
    "$tool" "$@"
}

time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'


# A session with all commands; ids, keys, times and the store's name differ.
# In a list the order does, too.

session() {
    local key

    reg tenant set acme --label owner=ann
    reg tenant set acme --label owner=ann
    reg tenant set beta --suspend
    reg tenant list | sort
    reg tenant show acme
    reg tenant show nobody
    reg role set cleaner --scope 'repository:{tenant}/**:pull,delete'
    reg role list | sort
    reg role show cleaner
    key=$(reg key create --tenant acme --name ci --role cleaner --expires 90d)
    reg key list
    reg --format json key list
    reg key show "${key:4:12}"
    reg key show nobodynobody
    reg key create --tenant nobody
    reg key rotate "${key:4:12}" --overlap 1d
    reg explain --key-id "${key:4:12}" --repository acme/app --action pull
    reg explain --key-id "${key:4:12}" --repository beta/app --action pull
    reg key revoke "${key:4:12}" --reason lost
    reg key revoke "${key:4:12}"
    echo "found: $key" | reg key revoke --stdin
    echo '{"version":1,"tenants":{"gamma":{}},"keys":{"gamma/a":{}}}' |
        reg apply -f -
    reg key revoke --tenant gamma --created-before 2100-01-01T00:00:00Z
    reg store check
    reg store export | wc -l
    reg audit list
    reg --format json audit list
    echo "exit code $?"
}

alike() {
    sed -E "s#$time#TIME#g; s#(file|redis):[^ ?]*#STORE#g
            s/ngr_[0-9A-Za-z]+_[0-9A-Za-z]+/KEY/g
            s/sha256:[0-9a-f]{64}/HASH/g
            s/\b[0-9A-Za-z]{12}\b/ID/g"
}

REGISTRY_STORE=$file session 2>&1 | alike > "$dir/on-file"
REGISTRY_STORE=$plain session 2>&1 | alike > "$dir/on-redis"
is "$(diff "$dir/on-file" "$dir/on-redis")" "" "a session is the same"
like "$(wc -l < "$dir/on-file")" '^[0-9]{2,}$' "and a long one"

# there and back

export REGISTRY_STORE=$plain
exported() { reg --store "$1" store export | jq -S .; }

redis flushall > /dev/null
runs "a copy to Redis" reg --store "$file" store copy --to "$plain"
is "$(exported "$plain")" "$(exported "$file")" "has all records"
runs "and one back" reg store copy --to "file:$dir/back.json"
is "$(exported "file:$dir/back.json")" "$(exported "$file")" "has them, too"
like "$(reg store copy --to "$plain" 2>&1)" ' 0 records imported' \
    "a copy onto itself changes nothing"

# an old backup

key=$(reg key create --tenant acme --role cleaner --name kept)
id=${key:4:12}
reg store export > "$dir/backup.json"
reg key revoke "$id" 2> /dev/null
reg tenant set acme --suspend
like "$(reg store import "$dir/backup.json" 2>&1)" "key $id stays revoked" \
    "a backup does not revive a key"
like "$(reg key show "$id")" 'state +revoked' "which stays revoked"
like "$(reg tenant show acme)" 'suspended +yes' "nor a tenant"
like "$(reg --store "$file" store copy --to "$plain" 2>&1)" 'imported' \
    "nor does a copy"
like "$(reg key show "$id")" 'state +revoked' "bring it back"
reg tenant set acme --resume

# what has not changed is not written

reset_calls
reg tenant set acme --resume 2> /dev/null
is "$(calls set) $(calls exec)" "0 0" "nothing to do is nothing written"
reg tenant set acme --label x=y
is "$(calls set) $(calls exec)" "1 1" "a change of one record writes one"

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
