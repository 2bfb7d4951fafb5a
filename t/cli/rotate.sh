#!/bin/bash
#
# key rotate --due for cron, key revoke --tokens, and the filters of audit list.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

cd "$dir"
reg tenant set acme
key() { reg key create --tenant acme "$@" 2> /dev/null | cut -c 5-16; }

soon=$(key --name ci --role image-pusher --expires 90d)
later=$(key --name later --expires 90d)
ever=$(key --name ever)
short=$(key --name short --expires 5d)
gone=$(key --name gone --expires 90d)
reg key revoke "$gone" 2> /dev/null

edit --arg id "$soon" --arg at "$(date -ud '+10 days' +%FT%TZ)" \
    --arg from "$(date -ud '-80 days' +%FT%TZ)" \
    '.keys[$id].expires_at = $at | .keys[$id].created_at = $from'

refuses "one or all" 2 "give the id of a key, or --due" reg key rotate
refuses "not both" 2 "give the id of a key, or --due" \
    reg key rotate "$soon" --due 14d
fails "a time" '--due: "x" is no duration' \
    reg key rotate --due x
refuses "what is for one key" 2 \
    "--output, --registry and --expires are for one key, not for --due" \
    reg key rotate --due 14d --output docker

status=0
reg key rotate --due 14d > keys 2> err || status=$?
is "$(cut -f 1 keys)" "acme/ci" "the key that ends soon has a next one"
like "$(cut -f 2 keys)" "$key_regex" "which is printed, once"
new=$(cut -f 2 keys | cut -c 5-16)
like "$(< err)" "key $new follows $soon, which ends at" "it says what it did"
like "$(< err)" "key $short is left alone" \
    "a key that never lives longer is left alone"
is "$status" 1 "which is no success"
is "$(record "$soon" .rotated_to)" "$new" "the old one knows its next"
is "$(record "$soon" '.expires_at[:10]')" "$(date -ud '+10 days' +%F)" \
   "and ends when it was to end"
is "$(record "$new" '[.roles[], .expires_at[:10]] | join(" ")')" \
   "image-pusher $(date -ud '+90 days' +%F)" "the next lives as long"
is "$(reg key rotate --due 14d 2> /dev/null; reg key list --format json |
        jq length)" 6 "a second run changes nothing"
reg key revoke "$short" 2> /dev/null
says "without anything due" "nothing to do" reg key rotate --due 14d

edit --arg id "$later" --arg at "$(date -ud '+3 days' +%FT%TZ)" \
    --arg from "$(date -ud '-87 days' +%FT%TZ)" \
    '.keys[$id].expires_at = $at | .keys[$id].created_at = $from'
is "$(reg key rotate --due 7d --overlap 1d --format json 2> /dev/null |
        jq -r '.[] | [.name, .follows, (.key | length)] | join(" ")')" \
   "acme/later $later 55" "as JSON"
is "$(record "$later" '.expires_at[:10]')" "$(date -ud '+1 days' +%F)" \
   "with an overlap the old one ends earlier"
is "$(record "$ever" .rotated_to)" null "a key without an end is never due"


says "revoke --tokens" "the tokens of key $ever are revoked, and the key is not" \
    reg key revoke "$ever" --tokens
like "$(record "$ever" .tokens_not_before)" "^$time_regex$" \
    "ends the tokens until now"
is "$(record "$ever" .revoked_at)" null "and not the key"
reg store export > backup
sleep 1
reg key revoke "$ever" --tokens 2> /dev/null
at=$(record "$ever" .tokens_not_before)
reg store import backup 2> /dev/null
is "$(record "$ever" .tokens_not_before)" "$at" "no backup brings them back"
refuses "with an id" 2 \
    "--tokens goes with the id of a key, and not with --reason" \
    reg key revoke --tokens --stdin


list() {
    reg audit list "$@" --format json | jq -r '.[] | "\(.action) \(.type)"' |
        uniq -c | awk '{ print $1, $2, $3 }' | paste -sd ,
}

is "$(list --record tenant)" "1 create tenant" "audit list: of a type"
is "$(list --record "key/$later")" "1 create key,1 change key" "of one record"
is "$(list --record "$later" --action change)" "1 change key" "of one action"
is "$(list --action "key rotate" --record "$soon")" "1 change key" \
   "of one command"
is "$(list --limit 1)" "1 change key" "the last"
is "$(reg audit list --limit 2 --format json | jq length)" 2 "so many"
is "$(list --actor "$(id -un)" | tr ',' '\n' | head -1)" "1 create tenant" \
   "of a user"
is "$(list --actor nobody-else)" "" "of nobody"
is "$(list --until 1h)" "" "until then"
is "$(list --since 1h --limit 1)" "1 change key" "since then"
refuses "a limit is a number" 2 \
    "--limit takes a number of entries, 1 to 999999" reg audit list --limit 0

finish
