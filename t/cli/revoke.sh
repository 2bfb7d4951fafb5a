#!/bin/bash
#
# Ending keys: by id, by what leaked, by age; and rotation.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme
reg tenant set other


new() { reg key create --tenant acme --role image-puller "$@"; }


# by id

key=$(new)
id=$(key_id "$key")
says "a key is revoked by its id" "key $id is revoked as of $time_regex" \
    reg key revoke "$id" --reason "laptop lost"
first=$(record "$id" .revoked_at)
like "$first" "^$time_regex\$" "the record says when"
is "$(record "$id" .reason)" "laptop lost" "and why"

before=$(state)
sleep 1.1
says "once is enough" "key $id was revoked at $first already" \
    reg key revoke "$id" --reason "another"
is "$(record "$id" '.revoked_at + " " + .reason')" "$first laptop lost" \
   "the first time and reason stay"
is "$(state)" "$before" "and nothing is written"


# by what leaked

leak() { reg key revoke --stdin --reason leaked "$@" 2>&1; }

key=$(new)
id=$(key_id "$key")
like "$(printf '%s' "$key" | leak)" \
     "^ngx-registry: key $id is revoked as of $time_regex\$" \
     "a leaked key is revoked, without a newline"

key=$(new)
id=$(key_id "$key")
like "$(printf 'x\0"auth": "_ngr_ngr_%s%sngr_"\n' "${key#ngr_}" 2026 | leak)" \
     "^ngx-registry: key $id is revoked as of $time_regex\$" \
     "whatever stands around it"

keys="$(new) $(new) $(new)"
is "$(echo "$keys" | leak | grep -c 'is revoked as of')" 3 \
   "every key of a text is revoked"
is "$(reg key list --format json | jq -c '[.[].state] | unique')" \
   '["revoked"]' "no key is left"

key=$(new)
id=$(key_id "$key")
bad="${key%?}$([ "${key: -1}" = 0 ] && echo 1 || echo 0)"
is "$(echo "$bad" | leak; echo $?)" \
   "ngx-registry: something in the text looks like an API key, but its check is wrong: it is mistyped or made up
ngx-registry: there is no API key in the text
1" "a key with a wrong check is none"

is "$(echo "nothing" | leak; echo $?)" \
   "ngx-registry: there is no API key in the text
1" "a text without a key is an error"
is "$(leak < /dev/null; echo $?)" \
   "ngx-registry: there is no API key in the text
1" "so is no text"

# a key with that id which was never ours: made in another store

reg --store "file:$dir/other.json" tenant set acme
forged=
while [ -z "$forged" ]; do
    forged=$(perl -e '
        my ($id) = @ARGV;
        my @b = (0 .. 9, "A" .. "Z", "a" .. "z");
        my $k = "ngr_${id}_" . join "", map { $b[rand 62] } 1 .. 32;
        my $crc = 0xffffffff;
        for my $c (unpack "C*", $k) {
            $crc ^= $c;
            $crc = $crc & 1 ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1 .. 8;
        }
        $crc = ~$crc & 0xffffffff;
        my $t = "";
        for (1 .. 6) { $t = $b[$crc % 62] . $t; $crc = int($crc / 62) }
        print $k, $t' "$id")
done

before=$(state)
is "$(echo "$forged" | leak; echo $?)" \
   "ngx-registry: the secret is not that of key $id, which stays: key revoke $id revokes it all the same
1" "nobody has a key revoked with a secret that is not its own"
is "$(state)" "$before" "and it stays as it was"

# one unknown key keeps the others from nothing

stranger=$(reg --store "file:$dir/other.json" key create --tenant acme \
    --role image-puller)
output=$(printf '%s %s\n' "$stranger" "$key" | leak)
is "$? $(echo "$output" | head -n 1)" \
   "1 ngx-registry: there is no key $(key_id "$stranger")" \
   "an unknown key is an error"
is "$(reg key show "$id" --format json | jq -r .state)" revoked \
   "and those beside it are revoked"

printf 'a pepper of some length' > "$dir/pepper"
key=$(new --pepper-file "$dir/pepper")
id=$(key_id "$key")
is "$(echo "${forged/_*_/_${id}_}" | leak | tail -n 1)" \
   "ngx-registry: there is no API key in the text" "an id alone is no key"
like "$(echo "$key" | leak)" \
   "without --pepper-file only the check of key $id is verified.*is revoked" \
   "a peppered key is revoked without the pepper"

key=$(new --pepper-file "$dir/pepper")
like "$(echo "$key" | leak --pepper-file "$dir/pepper")" \
   "^ngx-registry: key $(key_id "$key") is revoked as of $time_regex\$" \
   "and verified with it"


# never as an argument, and never repeated

key=$(new)
id=$(key_id "$key")
argument="an API key is never an argument, for every user of this machine can \
read those: revoke it with key revoke --stdin"

refuses "a key as operand is refused" 2 "$argument" reg key revoke "$key"
refuses "as an option's value" 2 "$argument" \
    reg key revoke "$id" --reason "leaked $key"
refuses "in an option's word" 2 "$argument" reg key revoke "--reason=$key"
refuses "as an unknown option" 2 "$argument" reg key revoke "--$key"
refuses "as a command" 2 "$argument" reg "$key"
refuses "in a store's URL" 2 "$argument" reg --store "file:$key" key list
refuses "with --help" 2 "$argument" reg key revoke --help "$key"
refuses "cut short" 2 "$argument" reg key revoke "${key%????????}"
refuses "with a wrong check" 2 "$argument" reg key revoke "${key%?}"
refuses "a part of one is not repeated either" 2 \
    "that is no key id: 12 letters and digits" reg key revoke "${key:17}"


# by tenant and age

old=$(key_id "$(new)")
edit --arg id "$old" '.keys[$id].created_at = "2026-01-01T00:00:00Z"'
ageless=$(key_id "$(new)")
edit --arg id "$ageless" 'del(.keys[$id].created_at)'
young=$(key_id "$(new)")
edit --arg id "$young" '.keys[$id].created_at = "2098-01-01T00:00:00Z"'
others=$(key_id "$(reg key create --tenant other --role image-puller)")

says "keys of a tenant are revoked by age" "2 keys of tenant acme revoked" \
    reg key revoke --tenant acme --created-before 2026-02-01T00:00:00Z
is "$(for i in $old $ageless $young $others; do
      reg key show $i --format json | jq -r .state; done | tr '\n' ' ')" \
   "revoked revoked active active " "the old, and those of unknown age"
says "a second time there is nothing to do" "0 keys of tenant acme revoked" \
    reg key revoke --tenant acme --created-before 2026-02-01T00:00:00Z


# rotation

key=$(new --name ci --scope "api:a:b" --allow-from 10.0.0.0/8 --expires 90d \
    --limit pulls=off)
id=$(key_id "$key")
created=$(record "$id" .created_at)
next=$(reg key rotate "$id" 2> "$dir/stderr")
like "$next" "$key_regex" "key rotate prints the next key"
like "$(cat "$dir/stderr")" \
     "^ngx-registry: key $(key_id "$next") follows $id, which ends at $time_regex\$" \
     "and says what becomes of the old"

same='[.tenant, .name, .roles, .scopes, .allow_from, .limits] | tojson'
is "$(record "$(key_id "$next")" "$same")" "$(record "$id" "$same")" \
   "the next key has what the old one had"
is "$(record "$id" .rotated_to)" "$(key_id "$next")" "the old one names it"
is "$(record "$id" '[.expires_at, .created_at] | map(fromdate) | .[0] - .[1] |
    . >= 7 * 86400 and . < 7 * 86400 + 60')" true "and ends after 7 days"
is "$(record "$(key_id "$next")" '[.expires_at, .created_at] | map(fromdate) |
    .[0] - .[1]')" $((90 * 86400)) "the next one lives as long as was meant"
is "$(record "$id" .created_at)" "$created" "the old one is as old as it was"

refuses "a rotated key is not rotated again" 1 \
    "key $id has been rotated to $(key_id "$next") already" \
    reg key rotate "$id"

key=$(new --expires 1h)
id=$(key_id "$key")
end=$(record "$id" .expires_at)
next=$(reg key rotate "$id" --overlap 2d --expires 30d 2> /dev/null)
is "$(record "$id" .expires_at)" "$end" \
   "an overlap makes no key live longer than it would have"
is "$(record "$(key_id "$next")" '[.expires_at, .created_at] | map(fromdate) |
    .[0] - .[1]')" $((30 * 86400)) "--expires is that of the next key"

id=$(key_id "$(new)")
next=$(key_id "$(reg key rotate "$id" --overlap 1h --format json 2> /dev/null |
    jq -r .key)")
is "$(record "$next" .expires_at)" null "without an end the next has none"

refuses "a revoked key is not rotated" 1 "key $old is revoked" \
    reg key rotate "$old"

finish
