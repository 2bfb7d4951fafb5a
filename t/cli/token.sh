#!/bin/bash
#
# token keygen, rotate and inspect; openssl is the judge.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

cd "$dir"


try() {                                         # COMMAND...
    reg "$@" > out 2> err
}


try token keygen es.pem
is "$? $(< err)" "0 $(grep -oE '^ngx-registry: key [A-Za-z0-9_-]{43} \(ES256\) signs$' err)" \
   "keygen makes a key for ES256"
is "$(stat -c %a es.pem)" 640 "for its owner and group"
is "$(openssl pkey -in es.pem -noout -text 2>&1 | grep -c 'NIST CURVE: P-256')" \
   1 "openssl reads it"

for alg in RS256 EdDSA; do
    runs "keygen --alg $alg" reg token keygen --alg $alg $alg.pem
    runs "openssl reads it" openssl pkey -in $alg.pem -noout
done

fails "keygen overwrites nothing" 'is there already' reg token keygen es.pem
fails "another algorithm" 'ES256, RS256 or EdDSA' \
    reg token keygen --alg HS256 x.pem


kids() {
    sed -nE 's/.* key ([^ ]+) \(([A-Za-z0-9]+)\) (.*)/\3/p' err | xargs -d '\n'
}


chmod 600 es.pem
try token keygen f.pem
first=$(sed -nE 's/.* key ([^ ]+) .*/\1/p' err)
try token rotate f.pem
is "$(kids)" "signs still verifies" "rotate: the new key signs"
like "$(< err)" "$first \(ES256\) still verifies" "and the old one verifies"
try token rotate f.pem
is "$(kids)" "signs still verifies is gone" "until the next rotation"
try token rotate --keep 2 --alg EdDSA f.pem
is "$(grep -c BEGIN f.pem)" 3 "or longer, if that is wanted"
try token rotate --keep 0 es.pem
is "$(grep -c BEGIN es.pem) $(stat -c %a es.pem)" "1 600" \
   "or not at all; the mode stays"

# by a link, and two at once: making RSA takes its time

reg token keygen --alg RS256 rsa.pem 2> /dev/null
ln -s rsa.pem link.pem
reg token rotate --keep 16 link.pem 2> "$dir/first" &
reg token rotate --keep 16 rsa.pem 2> "$dir/second"
wait $!
is "$(readlink link.pem)" rsa.pem "rotate: a link stays one"
is "$(grep -c BEGIN rsa.pem)" 3 "and no key of two is lost"

fails "rotate needs a file" 'No such file' reg token rotate no.pem
echo x > no.pem
fails "with a key" 'no key in PEM' reg token rotate no.pem
fails "and a number" 'from 0 to 16' reg token rotate --keep x es.pem


# a token made with openssl

b64() {
    openssl base64 -A | tr '+/' '-_' | tr -d =
}


head=$(printf '{"alg":"EdDSA"}' | b64)
body=$(printf '{"iss":"a","sub":"b","exp":4102444800}' | b64)
printf '%s.%s' "$head" "$body" > input
sig=$(openssl pkeyutl -sign -rawin -inkey EdDSA.pem -in input | b64)
echo "$head.$body.$sig" > token

try --format json token inspect token
is "$(jq -r '.claims.sub + " " + .expires_at + " " + .verified' out)" \
   "b 2100-01-01T00:00:00Z not without --key" "inspect shows what a token says"
try --format json token inspect --key EdDSA.pem - < token
is "$? $(jq -r .verified out)" "0 it is valid" "and whether it is valid"
try --format json token inspect --key es.pem token
is "$? $(jq -r .verified out)" "1 its algorithm is not that of the key" \
   "or not"
echo "$head.$body.AAAA" > broken
try --format json token inspect --key EdDSA.pem broken
is "$? $(jq -r .verified out)" "1 its signature is wrong" "and why"
fails "what is no token" 'no token: a token has three parts' \
    reg token inspect es.pem

finish
