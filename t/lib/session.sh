# A session with all commands of ngx-registry, which has the same output on every
# store, and what else is the same on all of them.
#
#     session            on $REGISTRY_STORE
#     alike              its output, without ids, keys, times and the store's name
#     same_session       a test that it is what it is on a file, $file
#     same_records       tests that copy them there and back, and put an old
#                        backup in; the store is empty before
#     same_ledger        a ledger that is sent there is reported from there
#     exported URL       the records of a store

tool=$NGX_REGISTRY
file=file:$dir/session.json

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
    sed -E "s#$time#TIME#g; s#(file|redis(\+[a-z]+)?):[^ ?]*#STORE#g
            s/ngr_[0-9A-Za-z]+_[0-9A-Za-z]+/KEY/g
            s/sha256:[0-9a-f]{64}/HASH/g
            s/\b[0-9A-Za-z]{12}\b/ID/g"
}


same_session() {
    [ -e "$dir/on-file" ] ||
        REGISTRY_STORE=$file session 2>&1 | alike > "$dir/on-file"
    session 2>&1 | alike > "$dir/on-redis"
    is "$(diff "$dir/on-file" "$dir/on-redis")" "" "a session is the same"
    like "$(wc -l < "$dir/on-file")" '^[0-9]{2,}$' "and a long one"
}


exported() {                                    # URL
    reg --store "$1" store export | jq -S .
}


same_records() {
    local key id

    runs "a copy to Redis" \
        reg --store "$file" store copy --to "$REGISTRY_STORE"
    is "$(exported "$REGISTRY_STORE")" "$(exported "$file")" "has all records"
    runs "and one back" reg store copy --to "file:$dir/back.json"
    is "$(exported "file:$dir/back.json")" "$(exported "$file")" \
        "has them, too"
    like "$(reg store copy --to "$REGISTRY_STORE" 2>&1)" \
        ' 0 records imported' "a copy onto itself changes nothing"

    # an old backup

    key=$(reg key create --tenant acme --role cleaner --name kept)
    id=${key:4:12}
    reg store export > "$dir/backup.json"
    reg key revoke "$id" 2> /dev/null
    reg tenant set acme --suspend
    like "$(reg store import "$dir/backup.json" 2>&1)" \
        "key $id stays revoked" "a backup does not revive a key"
    like "$(reg key show "$id")" 'state +revoked' "which stays revoked"
    like "$(reg tenant show acme)" 'suspended +yes' "nor a tenant"
    like "$(reg --store "$file" store copy --to "$REGISTRY_STORE" 2>&1)" \
        'imported' "nor does a copy"
    like "$(reg key show "$id")" 'state +revoked' "bring it back"
    reg tenant set acme --resume
}


# The admin of docs/redis.acl, with a password, as a line of redis.conf, and as
# options of a store.

echo admin-secret > "$dir/admin"
admin_acl=$(sed -n 's/^user admin on/& >admin-secret/p' "$top/docs/redis.acl")
admin_options="user=admin&password_file=$dir/admin"


# The tool has sent a change while PAUSED runs: what writes on that port is held
# up until that has ended.

while_paused() {                                # PORT PAUSED COMMAND...
    local port=$1 paused=$2 tool_pid

    shift 2
    redis_at "$port" client pause 30000 write > /dev/null
    background "$@" > "$dir/out" 2>&1
    tool_pid=$!
    wait_for held_up "$port"
    "$paused"
    redis_at "$port" client unpause > /dev/null 2>&1
    wait "$tool_pid"
}

held_up() {                                     # PORT
    redis_at "$1" client list | grep 'user=admin' | grep -q 'flags=[A-Za-z]*b'
}


same_ledger() {
    . "$top/t/lib/ledger_add.sh"

    perl -e 'for (1 .. 99) { printf "2026-01-%02d t%d t%d/app pull origin net " .
        "%d 0 0 0 1 1 0\n", 1 + $_ % 5, $_ % 20, $_ % 20, 1000 + $_ }' |
        ledger_add "$dir/fleet-ledger"

    runs "a ledger is sent" reg egress sync --ledger "$dir/fleet-ledger"
    is "$(reg egress report --month 2026-01 --by day --by tenant --format csv)" \
       "$(reg egress report --month 2026-01 --by day --by tenant --format csv \
            --ledger "$dir/fleet-ledger")" "and reported as from its files"
    is "$(reg egress report --month 2026-01 --by tenant --format csv | wc -l)" \
       21 "with all tenants"
}
