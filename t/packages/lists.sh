#!/bin/bash
#
# The RPM and the package of Alpine have the files that those of Debian have:
# what "make install" installs, and what is in packaging/system.  Of both only the
# compiling is left out, for which there are the distributions themselves.

set -uo pipefail
. "$(dirname "$0")/../lib/sandbox.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
version=$("$NGX_REGISTRY" --version | sed 's/.* //')
spec=$top/packaging/rpm/ngx-registry.spec
apk=$top/packaging/apk/APKBUILD

make -s -C "$top" install DESTDIR="$dir/root" > /dev/null

is "$(sed -n 's/^Version: *//p' "$spec") $(sed -n 's/^pkgver=//p' "$apk")" \
   "$version $version" "both are of the version of the tool"


# Prints what is below a directory, files and empty directories.

files() {                                       # DIR
    (cd "$1" && find . \( -type f -o -type d -empty \) -printf '/%P\n') | sort
}


# The same, with those of packaging/system where they are to be.

wanted() {                                      # FILE...
    { files "$dir/root"; printf '%s\n' "$@"; } | sort
}


# The RPM: %install and %files as they are, and what is built already in place of
# %build.

build_rpm() {
    local source=ngx-registry-$version

    mkdir -p "$dir/rpm/SOURCES"
    "$top/scripts/copy-tree" "$dir/$source"
    tar -C "$dir" -czf "$dir/rpm/SOURCES/$source.tar.gz" "$source"

    B=$(realpath "$(dirname "$NGX_REGISTRY")") rpmbuild -bb --nodeps --quiet \
        --define "_topdir $dir/rpm" \
        --define "_vpath_builddir build" \
        --define "_docdir /usr/share/doc" \
        --define "_sharedstatedir /var/lib" \
        --define "_tmpfilesdir /usr/lib/tmpfiles.d" \
        --define "_unitdir /usr/lib/systemd/system" \
        --define "build_ldflags -g" \
        --define "systemd_post : post" \
        --define "systemd_preun : preun" \
        --define "systemd_postun : postun" \
        --define "debug_package %{nil}" \
        --define "nginx_moddir /usr/lib/nginx/modules" \
        --define "nginx_modconfdir /usr/share/nginx/modules" \
        --define "nginx_modrequires Requires: nginx" \
        --define "nginx_modconfigure mkdir build" \
        --define "nginx_modbuild cp \$B/ngx_http_registry_module.so build" "$spec"
}


if command -v rpmbuild > /dev/null; then
    runs "the RPMs build" build_rpm
    rpms=("$dir"/rpm/RPMS/*/*.rpm)
    is "$(rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "${rpms[@]}" |
           grep -v -e '^d.* /usr/' -e /usr/share/licenses/ -e /usr/lib/.build-id |
           sed -e 's|^[^ ]* ||' -e '/man1/s/\.gz$//' | sort)" \
       "$(cd "$top/packaging/system" && wanted \
           /etc/default/ngx-registry /etc/logrotate.d/ngx-registry \
           /usr/lib/tmpfiles.d/ngx-registry.conf \
           $(printf '/usr/lib/systemd/system/%s\n' *.service *.timer) \
           /usr/share/nginx/modules/mod-http-registry.conf \
           /var/lib/ngx-registry /var/lib/ngx-registry/egress)" \
       "the RPMs have the files"
    is "$(rpm -qp --qf "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} \
%{FILENAMES}\n]" "${rpms[@]}" | grep /var/lib/)" \
       "drwxr-s--- root nginx /var/lib/ngx-registry
drwxr-s--- nginx nginx /var/lib/ngx-registry/egress" "and the directories"
    is "$(rpm -qp --scripts "${rpms[@]}" | sed -n 's/^: //p' | xargs -n 4 |
           while read -r when timers; do
               echo "$when $(printf '%s\n' $timers | sort | xargs)"
           done)" \
       "$(cd "$top/packaging/system" && printf "%s $(echo *.timer)\n" \
           post preun postun)" "and systemd is told of each timer"
else
    ok 0 "the RPMs build # SKIP rpmbuild is not installed"
fi


# The package of Alpine: what abuild does with package and _module, in a shell
# that is as little bash as Alpine's.

cat > "$dir/abuild" <<'ABUILD'
amove() {
    mkdir -p "$subpkgdir/${1%/*}"
    mv "$pkgdir/$1" "$subpkgdir/$1"
    (cd "$pkgdir" && rmdir -p --ignore-fail-on-non-empty "${1%/*}")
}

install() {                     # there may be no such user here
    command install $(echo " $*" | sed 's/ -[og] nginx//g')
}

. "$1"
package
_module
ABUILD

mkdir "$dir/apk"
runs "the APKBUILD packages" env -C "$top" CFLAGS= LDFLAGS= pkgdir="$dir/apk" \
    subpkgdir="$dir/module" srcdir="$dir" dash -eu "$dir/abuild" "$apk"
is "$({ files "$dir/apk"; files "$dir/module"; } | sort)" \
   "$(wanted /etc/logrotate.d/ngx-registry /etc/nginx/modules/http_registry.conf \
       /var/lib/ngx-registry/egress)" "the packages of Alpine have the files"
is "$(files "$dir/module")" \
   "/etc/nginx/modules/http_registry.conf
/usr/lib/nginx/modules/ngx_http_registry_module.so" "the module in one of its own"
runs "what it runs before is a script" \
    sh -n "$(dirname "$apk")/$(. "$apk" && echo "$install")"


# each library that Debian's are built with has other names there

for name in curl4-openssl:libcurl:curl hiredis jansson pcre2 ssl:openssl:openssl; do
    IFS=: read -r deb rpm alpine <<< "$name"

    [[ $(< "$top/debian/control") =~ lib$deb-dev &&
       $(< "$spec") =~ [\ ]${rpm:-$deb}-devel &&
       $(< "$apk") =~ [\ \"]${alpine:-$deb}-dev ]]
    ok $? "all three are built with ${rpm:-$deb}"
done

is "$(grep -o 'lib[a-z0-9-]*-dev\|zlib1g-dev' "$top/debian/control" | wc -l)" 6 \
   "and with zlib, and no other"


# Kubernetes

is "$(sed -n '/^resources:/,/^$/s/^  - //p' \
        "$top/packaging/kubernetes/base/kustomization.yaml" | sort)" \
   "$(cd "$top/packaging/kubernetes/base" && ls -- *.yaml |
       grep -v kustomization | sort)" "and kustomization.yaml names all of it"


# what kubelet asks, and is told

provider=$top/packaging/kubernetes/node/ngx-registry-credential
request='{"kind":"CredentialProviderRequest",
"apiVersion":"credentialprovider.kubelet.k8s.io/v1",
"image":"registry.example.com:8443/acme/app:1"}'
echo ngr_0123456789ab_x > "$dir/node.key"
echo 'ngr_", "x' > "$dir/bad.key"
is "$("$provider" "$dir/node.key" <<< "$request" | jq -c '[.kind, .auth]')" \
   "$(echo '["CredentialProviderResponse",{"registry.example.com:8443":' \
           '{"username":"node","password":"ngr_0123456789ab_x"}}]' | tr -d ' ')" \
   "kubelet is told the key of the node"
fails "but not what is none" 'holds no API key' \
    "$provider" "$dir/bad.key" <<< "$request"

finish
