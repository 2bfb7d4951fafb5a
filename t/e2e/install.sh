#!/bin/bash
#
# "make install": what goes where, and that it works from there.

set -uo pipefail
. "$(dirname "$0")/../lib/e2e.sh"

runs "make install" make -s -C "$top" install DESTDIR="$dir/root"

is "$(cd "$dir/root" && find . -type f -printf '%m %P\n' | sort -k 2 |
      grep -v conf.example)" \
   "755 usr/bin/ngx-registry
644 usr/lib/nginx/modules/ngx_http_registry_module.so
644 usr/share/bash-completion/completions/ngx-registry
644 usr/share/doc/ngx-registry/redis.acl
644 usr/share/man/man1/ngx-registry.1" "the files are where Debian looks"
is "$(ls "$dir/root/usr/share/doc/ngx-registry/conf.example")" \
   "$(ls "$top/conf.example")" "the examples are with the documents"

like "$("$dir/root/usr/bin/ngx-registry" --version)" '^ngx-registry [0-9]' \
     "the tool runs"

export MODULE_DIR=$dir/root/usr/lib/nginx/modules
registry tenant set acme
start_backend
start_gateway
key=
is "$(status GET /v2/)" 401 "the module loads"

finish
