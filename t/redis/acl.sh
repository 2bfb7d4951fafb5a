#!/bin/bash
#
# docs/redis.acl: what the gateway may do, and the tool.

. "$(dirname "$0")/../lib/redis.sh"

# the users as they are, with a password each

sed 's/^user gateway on/& >gw-secret/; s/^user admin on/& >admin-secret/' \
    "$top/docs/redis.acl" > "$dir/users.acl"
echo gw-secret > "$dir/gw"
echo admin-secret > "$dir/admin"
chmod 644 "$dir/gw"

# who asks without a user is "default", which is off: an answer is an error

redis_port=$(free_port)

start_with_users() {
    background redis-server --bind 127.0.0.1 --port "$redis_port" --save "" \
        --appendonly yes --dir "$dir" --aclfile "$dir/users.acl" \
        > "$dir/redis.log" 2>&1
    redis_pid=$!
    wait_for as admin ping
}

as() {                                          # USER COMMAND...
    local user=$1 secret

    secret=$(< "$dir/${user/gateway/gw}")
    shift
    redis-cli -p "$redis_port" --user "$user" --pass "$secret" \
        --no-auth-warning "$@" 2>&1
}

start_with_users

export REGISTRY_STORE="redis://127.0.0.1:$redis_port?user=admin\
&password_file=$dir/admin"

runs "admin makes a tenant" "$NGX_REGISTRY" tenant set acme
runs "and a role" \
    "$NGX_REGISTRY" role set puller --scope 'repository:acme/**:pull'
key=$(new_key --tenant acme --role puller)
id=${key:4:12}
is "${#key}" 55 "and a key"
runs "lists them" "$NGX_REGISTRY" key list
runs "checks them" "$NGX_REGISTRY" store check
runs "lists the audit" "$NGX_REGISTRY" audit list
runs "exports" "$NGX_REGISTRY" store export
fails "admin has no other names" 'may not do that' \
    "$NGX_REGISTRY" --store "$REGISTRY_STORE&prefix=other:" tenant set acme

untracked=1
http_extra='registry_usage on interval=100ms;
            registry_limit calls count=request per=key rate=100/31d mode=exact;
            registry_limit pulls count=pull per=key rate=100/31d;'
start_gateway "redis://127.0.0.1:$redis_port user=gateway \
password_file=$dir/gw timeout=20s"
served() { [ "$(status_of "$key")" = 200 ]; }
wait_for served
written() { [ "$("$NGX_REGISTRY" key usage "$id" --format json 2> /dev/null |
                 jq length)" -gt 0 ]; }
wait_for written
is "$(status_of "$key")" 200 "a gateway serves with its user"

"$NGX_REGISTRY" key revoke "$id" 2> /dev/null
refused() { [ "$(status_of "$key")" = 401 ]; }
wait_for refused
is "$(status_of "$key")" 401 "and learns of a revocation"

counted() { [ "$(as gateway get registry:limit:hosts)" != "" ] &&
            [ -n "$(as admin scan 0 match 'registry:limit:pulls:*' count 1000 |
                    sed -n 2p)" ]; }
runs "counts in it" wait_for counted
is "$(grep -cE 'NOPERM|is away' "$errors")" 0 "nothing it needs is refused"

before=$("$NGX_REGISTRY" store export)

for name in "key:$id" tenant:acme role:puller; do
    like "$(as gateway set "registry:$name" x)" '^NOPERM' \
       "the gateway cannot set ${name%%:*}s"
    like "$(as gateway del "registry:$name")" '^NOPERM' "nor remove them"
done

like "$(as gateway xadd registry:audit '*' a b)" '^NOPERM' "nor the audit"
like "$(as gateway flushall)" '^NOPERM' "nor everything"

for name in "key:$id" tenant:acme audit; do
    like "$(as gateway eval 'return redis.call("SET", KEYS[1], "x")' 1 \
            "registry:$name")" "NOPERM|No permissions|can't" \
       "nor a script of its: no ${name%%:*}"
    like "$(as gateway eval 'return redis.call("DEL", ARGV[1])' 0 \
            "registry:$name")" "NOPERM|No permissions|can't" \
       "whatever it says its keys are"
done

like "$(as gateway config get dir)" '^NOPERM' "nor configure"
is "$(as gateway eval 'return redis.call("SET", KEYS[1], "x")' 1 \
      registry:limit:x)" OK "but limits it counts"
for command in hset expire; do
    script="return redis.call('$command', 'registry:key:$id', '1', '2')"
    like "$(as gateway eval "$script" 0)" \
       '(NOPERM|No permissions|cannot access|can.t access)' \
       "nor do so in a script, by $command"
    like "$(as gateway "$command" "registry:tenant:acme" 1 2)" '^NOPERM' \
       "nor without one"
done
like "$(as gateway get other)" '^NOPERM' "nor read what is not its own"
is "$("$NGX_REGISTRY" store export)" "$before" "nothing has changed"

fails "the tool cannot write as the gateway" 'may not do that' \
    "$NGX_REGISTRY" --store "redis://127.0.0.1:$redis_port?user=gateway\
&password_file=$dir/gw" tenant set beta

like "$(redis-cli -p "$redis_port" get registry:tenant:acme 2>&1)" \
    'NOAUTH|NOPERM' "who has no password reads nothing"

for secret in "" x; do
    like "$(redis-cli -p "$redis_port" auth default "$secret" 2>&1)" \
        '^WRONGPASS' "and no password is that of the default user"
done


# A file of commands is read again with the rights of the default user: without
# any, all that was written by MULTI and by scripts would be gone.

limit=$(as admin get registry:limit:x)
stop "$redis_pid"
start_with_users
is "$("$NGX_REGISTRY" store export)" "$before" "a restart loses no record"
is "$(as admin get registry:limit:x)" "$limit" "nor what a script has counted"
is "$(grep -c NOPERM "$dir/redis.log")" 0 "and is refused nothing"

finish
