#!/bin/bash
#
# Runbooks of operations.md: backups, a leaked key, a broken store.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/runbook.sh"


registry tenant set acme --label project=apollo
ci=$(new_key --tenant acme --name ci --role image-pusher)
start_backend


# A key has leaked

render_gateway
sed -i '1i registry_usage on interval=100ms;' "$etc/registry.conf"
run_gateway

leaked=$(new_key --tenant acme --name leaked --role image-pusher)
id=$(key_id "$leaked")
echo "+ docker login --password $leaked" > "$work/build.log"
wait_for answers_key "$leaked" 404
wait_for grep -qs "$id" "$dir/gateway/store.json.usage"

runbook operations.md "A key has leaked" 1
runs "a second later it is refused" wait_for answers_key "$leaked" 401
runbook operations.md "A key has leaked" 2
like "$(< "$output")" "$id was revoked" "the text names the key"
runbook operations.md "A key has leaked" 3 4
like "$(tail -n 1 "$output")" refused "explain says so"
runbook operations.md "A key has leaked" 5
new=$(< "$work/new.key")
echo "$new" >> "$secrets"
runs "the new key is let in" wait_for answers_key "$new" 404
runbook operations.md "A key has leaked" 6
like "$(grep -v '^\[' "$output")" "127.0.0.1 +list +allow +acme/app" \
     "what was done with the old one, by its usage"
like "$(< "$output")" '\["[^"]*","127.0.0.1","list","acme/app","",404\]' \
     "and by the log"
is "$(answer "$ci")" 404 "another key goes on"


# The store file is broken: what was revoked since the backup stays revoked, at
# every moment

runbook operations.md "Backups"
revoked=$(new_key --tenant acme --name late --role image-pusher)
wait_for answers_key "$revoked" 404
registry key revoke "$(key_id "$revoked")" 2> /dev/null
registry store export > "$dir/with-late.json"
jq --arg id "$(key_id "$revoked")" \
    '.keys[$id].revoked_at = null | .keys[$id].reason = null' \
    "$dir/with-late.json" > "$work/backup.json"
runs "a revoked key" wait_for answers_key "$revoked" 401

echo '{"version":1,' > "$dir/gateway/store.json"
watch "$revoked"
runbook operations.md "The store file is broken"
runs "the file is taken up" wait_for grep -q 'registry store .*: [0-9]* records' \
    "$gateway_errors"
is "$(unwatch 2)" 401 "the revoked key is refused all the time"
is "$(answer "$ci")" 404 "the others are let in"
like "$(registry audit list --action "key revoke")" "$(key_id "$revoked")" \
     "the audit is whole"
stop_gateway

finish
