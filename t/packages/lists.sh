#!/bin/bash
#
# The spec of the RPM and the APKBUILD, which no tool of Debian builds: they
# parse, are of this version, and name what "make install" and packaging/system
# have.

set -uo pipefail
. "$(dirname "$0")/../lib/sandbox.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
version=$("$NGX_REGISTRY" --version | sed 's/.* //')
spec=$top/packaging/rpm/ngx-registry.spec
apk=$top/packaging/apk/APKBUILD

make -s -C "$top" install DESTDIR="$dir/root" > /dev/null


is "$(sed -n 's/^Version: *//p' "$spec") $(sed -n 's/^pkgver=//p' "$apk")" \
   "$version $version" "both are of the version of the tool"

# the files of the spec, with the directories of Fedora

sed -n '/^%files/,$s/^[^#]*\(%{[a-z_]*}\/[^ ]*\)$/\1/p' "$spec" |
    sed -e 's|%{_bindir}|/usr/bin|; s|%{_mandir}|/usr/share/man|' \
        -e 's|%{_datadir}|/usr/share|; s|%{_docdir}|/usr/share/doc|' \
        -e 's|%{_tmpfilesdir}|/usr/lib/tmpfiles.d|' \
        -e 's|%{_unitdir}|/usr/lib/systemd/system|' \
        -e 's|%{_sysconfdir}|/etc|; s|%{_sharedstatedir}|/var/lib|' \
        -e 's|%{nginx_moddir}|/usr/lib/nginx/modules|' \
        -e 's|%{nginx_modconfdir}|/usr/share/nginx/modules|' > "$dir/files"


# A file is in the list, or a directory above it is, or a pattern.

listed() {                                      # PATH
    local entry

    while read -r entry; do
        # shellcheck disable=SC2254
        case $1 in $entry | $entry/*) return 0 ;; esac
    done < "$dir/files"

    return 1
}


while read -r file; do
    listed "$file"
    ok $? "the spec has $file"
done < <(cd "$dir/root" && find . -type f -printf '/%P\n' | sort)

for file in "$top"/packaging/system/*; do
    name=${file##*/}

    case $name in
    *.service | *.timer)
        grep -q '_unitdir} packaging/system/\*.service' "$spec" ;;
    *)
        grep -q "packaging/system/$name" "$spec" &&
            { [ "$name" = ngx-registry.tmpfiles ] ||
              grep -q "packaging/system/$name" "$apk"; } ;;
    esac
    ok $? "the packages have $name"
done

runs "the APKBUILD is a script" bash -n "$apk"
is "$(cd "$dir" && bash -c '. "$0"; declare -F build package _module | wc -l' \
    "$apk")" 3 "it has the functions that abuild calls"

if command -v rpmspec > /dev/null; then
    runs "rpmspec parses the spec" rpmspec -q --define 'nginx_moddir /m' \
        --define 'nginx_modconfdir /c' --define '_unitdir /u' \
        --define '_tmpfilesdir /t' "$spec"
fi

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
