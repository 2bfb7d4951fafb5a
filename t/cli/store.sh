#!/bin/bash
#
# The file of the store: its checks, its backups, and how it is replaced.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

hash=sha256:$(printf '%064d' 0)


key_of() {                                      # ID TENANT MEMBERS
    printf '"%s":{"version":1,"id":"%s","tenant":"%s","hash":"%s"%s}' \
        "$1" "$1" "$2" "$hash" "$3"
}


# store check

cat > "$store" <<END
{"version":1,
"keys":{
$(key_of aaaaaaaaaaaa acme ',"roles":["image-puller"]'),
$(key_of bbbbbbbbbbbb acme ',"expires_at":"soon"'),
$(key_of cccccccccccc acme ',"secret":"x"'),
$(key_of dddddddddddd acme ',"roles":['),
$(key_of aaaaaaaaaaaa acme ''),
$(key_of eeeeeeeeeeee acme ',"name":7')
},
"tenants":{
  "acme": {
    "version": 1,
    "name": "acme",
    "labels": {"Owner": "ann"}
  }
},
"roles":{
"image-puller":{"version":1,"name":"image-puller","scopes":[]}}}
END
chmod 640 "$store"

why='"soon" is no time, write it as 2026-01-31T23:59:59Z'
status=0
output=$(reg store check 2> "$dir/stderr") || status=$?
is "$status|$(cat "$dir/stderr")|$output" "1||\
$store:4: error: key \"bbbbbbbbbbbb\": expires_at: $why
$store:5: error: key \"cccccccccccc\": unknown member \"secret\"
$store:6: error: key \"dddddddddddd\": column $(($(key_of dddddddddddd acme ',"roles":[' |
    wc -c) - 15)): unexpected token near '}'
$store:7: error: key \"aaaaaaaaaaaa\": is there twice, in line 3 too
$store:8: error: key \"eeeeeeeeeeee\": name: must be a string
$store:11: error: tenant \"acme\": labels: \"Owner\" is no name of a label: [a-z][a-z0-9_]{0,62}
$store:18: error: role \"image-puller\": name: is a built-in role
6 keys, 1 tenant, 1 role: 7 errors, 0 warnings" \
   "store check names every broken record, with line and member"
is "$(reg store check --format json | jq -c '.[0], length')" \
   '{"severity":"error","line":4,"type":"key","name":"bbbbbbbbbbbb","message":"expires_at: '"${why//\"/\\\"}"'"}
7' "in JSON, too"

refuses "a broken store is not changed" 3 \
    "$store: line 7: the key \"aaaaaaaaaaaa\" is there twice, in line 3 too" \
    reg tenant set other
sed -i 7d "$store"
refuses "not even beside the broken record" 3 \
    "$store: line 4: key \"bbbbbbbbbbbb\": expires_at: $why" \
    reg tenant set other
refuses "nor exported" 3 \
    "$store: line 4: key \"bbbbbbbbbbbb\": expires_at: $why" reg store export

printf '{"version":1,\n"keys":{\n%s,\n%s\n' "$(key_of aaaaaaaaaaaa acme '')" \
    "$(key_of bbbbbbbbbbbb acme ',"x":1')" > "$store"
is "$(reg store check; echo $?)" \
   "$store:4: error: key \"bbbbbbbbbbbb\": unknown member \"x\"
$store:5: error: ',' or '}' expected, but the file ends here; the rest has not been checked
2 keys, 0 tenants, 0 roles: 2 errors, 0 warnings
1" "a broken document is the last error"

echo '{"version":2,"shards":[]}' > "$store"
is "$(reg store check; echo $?)" \
   "$store:1: error: store version 2 is newer than this program understands; the rest has not been checked
0 keys, 0 tenants, 0 roles: 1 error, 0 warnings
1" "a newer store is not understood"
refuses "and not written" 3 \
    "$store: line 1: store version 2 is newer than this program understands" \
    reg tenant set acme

cat > "$store" <<END
{"version":1,
"keys":{
$(key_of aaaaaaaaaaaa acme ',"roles":["image-puller","ops","none"]'),
$(key_of bbbbbbbbbbbb gone ''),
$(key_of cccccccccccc gone ',"roles":["none"],"revoked_at":"2026-01-01T00:00:00Z"'),
$(key_of dddddddddddd acme ',"expires_at":"2026-01-01T00:00:00Z"'),
"eeeeeeeeeeee":{"version":2}},
"roles":{"ops":{"version":1,"name":"ops","scopes":[]}},
"tenants":{"acme":{"version":1,"name":"acme"}}}
END
chmod 644 "$store"
is "$(reg store check; echo $?)" \
   "$store:7: warning: key \"eeeeeeeeeeee\": is of a later version than this program understands; a gateway like this one denies it
