#!/bin/bash
#
# The Debian packages in a Debian of their own, this one's release: installed,
# used as README.md says, upgraded, removed and purged.

set -uo pipefail
. "$(dirname "$0")/../lib/chroot.sh"

need_chroot

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
module=libnginx-mod-http-registry
deb=$dir/deb
enabled=etc/nginx/modules-enabled/50-mod-http-registry.conf
state=var/lib/ngx-registry


# Prints how dpkg has a package, two letters.

package() {                                     # PACKAGE
    in_chroot dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2> /dev/null | xargs
}


apt() {                                         # ARGUMENT...
    in_chroot apt-get -q -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold "$@"
}


# The same package with another version.

repack() {                                      # FILE VERSION
    local tmp=$dir/repack

    rm -rf "$tmp"
    dpkg-deb -R "$1" "$tmp"
    sed -i "s/^Version: .*/Version: $2/" "$tmp/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$tmp" "$root/old" > /dev/null
}


# The blocks of README.md in a language, from a heading on.

readme() {                                      # HEADING LANGUAGE
    awk -v heading="## $1" -v fence="\`\`\`$2" '
        $0 == heading    { there = 1; next }
        /^## /           { there = 0 }
        there && /^```/  { inside = $0 == fence; next }
        there && inside  { print }
    ' "$top/README.md"
}


new_chroot "$suite"
install_in_chroot nginx docker-registry logrotate systemd
runs "the packages build" "$top/scripts/build-deb" "$deb"

mkdir "$root/old" "$root/new"
cp "$deb/$module"_*.deb "$deb"/ngx-registry_*.deb "$root/new"
for file in "$root/new"/*; do repack "$file" 0.0.1-1; done


# installed

runs "apt-get install ./*.deb" apt install $(cd "$root" && ls -d ./old/*)
is "$(package $module) $(package ngx-registry)" "ii ii" "both are installed"
is "$(readlink "$root/$enabled")" \
   /usr/share/nginx/modules-available/mod-http-registry.conf \
   "the module is enabled"
runs "nginx takes it" in_chroot nginx -t
is "$(stat -c '%a %U %G' "$root/$state")" "2750 root www-data" \
   "the directory of the store is for who reads it"
is "$(stat -c '%a %U %G' "$root/$state/egress")" "2750 www-data www-data" \
   "and that of the ledger for who counts in it"
is "$(in_chroot ngx-registry --version)" \
   "$("${NGX_REGISTRY:-$top/build/ngx-registry}" --version)" "the tool runs"
runs "its manual page is there" test -s "$root/usr/share/man/man1/ngx-registry.1.gz"


# used: the lines of README.md, with docker-registry and skopeo

readme "The first key" sh > "$root/root/first-key"
in_chroot bash -euc 'cd /root && . ./first-key' > /dev/null
ok $? "README.md: the first key"
readme "The first configuration" nginx > "$root/etc/nginx/nginx.conf"
runs "README.md: the first configuration" in_chroot nginx -t

cat > "$dir/use" <<'USE'
. "$top/t/lib/image.sh"
oci_layout "$dir/image" amd64

chroot "$root" docker-registry serve \
    /usr/share/doc/ngx-registry/conf.example/docker-registry.yml \
    > "$dir/registry.log" 2>&1 &
for i in {1..100}; do curl -s -o /dev/null 127.0.0.1:5000 && break; sleep 0.1; done
chroot "$root" nginx

registry=127.0.0.1:8080
export REGISTRY_AUTH_FILE=$dir/auth.json

curl -s -o /dev/null -w '%{http_code}\n' http://$registry/v2/

skopeo login --tls-verify=false -u acme --password-stdin $registry \
    < "$root/root/acme.key"
skopeo --insecure-policy copy -q --dest-tls-verify=false \
    "oci:$dir/image:latest" docker://$registry/acme/app:1
skopeo --insecure-policy copy -q --src-tls-verify=false \
    docker://$registry/acme/app:1 "dir:$dir/pulled" && echo pulled
skopeo --insecure-policy copy -q --dest-tls-verify=false \
    "oci:$dir/image:latest" docker://$registry/other/app:1 2> /dev/null ||
    echo denied

# a change, by the tool of the package, in the file of the package

id=$(cut -c 5-16 "$root/root/acme.key")
chroot "$root" ngx-registry --store file:/var/lib/ngx-registry/store.json \
    key revoke "$id" 2> /dev/null
for i in {1..100}; do
    code=$(curl -s -o /dev/null -w '%{http_code}' \
        -u "acme:$(< "$root/root/acme.key")" http://$registry/v2/)
    [ "$code" != 401 ] || break
    sleep 0.1
done
echo "$code"
USE

export root dir top
is "$(alone bash "$dir/use" 2> "$dir/use.log" < /dev/null)" \
   "401
Login Succeeded!
pulled
denied
401" "README.md: nginx serves a push and a pull, and knows a key that is revoked"
diag "$(cat "$dir/use.log")"
is "$(cd "$root/$state" && stat -c '%n %a %U %G' store.json)" \
   "store.json 640 root www-data" "the store is for the workers to read"


# looked after: what the system does of what is in the package

in_chroot ngx-registry --store file:/var/lib/ngx-registry/store.json \
    budget set tenant:acme 1GB/month > /dev/null
runs "systemd understands the units" in_chroot bash -c \
    'systemd-analyze verify --man=no /lib/systemd/system/ngx-registry-*'

for unit in "$root"/lib/systemd/system/ngx-registry-*.service; do
    sed -n 's/^ExecStart=//p' "$unit" > "$root/root/command"
    runs "${unit##*/} runs" in_chroot bash -c \
        'set -a && . /etc/default/ngx-registry && . /root/command'
done

is "$(in_chroot find "/$state/egress" ! -user www-data)" "" \
   "and leaves the ledger to the workers"

audit=$root/$state/store.json.audit
lines=$(wc -l < "$audit")
runs "logrotate takes its file" in_chroot logrotate -f /etc/logrotate.d/ngx-registry
is "$(wc -l < "$audit.1")" "$lines" "the audit is rotated, whole"

mv "$root/$state" "$root/kept"
runs "systemd-tmpfiles makes the directories" \
    in_chroot systemd-tmpfiles --create /usr/lib/tmpfiles.d/ngx-registry.conf
is "$(stat -c '%a %U %G' "$root/$state" "$root/$state/egress")" \
   "2750 root www-data
2750 www-data www-data" "as they were"
rmdir "$root/$state/egress" "$root/$state" && mv "$root/kept" "$root/$state"


# upgraded

before=$(sha256sum < "$root/$state/store.json")
runs "apt-get install: a newer version" \
    apt install $(cd "$root" && ls -d ./new/*)
is "$(in_chroot dpkg-query -W -f '${Version} ' $module ngx-registry)" \
   "$(dpkg-deb -f "$deb/$module"_*.deb Version)$(printf ' %s ' \
       "$(dpkg-deb -f "$deb"/ngx-registry_*.deb Version)")" "it is there"
is "$(sha256sum < "$root/$state/store.json")" "$before" "the keys stay"
runs "nginx takes it" in_chroot nginx -t

rm "$root/$enabled"
apt install --reinstall $(cd "$root" && ls -d ./new/lib*) > /dev/null 2>&1
[ ! -e "$root/$enabled" ]
ok $? "who has disabled the module is not overruled"
ln -s /usr/share/nginx/modules-available/mod-http-registry.conf "$root/$enabled"


# removed: nginx goes on without the module where nothing is said of it

printf 'include /etc/nginx/modules-enabled/*.conf;\nevents { }\n' \
    > "$root/etc/nginx/nginx.conf"
runs "apt-get remove" apt remove $module ngx-registry
is "$(package $module) $(package ngx-registry)" "rc rc" \
   "both are gone but for their configuration"
runs "nginx does without it" in_chroot nginx -t
is "$(sha256sum < "$root/$state/store.json")" "$before" "the keys stay"

runs "apt-get install: again" apt install $(cd "$root" && ls -d ./new/*)
[ -L "$root/$enabled" ]
ok $? "it is enabled as before"


# purged

runs "apt-get purge" apt purge $module ngx-registry
is "$(cd "$root" && ls -d etc/logrotate.d/ngx-registry etc/default/ngx-registry \
    usr/lib/nginx/modules/ngx_http_registry_module.so \
    "$enabled" "$enabled.removed" 2> /dev/null)" "" "nothing of them is left"
is "$(sha256sum < "$root/$state/store.json")" "$before" \
   "but the keys, which are data"

find "$root/$state" -type f -delete
apt install $(cd "$root" && ls -d ./new/ngx-registry*) > /dev/null 2>&1
apt purge ngx-registry > /dev/null 2>&1
[ ! -e "$root/$state" ]
ok $? "an empty directory goes, too"

finish
