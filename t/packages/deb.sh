#!/bin/bash
#
# The Debian packages: they build, lintian has nothing to say, and all that
# "make install" installs is in one of them.

set -uo pipefail
. "$(dirname "$0")/../lib/sandbox.sh"

command -v dh_nginx > /dev/null || skip_all "there is no dh_nginx"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
deb=$dir/deb
module=libnginx-mod-http-registry
system=packaging/system


# Prints what is in a package, files and links.

contents() {                                    # PACKAGE
    dpkg-deb -c "$deb/${1}_"*.deb | awk '!/^d/ { print substr($6, 2) }'
}


field() {                                       # PACKAGE FIELD
    dpkg-deb -f "$deb/${1}_"*.deb "$2"
}


runs "the packages build" "$top/scripts/build-deb" "$deb"

# whoever publishes them puts an address of theirs, and closes no bug of Debian

is "$(lintian --tag-display-limit 0 --allow-root --suppress-tags \
    bogus-mail-host,bogus-mail-host-in-debian-changelog,\
initial-upload-closes-no-bugs "$deb"/*.changes 2>&1)" "" \
   "lintian has nothing to say"

is "$(field ngx-registry Version | sed 's/-.*//')" \
   "$("$NGX_REGISTRY" --version | sed 's/.* //')" \
   "their version is that of the tool"
like "$(field $module Depends)" \
     "$(sed -n 's/^nginx:abi=//p' \
         /usr/share/nginx/src/debian/libnginx-mod.abisubstvars)" \
     "the module depends on the ABI of nginx"

is "$(contents $module | grep -v /doc/)" \
   "/usr/lib/nginx/modules/ngx_http_registry_module.so
/usr/share/nginx/modules-available/mod-http-registry.conf" \
   "the module comes with the line that loads it"

# a manual page is packed

make -s -C "$top" install DESTDIR="$dir/root" > /dev/null
is "$(comm -23 <(cd "$dir/root" && find . -type f -printf '/%P\n' | sort) \
               <({ contents $module; contents ngx-registry; } |
                   sed 's/\.gz$//' | sort))" "" \
   "all that make install installs is in a package"

# what of the system there is for the tool

is "$(cd "$top/$system" && sha256sum -- * | cut -c 1-64 | sort)" \
   "$(dpkg-deb -x "$deb/ngx-registry_"*.deb "$dir/x" &&
       find "$dir/x/etc" "$dir/x"/lib "$dir/x/usr/lib" -type f \
           -exec sha256sum {} + | cut -c 1-64 | sort)" \
   "and all of $system"

if command -v systemd-analyze > /dev/null; then
    mkdir "$dir/units"
    cp "$top/$system"/*.service "$top/$system"/*.timer "$dir/units"
    sed -i "s|/usr/bin/ngx-registry|$NGX_REGISTRY|" "$dir/units"/*.service
    is "$(systemd-analyze verify --man=no "$dir/units"/* 2>&1 |
        grep -F "$dir/units")" "" "systemd understands its units"
fi

for unit in "$top/$system"/*.service; do
    command=$(sed -n 's|^ExecStart=/usr/bin/ngx-registry \([^$]*\).*|\1|p' \
        "$unit")
    runs "there is what ${unit##*/} runs" "$NGX_REGISTRY" $command --help
done

finish
