#!/bin/bash
#
# What is wrong is refused with one sentence and the right exit code, and
# nothing is changed.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

reg tenant set acme
id=$(key_id "$(reg key create --tenant acme --role image-puller --name ci)")

long=$(printf 'x%.0s' {1..64})
text=$(printf 'x%.0s' {1..256})


# which command, which store

refuses "no command" 2 "which command? ngx-registry --help lists them" reg
refuses "an unknown command" 2 \
    "there is no command keys: ngx-registry --help lists them" reg keys list
refuses "half a command" 2 \
    "key is not all of a command: ngx-registry key --help lists the rest" \
    reg key
refuses "another half" 2 \
    "key is not all of a command: ngx-registry key --help lists the rest" \
    reg key remove
refuses "a word too many" 2 "the command has a word too many" \
    reg key show "$id" "$id"
refuses "a word where none belongs" 2 "the command has a word too many" \
    reg key list acme
refuses "a word too few" 2 "ID is missing" reg key show
refuses "an unknown option" 2 "--colour is no option here" \
    reg key list --colour=never
refuses "an option of another command" 2 "--role is no option here" \
    reg key list --role image-puller
refuses "an unknown letter" 2 "-x is no option here" reg key list -x
refuses "an option without its value" 2 "--tenant needs a value" \
    reg key list --tenant
refuses "a letter without its value" 2 "-f needs a value" reg apply -f
refuses "a value for an option that takes none" 2 "--stdin takes no value" \
    reg key revoke --stdin=now
refuses "an option twice" 2 "--tenant is given twice" \
    reg key list --tenant acme --tenant acme
refuses "a required option left out" 2 "--tenant is missing" \
    reg key create --role image-puller
refuses "an unknown format" 2 "--format is table or json" \
    reg key list --format xml

refuses "no store" 2 \
    "which store? Give --store file:PATH or set REGISTRY_STORE" \
    env -u REGISTRY_STORE "$tool" key list
refuses "a path for a URL" 2 \
    "--store takes a URL, and a file has one too: file:/var/lib/store.json" \
    reg --store /var/lib/store.json key list
refuses "a name for a URL" 2 \
    "--store takes a URL, and a file has one too: file:store.json" \
    reg --store store.json key list
refuses "a password in the URL" 2 \
    "--store: a password in the URL would be seen by everybody: put it into a file and give password_file=" \
    reg --store redis://u:secret@localhost key list
reg --store "file:$dir/wait.json" tenant set acme
refuses "to wait for replicas of a file" 2 \
    "--wait is for Redis: a file has no replicas" \
    reg --store "file:$dir/wait.json" key revoke --wait 1 abcdefghijkl
refuses "to wait for no replica" 2 \
    "--wait takes a number of replicas, 1 to 1000" \
    reg key revoke --wait 0 abcdefghijkl
refuses "to wait for nobody" 2 "--wait-timeout goes with --wait" \
    reg key revoke --wait-timeout 5s abcdefghijkl
refuses "a URL without a path" 2 "--store file: lacks a path" \
    reg --store file: key list
refuses "a store that is not there" 3 \
    "$dir/none.json: No such file or directory" \
    reg --store "file:$dir/none.json" key list
refuses "a key for a store that is not there" 3 \
    "$dir/none.json: No such file or directory" \
    reg --store "file:$dir/none.json" key create --tenant acme
is "$(cd "$dir" && echo none*)" "none.json.lock" "which is not created either"
refuses "a store in no directory" 3 \
    "$dir/none/store.json: No such file or directory" \
    reg --store "file:$dir/none/store.json" tenant set acme
refuses "a directory for a store" 3 "$dir: not a regular file" \
    reg --store "file:$dir" key list

# key create

create() { reg key create --tenant acme "$@"; }

refuses "an unknown tenant" 1 \
    "key (new): there is no tenant nobody: create it with tenant set" \
    reg key create --tenant nobody
refuses "an unknown role" 1 \
    "key (new): there is no role nobody: role list says which there are" \
    create --role nobody


bad_key() {                                     # NAME SENTENCE OPTION...
    local name=$1 sentence=$2

    shift 2
    refuses "$name" 2 "key \"(new)\": $sentence" create "$@"
}

bad_key "an overlong name" \
    "name: is longer than 255 bytes" \
    --name "$text"
bad_key "a control character" \
    "name: holds a control character" \
    --name $'a\tb'
