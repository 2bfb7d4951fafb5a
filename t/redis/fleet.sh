#!/bin/bash
#
# The servers of redis_fleet.sh are what other tests take them for.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"

# sentinels

start_sentinels
old=${server_ports[0]}
is "$(master_port)" "$old" "the sentinels name the master"
redis_at "$old" set a 1 > /dev/null
is "$(redis_at "$old" wait 2 5000)" 2 "which has two replicas"

kill_member "$old"
runs "when it is killed" wait_for promoted "$old"
has_records() { [ "$(redis_at "$(master_port)" get a)" = 1 ]; }
runs "another has its records" wait_for has_records
diag "$(master_port) in place of $old: $(redis_at "$(master_port)" role)"

start_member "$old"
runs "it comes back" wait_for follows "$old"
is "$(redis_at "$old" role | head -1)" slave "as a replica"

# a cluster

start_cluster 1
slot=$(slot_of registry:tenant:acme)
from=$(owner_of "$slot")
to=$(printf '%s\n' "${cluster_ports[@]:0:3}" | grep -vx "$from" | head -1)
record=registry:tenant:acme

redis_at "$from" set "$record" 1 > /dev/null
is "$(redis_at "$to" get "$record")" "MOVED $slot 127.0.0.1:$from" \
    "a primary names the owner of a slot"

begin_move "$slot" "$to"
is "$(redis_at "$from" get "$record")" 1 "a slot on its way is read there"
move_keys "$slot" "$to"
is "$(redis_at "$from" get "$record")" "ASK $slot 127.0.0.1:$to" \
    "until the record has gone"
end_move "$slot" "$to"
is "$(redis_at "$to" get "$record")" 1 "then it is here"
is "$(owner_of "$slot")" "$to" "with the slot"

pause_member "$to"
moved() { new=$(owner_of "$slot"); [ -n "$new" ] && [ "$new" != "$to" ]; }
runs "a replica takes over from a primary that hangs" wait_for moved
is "$(redis_at "$(owner_of "$slot")" get "$record")" 1 "with its records"
resume_member "$to"
runs "whose replica it is then" wait_for follows "$to"

finish
