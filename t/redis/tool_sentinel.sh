#!/bin/bash
#
# ngx-registry where sentinels name the master: the same commands, and what
# becomes of them when there is another.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/session.sh"

fleet_conf=$admin_acl
start_sentinels
export REGISTRY_STORE="$sentinel_url?$admin_options"

same_session
redis_at "$(master_port)" flushall > /dev/null
same_records


# replicas

new() { key=$(reg key create --tenant acme --role cleaner); id=${key:4:12}; }
new
like "$(reg key revoke "$id" --wait 2 --wait-timeout 5s 2>&1)" \
    '2 replicas acknowledged' "a revocation waits for replicas"
like "$(reg key revoke "$id" 2>&1)" "revoked at .* already" "and is done"


same_ledger


# whom to believe: who names an old master knows an old epoch

resp() {                                        # WORD...
    printf '*%d\r\n' $#
    for word; do printf '$%d\r\n%s\r\n' ${#word} "$word"; done
}

liar_port=$(free_port)
resp config-epoch 0 > "$dir/epoch"
resp 127.0.0.1 "$(master_port)" > "$dir/address"
background perl -MIO::Socket::INET -e '
    my ($port, @files) = @ARGV;
    my $all = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 9,
                                    LocalPort => $port, ReuseAddr => 1);
    my @answers = map { local (@ARGV, $/) = $_; <> } @files;
    while (my $asker = $all->accept) {
        while (sysread $asker, my $asked, 4096) {
            syswrite $asker, $asked =~ /AUTH/ ? "+OK\r\n"
                : $answers[$asked =~ /ADDR-BY-NAME/];
        }
    }' "$liar_port" "$dir/epoch" "$dir/address"
wait_for listens "$liar_port"
liar=redis+sentinel://127.0.0.1:$liar_port
both=$liar,${sentinel_url#*//}
old=$(master_port)
for port in "${sentinel_ports[@]}"; do wait_for knows_all "$port"; done
begins_failover() {
    [ "$(redis_at "${sentinel_ports[0]}" sentinel failover registry)" = OK ]
}
wait_for begins_failover
wait_for promoted "$old"
runs "the highest epoch counts, whoever answers first" \
    reg --store "$both?$admin_options" tenant set acme --label epoch=1
wait_for follows "$old"
fails "a replica that is called the master is none" \
    'redis://127.0.0.1:[0-9]*: the server is a replica, and no master$' \
    reg --store "$liar/registry?$admin_options&timeout=300ms" tenant list
for port in "${sentinel_ports[@]}"; do wait_for knows_all "$port"; done


# a master that dies while it is read, or with a change that it may have taken

jq -nc '{version: 1, tenants: ([range(3000) | {"t\(.)": {}}] | add)}' |
    reg apply -f - 2> /dev/null
old=$(master_port)
all_follow() { [ "$(redis_at "$old" wait 2 100)" = 2 ]; }
wait_for all_follow
reading() {
    redis_at "$old" info commandstats | grep -q '^cmdstat_get:'
}
redis_at "$old" config resetstat > /dev/null
background "$tool" tenant list > "$dir/out" 2>&1
tool_pid=$!
for i in {1..100}; do ! reading || break; done
kill_member "$old"
wait $tool_pid
is "$? $(grep -c '^t[0-9]' "$dir/out")" "0 3000" \
    "a master that dies while it is read: another is read"
wait_for promoted "$old"
start_member "$old"
wait_for follows "$old"
for port in "${sentinel_ports[@]}"; do wait_for knows_all "$port"; done

old=$(master_port)
kill_old() { kill_member "$old"; }
while_paused "$old" kill_old "$tool" tenant set acme --label lost=1
is "$?" 3 "a master that dies with a change: exit code 3"
like "$(cat "$dir/out")" "^ngx-registry: redis://127.0.0.1:$old: .*: whether \
the change is done is not known: look before you do it again\$" "and why"

# one that is gone before

runs "what is begun before another is found waits for it" \
    reg tenant set acme --label waited=1
wait_for promoted "$old"
like "$(reg tenant show acme)" 'waited=1' "and is done there"
start_member "$old"
wait_for follows "$old"


# sentinels that do not help

fails "a name that none knows" \
    '/other: no sentinel knows a master of the name "other"$' \
    reg --store "${sentinel_url%/*}/other?$admin_options" tenant list
fails "a server that is no sentinel" \
    'no sentinel answers as one: 127.0.0.1:[0-9]*: the server refuses' \
    reg --store "redis+sentinel://127.0.0.1:$(master_port)/registry" tenant list
echo wrong > "$dir/wrong"
fails "a wrong password" 'wrong user or password$' \
    reg --store "$sentinel_url?user=admin&password_file=$dir/wrong" tenant list

for port in "${sentinel_ports[@]}"; do
    redis_at "$port" acl setuser admin on '>admin-secret' -@all +auth \
        +sentinel\|master +sentinel\|get-master-addr-by-name > /dev/null
    redis_at "$port" acl setuser default off > /dev/null
done
runs "sentinels that want a password get ours" reg tenant list
fails "and nobody else's" 'no sentinel answers as one: .* wants a user or' \
    reg --store "$sentinel_url" tenant list

for port in "${sentinel_ports[@]}"; do kill_member "$port"; done
fails "no sentinel is left" \
    'no sentinel answers as one: 127.0.0.1:[0-9]*: Connection refused$' \
    reg tenant list
is "$(reg tenant list > /dev/null 2>&1; echo $?)" 3 "which is exit code 3"

finish
