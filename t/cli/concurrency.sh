#!/bin/bash
#
# Writers beside each other lose nothing, and nobody ever sees a part.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme

# twenty at once

askers=()

for i in {1..20}; do
    reg key create --tenant acme --role image-puller --name "k$i" \
        > "$dir/key.$i" &
    askers+=($!)
done

failed=0
for pid in "${askers[@]}"; do
    wait "$pid" || failed=$((failed + 1))
done

is "$failed" 0 "twenty keys are made at once"
is "$(cat "$dir"/key.* | cut -c 5-16 | sort)" \
   "$(jq -r '.keys | keys[]' "$store" | sort)" "and none is lost"
is "$(jq -r 'select(.type == "key") | .id' "$store.audit" | sort)" \
   "$(jq -r '.keys | keys[]' "$store" | sort)" "nor a line of the audit"


# A larger store, so that there is a while in which to be killed.

jq -nc --arg hash "sha256:$(printf '%064d' 0)" '
    {version: 1, tenants: {acme: {version: 1, name: "acme"}},
     keys: ([range(4000) | (tostring | "000000000000"[length:] + .) as $id |
             {($id): {version: 1, id: $id, tenant: "acme", hash: $hash,
                      name: ("x" * 200)}}] | add)}' > "$store"
chmod 640 "$store"


# Killed anywhere, the writer leaves the old store or the new one.  The moment
# is drawn from a little more than what a writer takes, so that both happen.

start=$EPOCHREALTIME
reg tenant set acme --label n=0
span=$(awk "BEGIN { print 1.3 * ($EPOCHREALTIME - $start) }")

whole=0
broken=0
killed=0
changed=0
value=0

for i in {1..40}; do
    "$tool" tenant set acme --label "n=$i" 2> /dev/null &
    pid=$!
    perl -e 'select undef, undef, undef, rand() * $ARGV[0]' "$span"
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    [ $? = 137 ] && killed=$((killed + 1))

    now=$(jq -r '.tenants.acme.labels.n // "none"' "$store" 2> /dev/null)

    if [ "$now" = "$i" ] || [ "$now" = "$value" ]; then
        whole=$((whole + 1))
    else
        broken=$((broken + 1))
    fi

    [ "$now" = "$value" ] || changed=$((changed + 1))
    value=$now
done 2> /dev/null

diag "$killed of 40 writers were killed, $changed had changed the store"
is "$whole $broken" "40 0" "the store is whole whenever its writer is killed"
is "$(jq '.keys | length' "$store")" 4000 "with all of its records"
runs "and the next writer goes on" reg tenant set acme --label n=last
is "$(cd "$dir" && ls store.json*)" "store.json
store.json.audit
store.json.lock" "with nothing left behind"
is "$(reg store check | tail -n 1)" \
   "4000 keys, 1 tenant, 0 roles: 0 errors, 0 warnings" "the store is sound"


# Readers take no lock: they get the old records or the new.

for i in {1..10}; do
    reg tenant set acme --label "n=$i"
done &
writer=$!

bad=0
reads=0
while kill -0 $writer 2> /dev/null; do
    reads=$((reads + 1))
    [ "$(jq '.keys | length' "$store")" = 4000 ] || bad=$((bad + 1))
done
wait $writer

diag "$reads reads beside 10 writes"
is "$bad $((reads > 0))" "0 1" "readers never see a part"

# a held lock delays a writer and no reader

exec 9< "$store.lock"
flock -x 9
timeout 0.5 "$tool" tenant set acme --label n=locked
is "$? $(reg tenant show acme --format json | jq -r .labels.n)" "124 10" \
   "a writer waits for the lock, a reader does not"
exec 9<&-

finish
