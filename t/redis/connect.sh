#!/bin/bash
#
# The ways to a Redis: a password, a user, a database, a prefix, a Unix socket,
# TLS with and without the right certificate.

. "$(dirname "$0")/../lib/redis.sh"

try() {                                         # NAME WANTED OPTIONS
    start_gateway "$3"
    is "$(status_of "$key")" "$2" "$1"
    stop_gateway
}

redis_port=$(free_port)
tls_port=$(free_port)

(
    cd "$dir" && umask 022
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout ca.key -out ca.crt -days 2 -subj /CN=ca
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout redis.key -out redis.csr -subj /CN=redis.test
    openssl x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -days 2 \
        -extfile <(echo subjectAltName=DNS:redis.test) -out redis.crt
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout other.key -out other.crt -days 2 -subj /CN=other
    chmod 644 ./*.key
) > /dev/null 2>&1

echo default-secret > "$dir/password"
echo gateway-secret > "$dir/gateway.password"
echo wrong > "$dir/wrong.password"
chmod 644 "$dir"/*password

start_redis --unixsocket "$dir/redis.sock" --unixsocketperm 777 \
    --tls-port "$tls_port" --tls-cert-file "$dir/redis.crt" \
    --tls-key-file "$dir/redis.key" --tls-ca-cert-file "$dir/ca.crt" \
    --tls-auth-clients no

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$(new_key --tenant acme --role image-puller)
copy_records

# the same records in another database, under another prefix

redis copy "registry:key:${key:4:12}" "registry:key:${key:4:12}" db 3 > /dev/null
redis copy registry:tenant:acme registry:tenant:acme db 3 > /dev/null
redis copy "registry:key:${key:4:12}" "team:key:${key:4:12}" > /dev/null
redis copy registry:tenant:acme team:tenant:acme > /dev/null

try "an address" 200 "redis://127.0.0.1:$redis_port"
try "a name" 200 "redis://localhost:$redis_port"
try "a Unix socket" 200 "redis+unix:$dir/redis.sock"
try "a prefix" 200 "redis://127.0.0.1:$redis_port prefix=team:"
try "TLS" 200 "rediss://127.0.0.1:$tls_port tls_ca=$dir/ca.crt tls_name=redis.test"

untracked=1
try "TLS, the certificate is for another name" 503 \
    "rediss://127.0.0.1:$tls_port tls_ca=$dir/ca.crt"
try "TLS, the certificate is of another authority" 503 \
    "rediss://127.0.0.1:$tls_port tls_ca=$dir/other.crt tls_name=redis.test"
try "TLS to a port without it" 503 \
    "rediss://127.0.0.1:$redis_port tls_ca=$dir/ca.crt tls_name=redis.test"
try "a closed port" 503 "redis://127.0.0.1:$(free_port)"
untracked=

redis select 3 > /dev/null
redis -n 0 flushdb > /dev/null
try "another database" 200 "redis://127.0.0.1:$redis_port db=3"

redis acl setuser gateway on '>gateway-secret' '~registry:*' \
    '&__redis__:invalidate' +get +ping +role +select +subscribe \
    '+client|id' '+client|tracking' > /dev/null
try "a user that may do just that" 200 \
    "redis://127.0.0.1:$redis_port db=3 user=gateway password_file=$dir/gateway.password"

redis config set requirepass default-secret > /dev/null
redis() { redis-cli --no-auth-warning -a default-secret -p "$redis_port" "$@"; }
try "a password" 200 \
    "redis://127.0.0.1:$redis_port db=3 password_file=$dir/password"

untracked=1
try "a wrong password" 503 \
    "redis://127.0.0.1:$redis_port db=3 password_file=$dir/wrong.password"
try "no password" 503 "redis://127.0.0.1:$redis_port db=3"

! grep -rE 'default-secret|gateway-secret' "$errors"
ok $? "no password in the log"

finish
