#!/bin/bash
#
# The audit says who changed what, and never a secret.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme --label owner=ann
key=$(reg key create --tenant acme --name ci --role image-puller)
id=$(key_id "$key")
SUDO_USER=alice reg role set ops --scope "repository:a:pull"
next=$(reg key rotate "$id" 2> /dev/null)
SUDO_USER=$'mallory\n{"user":"root"}\e[2J' reg key revoke "$id" \
    --reason leaked 2> /dev/null
reg tenant set acme --unlabel owner --suspend
echo '{"version":1,"roles":{}}' | reg apply -f - --prune 2> /dev/null

who=$(id -un)
host=$(hostname)

is "$(jq -r '[.user, .sudo_user // "-", .command, .action, .type, .id,
        (.members | join(","))] | join(" ")' "$store.audit")" \
   "$who - tenant set create tenant acme name,labels
$who - key create create key $id id,tenant,name,hash,roles,created_at
$who alice role set create role ops name,scopes
$who - key rotate create key $(key_id "$next") id,tenant,name,hash,roles,created_at
$who - key rotate change key $id expires_at,rotated_to
$who mallory?{\"user\":\"root\"}?[2J key revoke change key $id revoked_at,reason
$who - tenant set change tenant acme labels,suspended
$who - apply remove role ops " "every change is a line"
is "$(jq -r .host "$store.audit" | sort -u)" "$host" "with the host"
is "$(jq -r .time "$store.audit" | grep -cE "^$time_regex\$")" 8 "and the time"
is "$(stat -c %a "$store.audit")" 640 "the audit has mode 640"

is "$(grep -cE "sha256|$(cut -c 18-49 <<< "$key")|$(cut -c 18-49 <<< "$next")" \
    "$store.audit")" 0 "there is neither hash nor secret in it"
is "$(jq -c 'del(.was)' "$store.audit" | grep -cE "leaked|ann|repository")" 0 \
   "nor any value"
is "$(jq -c 'select(.was) | [.action, .id, .was]' "$store.audit")" \
   '["change","acme",{"labels":{"owner":"ann"}}]' "but labels as they were"

# reading it

is "$(reg audit list | sed -E "s/$time_regex/TIME/; s/ +/ /g; s/ \$//" |
    sed -n '1p;2p;4p')" \
   "TIME USER SUDO USER HOST COMMAND ACTION TYPE ID MEMBERS
TIME $who - $host tenant set create tenant acme name, labels
TIME $who alice $host role set create role ops name, scopes" \
   "audit list is a table" 2> /dev/null || true
is "$(reg audit list --format json | jq -c '.[]')" "$(jq -c . "$store.audit")" \
   "audit list is the lines, in JSON"

sed -i '1s/"time":"[^"]*"/"time":"2026-01-01T00:00:00Z"/' "$store.audit"
is "$(reg audit list --since 1d --format json | jq length)" 7 "since a day ago"
is "$(reg audit list --since 2026-01-01T00:00:01Z --format json | jq length)" \
   7 "since a time"
is "$(reg audit list --since 2026-01-01T00:00:00Z --format json | jq length)" \
   8 "that one included"

# a line that a full disk cut short

printf '{"time":"2026-' >> "$store.audit"
says "audit list goes on behind a broken line" \
    "$store.audit: line 9 is no entry and is left out" reg audit list
reg tenant set beta
is "$(tail -n 1 "$store.audit" | jq -r .id)" beta \
   "and the next line begins anew"
is "$(wc -l < "$store.audit")" 10 "behind it"

rm "$store.audit"
prints "no audit is an empty list" "[]" reg audit list --format json

# what cannot be written down is not done

if [ "$(id -u)" = 0 ]; then
    mkdir "$store.audit"
    refuses "without an audit there is no change" 3 \
        "$store.audit: Is a directory" reg tenant set gamma
    rmdir "$store.audit"
fi

# more than a pipe's worth in one write

jq -nc '{version: 1, tenants: ([range(2000) | {"t\(.)": {}}] | add)}' |
    reg apply -f - 2> /dev/null
is "$(jq -r .id "$store.audit" | sort | uniq | wc -l)" 2000 \
   "two thousand changes are two thousand lines"

finish