$store:3: warning: key \"aaaaaaaaaaaa\": there is no role none
$store:4: warning: key \"bbbbbbbbbbbb\": there is no tenant gone
$store: warning: every user of this machine may read the file (mode 644)
5 keys, 1 tenant, 1 role: 0 errors, 4 warnings
0" "what is hardly meant is a warning"
chmod 666 "$store"
like "$(reg store check)" \
     'every user of this machine may write the file \(mode 666\)' \
     "a store that all may write, too"
chmod 640 "$store"

refuses "a record of a later version is not changed" 1 "the key eeeeeeeeeeee \
was written by a later version of ngx-registry, which is needed to change it" \
    reg key revoke eeeeeeeeeeee


# what is not changed stays as it was

reg tenant set other
is "$(sed '/^"other"/d; s/^\("acme".*\),$/\1/' "$store")" \
   "{\"version\":1,
\"keys\":{
$(key_of aaaaaaaaaaaa acme ',"roles":["image-puller","ops","none"]'),
$(key_of bbbbbbbbbbbb gone ''),
$(key_of cccccccccccc gone ',"roles":["none"],"revoked_at":"2026-01-01T00:00:00Z"'),
$(key_of dddddddddddd acme ',"expires_at":"2026-01-01T00:00:00Z"'),
\"eeeeeeeeeeee\":{\"version\":2}
},
\"tenants\":{
\"acme\":{\"version\":1,\"name\":\"acme\"}
},
\"roles\":{
\"ops\":{\"version\":1,\"name\":\"ops\",\"scopes\":[]}
}}" "records that nobody touched are the same bytes"

printf '{"version":1,"tenants":{"acme":{\n "version": 1,\n "name": "acme",\n
 "labels": {"owner": "Åsa \\" \\\\ {"}}}}' > "$store"
reg tenant set other
is "$(grep '^"acme"' "$store")" \
   '"acme":{"version":1,"name":"acme","labels":{"owner":"Åsa \" \\ {"}},' \
   "one that was laid out by hand becomes a line"


# mode, owner, links

chmod 604 "$store"
reg tenant set acme --label a=1
is "$(stat -c %a "$store")" 604 "the mode is kept"
chmod 640 "$store"

if [ "$(id -u)" = 0 ]; then
    chown 12:34 "$store"
    reg tenant set acme --label a=2
    is "$(stat -c %u:%g "$store")" 12:34 "owner and group are kept"

    rm -f "$store.audit" "$store.lock"
    reg tenant set acme --label a=3
    is "$(stat -c '%u:%g %a' "$store.audit" "$store.lock")" "12:34 640
12:34 640" "audit and lock have the same"

    # in a directory of its own user 12 may replace what belongs to root
    mkdir -m 755 "$dir/own"
    chmod 755 "$dir"
    cp "$store" "$dir/own/store.json"
    chmod 644 "$dir/own/store.json"
    chown 12:34 "$dir/own"
    cp "$tool" "$dir/tool"
    before=$(sha256sum < "$dir/own/store.json")
    output=$(setpriv --reuid 12 --regid 34 --clear-groups "$dir/tool" \
        --store "file:$dir/own/store.json" tenant set acme --label a=4 2>&1)
    is "$?|$output|$(sha256sum < "$dir/own/store.json")|$(stat -c %u:%g \
        "$dir/own/store.json")" \
       "3|ngx-registry: cannot give the new $dir/own/store.json to the owner \
and group of the old one: be that user or root|$before|0:0" \
       "a store whose owner cannot be kept is not changed"
    is "$(ls "$dir/own")" "store.json
store.json.audit
store.json.lock" "and nothing is left"
    chown 0:0 "$store"
fi

mkdir "$dir/links" "$dir/real"
mv "$store" "$dir/real/store.json"
ln -s ../real/store.json "$dir/links/store.json"
reg --store "file:$dir/links/store.json" tenant set acme --label a=5
is "$(readlink "$dir/links/store.json")" ../real/store.json \
   "a symbolic link stays one"
is "$(jq -r .tenants.acme.labels.a "$dir/real/store.json") $(ls "$dir/links")" \
   "5 store.json" "and what it names is replaced, with audit and lock beside"
is "$(cd "$dir/real" && "$tool" --store file:store.json tenant list |
    sed -n 2p)" "acme   no         owner=Åsa \" \\ {, a=5" \
   "a path may be relative"
ln -s nowhere "$dir/dangling"
refuses "a link to nothing is not replaced" 3 \
    "$dir/dangling: No such file or directory" \
    reg --store "file:$dir/dangling" tenant set acme
ln -s "$dir/elsewhere" "$dir/x.json.audit"
like "$(reg --store "file:$dir/x.json" tenant set acme 2>&1; echo $?)" \
     "x.json.audit: Too many levels of symbolic links.*3\$" \
     "an audit that is a link is not written"
is "$(ls "$dir/elsewhere" "$dir/x.json" 2>&1 | grep -c 'No such')" 2 \
   "and without an audit there is no change"
mv "$dir/real/store.json" "$store"

# what a killed one left is no hindrance

echo rubbish > "$store.tmp"
prints "a leftover of another is replaced" "" reg tenant set acme --label a=6
is "$([ -e "$store.tmp" ] || echo gone)" gone "and nothing is left of it"


# export and import

rm -f "$store" "$store".*
reg tenant set acme
reg role set ops --scope "repository:ops/**:*"
for i in 1 2 3 4; do
    id[i]=$(key_id "$(reg key create --tenant acme --name k$i --role ops \
        --expires 90d)")
done

reg store export > "$dir/backup"
is "$(cat "$dir/backup")" "$(cat "$store")" "an export is the store"
is "$(reg --store "file:$dir/new.json" store import "$dir/backup" 2>&1
      cat "$dir/new.json")" "ngx-registry: 6 records imported, 0 as they were
