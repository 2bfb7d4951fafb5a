#!/bin/bash
#
# ngx-registry on a Redis Cluster: the same commands, while slots move, primaries
# die and somebody stops it between two slots.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/session.sh"

fleet_conf=$admin_acl
start_cluster 1
export REGISTRY_STORE="$cluster_url?$admin_options"
primaries=("${cluster_ports[@]:0:3}")

any() {                                         # COMMAND...
    redis_at "$(running "${cluster_ports[@]}")" -c "$@"
}

owner() {                                       # RECORD
    owner_of "$(slot_of "registry:$1")"
}

other_than() {                                  # PORT...
    printf '%s\n' "${primaries[@]}" | grep -vxF "$(printf '%s\n' "$@")" | head -1
}

empty_cluster() {
    local port

    for port in "${primaries[@]}"; do
        redis_at "$port" flushall > /dev/null
    done
}


same_session
empty_cluster
same_records

is "$(for port in "${primaries[@]}"; do
      redis_at "$port" keys '*' | grep -c . ; done | grep -c '^0$')" 0 \
    "records are on all primaries"
fails "one of them alone is no store" \
    'the server is part of a cluster: write redis\+cluster://$' \
    reg --store "redis://127.0.0.1:${primaries[0]}?$admin_options" tenant list
is "$(reg --store "redis+cluster://127.0.0.1:${cluster_ports[5]}?$admin_options" \
    store export)" "$(reg store export)" "a replica leads to all of them"

background redis-cli -p "${cluster_ports[0]}" subscribe registry:changed \
    > "$dir/heard"
wait_for grep -q registry:changed "$dir/heard"
reg tenant set acme --label heard=1
runs "gateways on any node hear of a change" \
    wait_for grep -qx registry:tenant:acme "$dir/heard"


same_ledger


# many at once

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
is "$(reg audit list --format json | jq -r '.[] | select(.id == "acme") |
    .action' | tail -1)" change "and the audit has them"


# replicas

new() { key=$(reg key create --tenant acme --role cleaner); id=${key:4:12}; }
new
like "$(reg key revoke "$id" --wait 1 --wait-timeout 5s 2>&1)" \
    '1 replica acknowledged' "a revocation waits for a replica of its slot"
for i in {1..12}; do new; done
like "$(reg key revoke --tenant acme --created-before 2100-01-01T00:00:00Z \
    --wait 1 --wait-timeout 5s 2>&1)" '1 replica acknowledged' \
    "or for those of many"
new
replica=$(any cluster nodes | awk -v id="$(redis_at "$(owner "key:$id")" \
    cluster myid)" '$4 == id { split($2, a, "[:@]"); print a[2] }')
pause_member "$replica"
fails "one that hangs" 'only 0 of 1 replicas' reg key revoke "$id" --wait 1
resume_member "$replica"
like "$(reg key show "$id")" 'state +revoked' "keeps nothing from being revoked"


# a slot on its way

from=$(owner tenant:moving)
to=$(other_than "$from")
slot=$(slot_of registry:tenant:moving)
begin_move "$slot" "$to"
reg tenant set moving
is "$(redis_at "$from" get registry:tenant:moving) $(
    reg tenant list | grep -c moving)" "ASK $slot 127.0.0.1:$to 1" \
    "a record that is new in it is made where it goes"
reg tenant set moving --label a=1
like "$(reg tenant show moving)" 'a=1' "and changed there"
like "$(reg store export)" '"moving"' "and exported"
move_keys "$slot" "$to"
end_move "$slot" "$to"
like "$(reg tenant show moving)" 'a=1' "and is there behind the move"
begin_move "$slot" "$from"
reg tenant set moving --label a=2
like "$(reg tenant show moving)" 'a=2' "one that is still there is changed there"
move_keys "$slot" "$from"
reg tenant set moving --label a=3
like "$(reg tenant show moving)" 'a=3' "and one that has gone where it is"
end_move "$slot" "$from"

slot=$(slot_of registry:tenant:held)
from=$(owner_of "$slot")
to=$(other_than "$from")
# who has it is told by whom it comes to alone: Valkey holds up SETSLOT, too

move_held() {
    redis_at "$to" cluster setslot "$slot" importing \
        "$(redis_at "$from" cluster myid)" > /dev/null
    redis_at "$to" cluster setslot "$slot" node \
        "$(redis_at "$to" cluster myid)" > /dev/null
    wait_for has_gone
}
has_gone() {
    redis_at "$from" cluster slots | tr '\n' ' ' |
        grep -qE "(^| )$slot $slot 127.0.0.1 $to "
}
while_paused "$from" move_held "$tool" tenant set held
is "$? $(cat "$dir/out")" "0 " "a slot that goes with the change under way"
is "$(redis_at "$to" get registry:tenant:held | jq -r .name)" held \
    "is followed"
move_slot "$slot" "$from"


# A command that ends between two slots.  Of one primary writes are held up, and
# the command is killed when it comes to it, which is at a key: tenants and roles
# are on the others.