bad_key "an overlong role" "roles[0]: is no name: [a-z0-9][a-z0-9._-]{0,62}" \
    --role "$long"
bad_key "a role in capitals" "roles[1]: is no name: [a-z0-9][a-z0-9._-]{0,62}" \
    --role image-puller --role Ops
bad_key "a bad scope" \
    "scopes[0]: unknown action \"fly\"; a repository takes \
pull, push, delete or *" \
    --scope repository:a:fly
bad_key "a network with host bits" \
    "allow_from[0]: \"10.0.0.1/8\" has bits set behind its prefix" \
    --allow-from 10.0.0.1/8

refuses "an overlong tenant" 2 \
    "key \"(new)\": tenant: is no name: [a-z0-9][a-z0-9._-]{0,62}" \
    reg key create --tenant "$long"
refuses "a name that is not UTF-8" 2 "the name is not UTF-8" \
    create --name $'\xff'
refuses "a role that is not UTF-8" 2 "--role is not UTF-8" \
    create --role $'\xff'
for time in tomorrow 90 2026-13-01T00:00:00Z 2026-01-01 1y 0d; do
    output=$(create --expires "$time" 2>&1)
    like "$?|$output" '^2\|ngx-registry: --expires: .' \
         "a bad time: $time"
done
refuses "a time that is over" 2 \
    "--expires: the key would end before it begins" \
    create --expires 2026-01-01T00:00:00Z
refuses "an end before the beginning" 2 \
    "--expires: the key would end before it begins" \
    create --expires 1d --not-before 2d
refuses "an unknown output" 2 "--output is key, docker, k8s or json" \
    create --output yaml
refuses "docker without a registry" 2 \
    "--output docker needs --registry, the host that clients pull from" \
    create --output docker
refuses "a registry without docker" 2 \
    "--registry goes with --output docker or k8s" create --registry r
for host in "" "a/b" 'a"b' "http://a" "$text$text"; do
    refuses "a bad registry: ${host:0:10}" 2 \
        "--registry is a host name, with :PORT where it has one" \
        create --output docker --registry "$host"
done
refuses "a pepper that is not there" 2 \
    "--pepper-file $dir/none: No such file or directory" \
    create --pepper-file "$dir/none"
echo short > "$dir/pepper"
refuses "a short pepper" 2 \
    "--pepper-file $dir/pepper: a pepper has 16 to 1024 bytes" \
    create --pepper-file "$dir/pepper"
head -c 1025 /dev/zero > "$dir/pepper"
refuses "a long pepper" 2 \
    "--pepper-file $dir/pepper: a pepper has 16 to 1024 bytes" \
    create --pepper-file "$dir/pepper"

# the other commands

refuses "key list of an unknown overlap" 2 \
    "--overlap: $(create --expires 1y 2>&1 | sed 's/.*--expires: //')" \
    reg key rotate "$id" --overlap 1y
refuses "key rotate of no key" 1 "there is no key 000000000000" \
    reg key rotate 000000000000
refuses "key rotate of no id" 2 "that is no key id: 12 letters and digits" \
    reg key rotate ci
refuses "key revoke of nothing" 2 "give the id of a key, or --stdin, or \
--tenant with --created-before" reg key revoke
refuses "key revoke of two things" 2 "give the id of a key, or --stdin, or \
--tenant with --created-before" reg key revoke "$id" --stdin
refuses "key revoke of a whole tenant" 2 \
    "--tenant and --created-before go together" reg key revoke --tenant acme
refuses "key revoke of an unknown tenant" 1 "there is no tenant nobody" \
    reg key revoke --tenant nobody --created-before 1d
refuses "key revoke of no key" 1 "there is no key 000000000000" \
    reg key revoke 000000000000
refuses "an overlong reason" 2 \
    "key \"$id\": reason: is longer than 255 bytes" \
    reg key revoke "$id" --reason "$text"

refuses "an overlong tenant's name" 2 \
    "tenant \"$long\": name: is no name: [a-z0-9][a-z0-9._-]{0,62}" \
    reg tenant set "$long"
refuses "a path for a tenant's name" 2 \
    "tenant \"../x\": name: is no name: [a-z0-9][a-z0-9._-]{0,62}" \
    reg tenant set ../x
refuses "a label without a value" 2 "--label takes NAME=VALUE" \
    reg tenant set acme --label owner