$(cat "$store")" "an import into nothing is the same store"
before=$(state)
says "an import of what is there" "0 records imported, 6 as they were" \
    reg store import "$dir/backup"
is "$(state)" "$before" "changes nothing"

reg key revoke "${id[1]}" --reason leaked 2> /dev/null
next=$(key_id "$(reg key rotate "${id[2]}" --overlap 1d 2> /dev/null)")
jq -c --arg id "${id[3]}" \
    '.keys[$id].expires_at = "2026-01-01T00:00:00Z"' "$store" > "$dir/x"
cat "$dir/x" > "$store"
reg tenant set acme --suspend --label owner=ann
reg role set ops --scope "repository:none:pull"
reg tenant set later
before=$(jq -S -c --arg id "${id[4]}" '.keys | del(.[$id])' "$store")

reg store import - < "$dir/backup" 2> "$dir/stderr"
is "$?|$(cat "$dir/stderr")" "0|ngx-registry: key ${id[1]} stays revoked
ngx-registry: tenant acme stays suspended
ngx-registry: 2 records imported, 4 as they were" "a backup is put back"
is "$(jq -S -c --arg id "${id[4]}" '.keys | del(.[$id])' "$store")" "$before" \
   "what was revoked, rotated or has expired stays so"
is "$(jq -c '.tenants, .roles' "$store")" \
   '{"acme":{"version":1,"name":"acme","suspended":true},"later":{"version":1,"name":"later"}}
{"ops":{"version":1,"name":"ops","scopes":["repository:ops/**:*"]}}' \
   "the rest is as in the backup, and what is new stays"
is "$(reg key list --format json | jq -r '.[].state' | tr '\n' ' ')" \
   "revoked suspended expired suspended suspended " "nothing came to life"
is "$(record "$next" .name)" k2 "the next key is still there"

# a revocation that only the backup has is taken over

jq -c --arg id "${id[4]}" '.keys[$id].revoked_at = "2026-02-01T00:00:00Z"' \
    "$dir/backup" > "$dir/x"
reg store import "$dir/x" 2> /dev/null
is "$(record "${id[4]}" .revoked_at)" 2026-02-01T00:00:00Z \
   "a revocation of the backup is taken over"

jq -c --arg id "${id[4]}" --arg hash "$hash" '.keys[$id].hash = $hash' \
    "$dir/backup" > "$dir/x"
refuses "another key of the same id" 1 "key ${id[4]} has one hash in the store \
and another in the backup: these are two keys" reg store import "$dir/x"
jq -c '.roles.ops.version = 2' "$store" > "$dir/x"
refuses "a backup of a later version" 1 "the role ops was written by a later \
version of ngx-registry, which is needed to change it" \
    reg store import "$dir/x"
cp "$store" "$dir/y"
cat "$dir/x" > "$store"
like "$(reg store import "$dir/y" 2>&1)" \
     'role ops: the store has one of a later version, which stays' \
     "a record of a later version stays"
is "$(jq -c .roles.ops.version "$store")" 2 "as it is"

refuses "a backup that is none" 2 \
    "$dir/z: line 1: '{' expected instead of 'n'" \
    eval 'echo no > "$dir/z"; reg store import "$dir/z"'
refuses "a backup with a broken record" 2 \
    "$dir/z: line 1: tenant \"a\": unknown member \"b\"" \
    eval 'echo "{\"version\":1,\"tenants\":{\"a\":{\"version\":1,\"name\":\"a\",\"b\":1}}}" \
          > "$dir/z"; reg store import "$dir/z"'
refuses "no backup" 2 "$dir/none: No such file or directory" \
    reg store import "$dir/none"

finish
