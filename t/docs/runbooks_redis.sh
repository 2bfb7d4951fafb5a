#!/bin/bash
#
# Runbooks of operations.md: Redis has lost its data, and a showback.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/runbook.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"


registry tenant set acme --label project=apollo
ci=$(new_key --tenant acme --name ci --role image-pusher)
start_backend


# Redis has lost its data

redis_port=$(free_port)
export REDIS_PORT=$redis_port
echo gateway-password > "$etc/redis.password"
echo admin-password > "$etc/redis.admin"
mkdir "$dir/redis"
{
    sed -e 's/^user gateway on/& >gateway-password/' \
        -e 's/^user admin on/& >admin-password/' "$top/docs/redis.acl"
    echo "user operator on >operator-password ~* &* +@all"
} > "$dir/redis/users.acl"

cat > "$dir/bin/redis-cli" <<END
#!/bin/sh
exec $(command -v redis-cli) -p $redis_port --no-auth-warning \\
    --user operator --pass operator-password "\$@"
END
chmod +x "$dir/bin/redis-cli"


start_redis() {
    background redis-server --bind 127.0.0.1 --port "$redis_port" --save "" \
        --dir "$dir/redis" --aclfile "$dir/redis/users.acl" \
        > "$dir/redis/redis.log" 2>&1
    redis_pid=$!
    wait_for listens "$redis_port"
}


start_redis
file=$REGISTRY_STORE
REGISTRY_STORE="redis://127.0.0.1:$redis_port?user=admin\
&password_file=$etc/redis.admin"
registry --store "$file" store copy --to "$REGISTRY_STORE" 2> /dev/null
start_gateway redis.conf
late=$(new_key --tenant acme --name later --role image-pusher)
registry store export > "$dir/before.json"
runs "a key in Redis" wait_for answers_key "$late" 404
registry key revoke "$(key_id "$late")" 2> /dev/null
runbook operations.md "Backups"
cp "$dir/before.json" "$work/backup.json"
is "$(answer "$late")" 401 "a key that was revoked after the backup"

watch "$late"
stop "$redis_pid" KILL
start_redis
runbook operations.md "Redis has lost its data"
runs "the gateway is back" wait_for answers_key "$ci" 404
unwatch 1 > /dev/null
is "$(grep -c '^200\|^404' "$dir/watch")" 0 \
   "the revoked key was never let in"
is "$(answer "$late")" 401 "nor is it now"


# Showback, each month

ledger_add "$dir/ledger" <<'END'
2026-01-05 acme acme/app pull origin - 3000000000 0 0 0 3 1 0
2026-01-06 acme acme/app pull cdn - 0 0 9000000000 0 3 1 0
2026-01-07 globex globex/app pull origin - 1000000000 0 0 0 3 1 0
END
registry tenant set globex
registry egress sync --ledger "$dir/ledger" > /dev/null
cp "$top/conf.example/prices.json" "$work"
runbook operations.md "Showback, each month"
is "$(head -c 15 "$work/2026-01.html")" "<!DOCTYPE html>" "a page for people"
like "$(< "$work/2026-01.html")" 4711 "which has the cost centre"
is "$(awk 'NR > 1' "$work/2026-01.csv" | grep -c 4711)" 2 \
   "a table for the cost tool, of two charges for it"
stop_gateway

finish
