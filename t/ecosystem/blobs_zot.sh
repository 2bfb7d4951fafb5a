#!/bin/bash
#
# Behind the gateway zot gives nobody a blob of somebody else, as it is set up in
# docs/security.md.  As it comes, with "dedupe", a HEAD brings the blob of any
# repository into the one that is asked: what it does is said, and not judged.

set -uo pipefail
. "$(dirname "$0")/../lib/ecosystem.sh"

need zot

registry tenant set acme
registry tenant set rival
rival=$(new_key --tenant rival --role image-pusher)
acme=$(new_key --tenant acme --role image-pusher)
digest=sha256:$(printf secret | sha256sum | cut -d ' ' -f 1)


# What the one is told of its own blob, and the other of that blob, in $owner and
# in $other.

try_blob() {
    local blob=blobs/$digest uploads=/v2/acme/app/blobs/uploads/

    key=$rival
    owner=$(status POST "/v2/rival/app/blobs/uploads/?digest=$digest" \
        -H 'Content-Type: application/octet-stream' --data-binary secret)
    owner+=" $(status GET "/v2/rival/app/$blob")"

    key=$acme
    other=$(status HEAD "/v2/acme/app/$blob" -I)
    other+=" $(status GET "/v2/acme/app/$blob")"
    other+=" $(status POST "$uploads?mount=$digest" -H 'Content-Length: 0')"
    other+=" $(status POST "$uploads?mount=$digest&from=rival/app" \
        -H 'Content-Length: 0')"
    other+=" $(status GET "/v2/acme/app/$blob")"
    key=
}


start_zot
start_gateway
try_blob
is "$owner" "201 200" "who has pushed a blob has it"
is "$other" "404 404 202 202 404" "nobody else sees it, nor mounts it"
stop_gateway

start_zot true
start_gateway
try_blob
diag "with dedupe: HEAD, GET, two mounts and GET say $other"

no_secret_leaked
finish