wide() {                                        # PORT-THAT-HAS-ONLY-KEYS
    local n names=()

    for n in {1..99}; do
        [ "$(owner "tenant:b$n")" = "$1" ] || [ "$(owner "role:b$n")" = "$1" ] ||
            names+=("b$n")
        [ ${#names[@]} -lt 3 ] || break
    done

    jq -n --arg hash "sha256:$(printf '%064d' 0)" '
        $ARGS.positional as $names |
        def key(n): {("backup0000\(n)"): {version: 1, id: "backup0000\(n)",
            tenant: $names[n % 3], roles: [$names[n % 3]], hash: $hash}};
        {version: 1,
         keys: ([range(10; 40) | key(.)] | add),
         tenants: ([$names[] | {(.): {version: 1, name: .}}] | add),
         roles: ([$names[] | {(.): {version: 1, name: .,
                  scopes: ["repository:{tenant}/**:pull"]}}] | add)}' \
        --args "${names[@]}" > "$dir/wide.json"
}

whole() {
    reg store export | jq '
        (.tenants | keys) as $t | (.roles | keys) as $r |
        [.keys[] | select((.tenant | IN($t[]) | not) or
                          (.roles // [] | all(IN($r[])) | not))] | length'
}

audit_owner=$(owner audit)
made=()
for port in "${primaries[@]}"; do
    [ "$port" != "$audit_owner" ] || continue
    empty_cluster
    wide "$port"
    redis_at "$port" client pause 30000 write > /dev/null
    background "$tool" store import "$dir/wide.json" > "$dir/out" 2>&1
    tool_pid=$!
    wait_for held_up "$port"
    stop $tool_pid KILL
    redis_at "$port" client unpause > /dev/null
    made+=("$(reg store export | jq '.keys | length')")
    is "$(whole)" 0 "a command that is killed leaves no key without its tenant"
    like "$(reg store import "$dir/wide.json" 2>&1)" \
        ': [0-9]+ records imported, [0-9]+ as they were$' "and may be repeated"
    is "$(reg store export | jq -c '[.keys, .tenants, .roles | length]')" \
        "[30,3,3]" "to its end"
done
diag "killed when ${made[*]} of 30 keys were there"
[ $((made[0] + made[1])) -gt 0 ]
ok $? "and it was killed between two of them"

# What is revoked comes first: with the new key of the same command held up,
# and even when the store says otherwise of roles.  No other key is there that
# might be held up before.

empty_cluster
reg role set wide --scope 'repository:acme/**:pull' 2> /dev/null
reg tenant set acme 2> /dev/null
echo '{"version":1,"keys":{"acme/a":{"roles":["wide"]}}}' |
    reg apply -f - > "$dir/apply" 2> /dev/null
id=$(sed -n 's/.*\tngr_\(.\{12\}\)_.*/\1/p' "$dir/apply")
for n in {1..99}; do
    [ "$(owner "role:new$n")" = "$(owner "key:$id")" ] ||
        [ "$(owner "role:new$n")" = "$audit_owner" ] || break
done
port=$(owner "role:new$n")
redis_at "$port" client pause 30000 write > /dev/null
echo '{"version":1,"roles":{"new'$n'":{"scopes":[]},"wide":{"scopes":
    ["repository:**:*"]}},"keys":{}}' > "$dir/next.json"
background "$tool" apply --prune -f "$dir/next.json" > "$dir/out" 2>&1
tool_pid=$!
wait_for held_up "$port" || diag "not held up: $(cat "$dir/out")"
stop $tool_pid KILL
redis_at "$port" client unpause > /dev/null
like "$(reg key show "$id")" 'state +revoked' \
    "a key that a command revokes is revoked before anything is made"
is "$(reg audit list --format json | jq -r '[.[] | select(.id == "'"$id"'")] |
    last | .command + " " + .action')" "apply change" "with its entry"


# a primary dies

reg role set cleaner --scope 'repository:{tenant}/**:pull,delete'
new
port=$(owner "key:$id")
kill_member "$port"
runs "a revocation waits for the replica that takes over" \
    reg key revoke "$id"
like "$(reg key show "$id")" 'state +revoked' "and is done there"
start_member "$port"
wait_for follows "$port"


# those that do not help

is "$(reg --store "redis+cluster://127.0.0.1:$(free_port),${cluster_url#*//}?`
    `$admin_options" tenant list)" "$(reg tenant list)" "one seed is enough"
fails "none is there" 'no node answers as one of a cluster: .* refused$' \
    reg --store "redis+cluster://127.0.0.1:$(free_port)" tenant list

for port in "${cluster_ports[@]}"; do
    [ "$port" = "${cluster_ports[0]}" ] || kill_member "$port"
done
down() { redis_at "${cluster_ports[0]}" cluster info | grep -q state:fail; }
wait_for down
fails "most of it is gone" \
    'the cluster is down: its nodes say so \(CLUSTERDOWN\)$' \
    reg --store "$REGISTRY_STORE&timeout=300ms" tenant set acme
is "$(reg --store "$REGISTRY_STORE&timeout=300ms" tenant list > /dev/null 2>&1
    echo $?)" 3 "which is exit code 3"

finish