refuses "a bad label" 2 "tenant \"acme\": labels: \"cost-center\" is no name \
of a label: [a-z][a-z0-9_]{0,62}" reg tenant set acme --label cost-center=1
refuses "an overlong label" 2 \
    "tenant \"acme\": labels.owner: is longer than 255 bytes" \
    reg tenant set acme --label "owner=$text"
refuses "a label that is not UTF-8" 2 "--label is not UTF-8" \
    reg tenant set acme --label $'owner=\xff'
refuses "a limit without a rate" 2 "--limit takes NAME=VALUE" \
    reg tenant set acme --limit pulls
refuses "a limit of nothing" 2 "tenant \"acme\": limits.pulls: \"0/s\" lets \
nothing pass, the least is 1 in a window, such as 1/1d" \
    reg tenant set acme --limit pulls=0/s
refuses "a negative limit" 2 "tenant \"acme\": limits.pulls: \"-5/s\" is no \
limit, write \"off\", a rate such as 100/6h or a quota such as 10TB/month" \
    reg tenant set acme --limit pulls=-5/s
refuses "a limit by the fortnight" 2 "tenant \"acme\": limits.pulls: \
\"fortnight\" is no window, it is one of s, m, h, d and w, with a number before \
it or without, such as 6h" reg tenant set acme --limit pulls=10/fortnight
refuses "a limit in powers" 2 "tenant \"acme\": limits.egress: \"e9TB\" in \
\"1e9TB\" is no unit of bytes, it is one of B, kB, MB, GB, TB, PB, KiB, MiB, \
GiB, TiB and PiB" reg tenant set acme --limit egress=1e9TB/month
refuses "a limit with a bad name" 2 "tenant \"acme\": limits: \"Pulls\" is no \
name of a limit: [a-z0-9][a-z0-9._-]{0,62}" \
    reg tenant set acme --limit Pulls=1/s
refuses "a limit of a key that is none" 2 "key \"(new)\": limits.pulls: \
\"0/s\" lets nothing pass, the least is 1 in a window, such as 1/1d" \
    reg key create --tenant acme --limit pulls=0/s
refuses "suspend and resume" 2 "--suspend and --resume contradict each other" \
    reg tenant set acme --suspend --resume

refuses "a built-in role" 2 \
    "role \"image-puller\": name: is a built-in role" \
    reg role set image-puller --scope "repository:**:*"
refuses "a role without scopes" 2 "--scope is missing" reg role set ops
refuses "a role with a bad scope" 2 \
    "role \"ops\": scopes[1]: unknown action \"fly\"; a repository takes pull, \
push, delete or *" \
    reg role set ops --scope "repository:a:pull" --scope "repository:a:fly"

refuses "control characters are not repeated" 2 \
    "there is no command a?[31mb?c: ngx-registry --help lists them" \
    reg $'a\e[31mb\u009bc'

refuses "a bad --since" 2 \
    "--since: $(create --expires soon 2>&1 | sed 's/.*--expires: //')" \
    reg audit list --since soon


# help is no error, and changes nothing

for words in "" "key" "key create" "tenant set" "apply" "explain" \
             "store check" "audit list"; do
    output=$(env -u REGISTRY_STORE "$tool" $words --help 2> "$dir/stderr")
    like "$?|$(cat "$dir/stderr")|$output" '^0\|\|usage: ngx-registry' \
         "help: ${words:-all}"
done

is "$(reg --help)" "$(reg -h)" "-h is --help"
is "$(reg --help key create)" "$(reg key create --help)" "in any place"
like "$(reg --version)" '^ngx-registry [0-9]+\.[0-9]+\.[0-9]+$' "--version"
is "$(reg key list --tenant acme --format json)" \
   "$(reg --format json key list --tenant acme)" \
   "options of every command stand anywhere"

status=0
reg key list > /dev/full 2> "$dir/stderr" || status=$?
is "$status $(cat "$dir/stderr")" \
   "3 ngx-registry: cannot write to standard output" \
   "an answer that cannot be written is an error"
status=0
create --role image-puller > /dev/full 2> "$dir/stderr" || status=$?
is "$status $(sed 's/key .\{12\}:/key ID:/' "$dir/stderr")" \
   "3 ngx-registry: cannot write to standard output: No space left on device
ngx-registry: nobody has seen key ID: revoke it and make another" "so is a key"

finish
