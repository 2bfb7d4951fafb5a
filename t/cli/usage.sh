#!/bin/bash
#
# key usage: what gateways have written down of one key, put together.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme
key=$(reg key create --tenant acme --role image-pusher)
id=$(key_id "$key")


# line ID FIRST LAST COUNT ADDRESS OPERATION REPOSITORY PUSHED

line() {
    jq -nc --arg key "$1" --arg first "$2" --arg last "$3" --argjson count "$4" \
        --arg address "$5" --arg operation "$6" --arg repository "$7" \
        --argjson pushed "${8:-[]}" '
        {key: $key, first: $first, last: $last, count: $count,
         address: $address, agent: "docker/20.10", repository: $repository,
         operation: $operation, decision: "allow", pushed: $pushed}'
}

says "what was never used is an empty list" \
    "no use of the key $id is written down" reg key usage "$id" --format json
is "$(cat "$dir/stdout")" "[]" "and prints it"

{
    line "$id" 2026-01-01T10:00:00Z 2026-01-01T10:00:09Z 3 192.0.2.1 pull acme/app
    line 7rZkV0aQ3mXw 2026-01-01T10:00:00Z 2026-01-01T10:00:09Z 5 192.0.2.1 \
        pull acme/app
    line "$id" 2026-01-03T03:00:00Z 2026-01-03T03:00:01Z 1 203.0.113.7 push \
        acme/app '["1@sha256:aa","2@sha256:bb"]'
    line "$id" 2026-01-02T10:00:00Z 2026-01-02T10:00:09Z 4 192.0.2.1 pull acme/app
    line "$id" 2026-01-03T03:00:02Z 2026-01-03T03:00:05Z 2 203.0.113.7 push \
        acme/app '["2@sha256:bb","3@sha256:cc"]'
    line "$id" 2025-12-31T10:00:00Z 2025-12-31T10:00:00Z 1 192.0.2.1 pull acme/app
    line "$id" 2026-01-02T12:00:00Z 2026-01-02T12:00:00Z 1 2001:db8::1 ping ""
} > "$store.usage"

is "$(reg key usage "$id" | sed -E 's/ +/ /g')" \
   "FIRST LAST COUNT ADDRESS OPERATION DECISION REPOSITORY PUSHED AGENT
2025-12-31T10:00:00Z 2026-01-02T10:00:09Z 8 192.0.2.1 pull allow acme/app - docker/20.10
2026-01-02T12:00:00Z 2026-01-02T12:00:00Z 1 2001:db8::1 ping allow - - docker/20.10
2026-01-03T03:00:00Z 2026-01-03T03:00:05Z 3 203.0.113.7 push allow acme/app 1@sha256:aa, 2@sha256:bb, 3@sha256:cc docker/20.10" \
   "uses that differ in their time alone are one, the latest last"

is "$(reg key usage "$id" --format json | jq -c '.[-1]')" \
   '{"first":"2026-01-03T03:00:00Z","last":"2026-01-03T03:00:05Z","count":3,"address":"203.0.113.7","agent":"docker/20.10","operation":"push","decision":"allow","repository":"acme/app","pushed":["1@sha256:aa","2@sha256:bb","3@sha256:cc"]}' \
   "programs get objects"

is "$(reg key usage "$id" --since 2026-01-02T10:00:10Z --format json |
    jq -c '[.[].address]')" '["2001:db8::1","203.0.113.7"]' "since a time"

# a line that a full disk cut short, and one by another program

line "$id" 2026-01-04T10:00:00Z 2026-01-04T10:00:00Z 1 192.0.2.9 pull acme/app |
    head -c 150 >> "$store.usage"
echo >> "$store.usage"
echo "{\"key\":\"$id\"}" >> "$store.usage"

says "broken lines are left out" "2 lines of usage are none and left out" \
    reg key usage "$id"
is "$(wc -l < "$dir/stdout")" 4 "and the others are not"

refuses "an id has 12 letters and digits" 2 \
    "\"nobody\" is no id of a key: 12 letters and digits" reg key usage nobody

rm "$store.usage"
mkdir "$store.usage"
refuses "what cannot be read is an error" 3 \
    "$store.usage: Is a directory" reg key usage "$id"

finish
