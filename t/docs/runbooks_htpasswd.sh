#!/bin/bash
#
# The runbook migrating-from-htpasswd.md: keys at the new name of a registry,
# passwords at the old one.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/runbook.sh"

[ "$EUID" = 0 ] && id www-data > /dev/null 2>&1 ||
    skip_all "only root gives a file to the workers"

users=$dir/backend/htpasswd
htpasswd -Bbc "$users" olduser oldpassword 2> /dev/null
start_backend "
auth:
  htpasswd:
    realm: old
    path: $users" 401
gateway=

runbook migrating-from-htpasswd.md "1. Let the backend know the gateway"
is "$(stat -c '%a %G' "$etc/registry.backend")" "640 www-data" \
   "the workers, and nobody else, may read the password"
runbook migrating-from-htpasswd.md "2. Make tenants and keys"
like "$(< "$output")" "ci .*laptops|laptops .*ci" "two keys are there"
cat "$work"/{ci,laptops}.key >> "$secrets"
start_gateway htpasswd.conf


# Both at once.

says() {                                        # HOST USER:PASSWORD
    curl -s -o /dev/null -w '%{http_code}' -u "$2" -H "Host: $1" \
        "http://$gateway/v2/acme/app/tags/list"
}


new=registry.example.com
old=old.registry.example.com
ci=$(< "$work/ci.key")

is "$(says $new "ci:$ci") $(says $new olduser:oldpassword)" "404 401" \
   "the new name takes the key, and not the password"
is "$(says $old olduser:oldpassword) $(says $old olduser:wrong)" "404 401" \
   "the old name takes the password, and no other"
is "$(grep -c "authorization=\"Basic $(base64 -w 0 \
    < <(printf %s "$(< "$etc/registry.backend")"))\"" "$backend_log")" 1 \
   "the backend sees the gateway in place of the key"

finish
