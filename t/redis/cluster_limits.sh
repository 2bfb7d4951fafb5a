#!/bin/bash
#
# Limits and quotas of gateways on a cluster of three primaries, also when one
# of them is killed and its replica takes over.

. "$(dirname "$0")/../lib/redis.sh"
. "$(dirname "$0")/../lib/redis_fleet.sh"
. "$(dirname "$0")/../lib/redis_cluster.sh"
. "$(dirname "$0")/../lib/limits.sh"

location exact '
    registry_limit exact count=request per=repository rate=20/31d mode=exact;'
location lease '
    registry_limit lease count=request per=repository rate=200/31d;'
location pair '
    registry_limit a count=request per=repository rate=100/31d mode=exact;
    registry_limit b count=request per=address    rate=5/31d mode=exact;'
location quota '
    registry_limit egress count=egress per=tenant quota=10kB/month;'

fleet_ledger="size=1m sync=200ms"
fleet_body=$(printf %01000d 0)

start_cluster 1
redis_url=$cluster_url
redis_options="$options timeout=5s"
start_fleet 2


most_pass() {                                   # REPOSITORY
    ask 0 "$1" 3 > /dev/null
    [ "$(passed "$1")" -ge 150 ]
}


pulls() {                                       # N COUNT
    local i

    for ((i = 0; i < $2; i++)); do
        curl -s -o /dev/null -m 10 -w '%{http_code}\n' \
            "http://127.0.0.1:${gateway_port[$1]}/v2/quota/r$i/manifests/1"
    done | sort | uniq -c | awk '{ print $2 "=" $1 }' | xargs
}


refuses() {                                     # N
    [ "$(pulls "$1" 1)" = 403=1 ]
}


# a quota

is "$(pulls 0 6) $(pulls 1 4)" "200=6 200=4" "a quota: both let pass"
runs "until it is used up, at one" wait_for refuses 0
runs "and at the other" wait_for refuses 1


# each limit is on the primary that has its slot

primaries=()
for r in a b c d e f g h; do
    is "$(ask 0 "exact/$r" 15) $(ask 1 "exact/$r" 15)" \
       "200=15 200=5 429=10" "exact: two gateways let pass what there is"
    primaries+=("$(owner_of "$(slot_of \
        "registry:limit:exact:20/2678400/20:r=exact/$r")")")
done
is "$(printf '%s\n' "${primaries[@]}" | sort -u | wc -l)" 3 \
   "on all three primaries"

is "$(ask 0 pair/a 20)" "200=5 429=15" \
   "limits in two slots: the strictest answers"

ask 0 lease/a 100 > /dev/null &
askers[0]=$!
ask 1 lease/a 100 > /dev/null &
askers[1]=$!
wait "${askers[@]}"
runs "lease: what is not used is there for others" wait_for most_pass lease/a
ask 1 lease/a 60 > /dev/null
ok $(($(passed lease/a) > 200)) "but no more than there are"


# the primary of a limit is killed

slot=$(slot_of registry:limit:exact:20/2678400/20:r=exact/a)
old=$(owner_of "$slot")
is "$(ask 0 exact/a 1)" "429=1" "both have heard that nothing is left"
redis_at "$old" wait 1 5000 > /dev/null
kill_member "$old"
is "$(ask 0 exact/a 5) $(ask 1 exact/a 5)" "429=5 429=5" \
   "its primary is killed: what was used up stays so"
moved() { [ -n "$(owner_of "$slot")" ] && [ "$(owner_of "$slot")" != "$old" ]; }
runs "its replica takes over" wait_for moved
again() { [ "$(ask 0 exact/new$RANDOM 25)" = "200=20 429=5" ]; }
runs "and gateways count there again" wait_for again
is "$(ask 0 exact/a 5) $(ask 1 exact/a 5)" "429=5 429=5" \
   "the replica knows what was used"
ok $(($(passed exact/a) > 20)) "no more has passed than there was"
ask 0 lease/a 20 > /dev/null
ok $(($(passed lease/a) > 200)) "leased neither"
runs "and the quota is used up as before" refuses 0
runs "at both" refuses 1

is "$(cat "$dir"/?.log | grep -E '\[(emerg|alert|crit)\]|Sanitizer')" "" \
   "nginx complains of nothing"

finish
