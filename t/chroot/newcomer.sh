#!/bin/bash
#
# The way of a newcomer: a Debian with git, make and an engine, whose package
# cache is warm; then a clone, "make run", and the lines that it prints until an
# image has come through the gateway.  What it takes is printed, and judged by
# nobody: it depends on the machine.

set -uo pipefail
. "$(dirname "$0")/../lib/chroot.sh"

need_chroot
command -v dockerd > /dev/null || skip_all "there is no dockerd"

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
clone=root/registry

new_chroot "$suite"
install_in_chroot git make

# the packages are in the cache, and none of them is installed

fetch=$root/etc/apt/apt.conf.d/91fetch
echo 'APT::Get::Download-Only "true";' > "$fetch"
cp "$top/scripts/install-packages" "$root/root"
in_chroot /root/install-packages run > "$dir/fetch.log" 2>&1
ok $? "the package cache is warm"
rm "$fetch"
! in_chroot test -e /usr/sbin/nginx
ok $? "nothing is installed yet"

cat > "$dir/use" <<'USE'
. "$top/t/lib/sandbox.sh"
. "$top/t/lib/engines.sh"

start_docker || exit

# A step, when it began, and what the processors had done by then for make and
# all that it has waited for.

make=

step() {                                        # NAME
    echo "$1 $EPOCHREALTIME $([ -z "$make" ] ||
        awk -v hz="$(getconf CLK_TCK)" '
            { print ($14 + $15 + $16 + $17) / hz }' /proc/$make/stat)"
}

step clone
git -c safe.directory='*' clone -q "file://$top" "$root/$clone" || exit
step make
background chroot "$root" bash -c "cd /$clone && exec make run" < /dev/null \
    > "$log" 2>&1
make=$!

# "installing", then what make says of each file, then the session

for event in "install:^installing" "compile:^  C" "push:key revoke"; do
    until grep -q "${event#*:}" "$log"; do
        kill -0 $make || exit
        sleep 0.1
    done

    step "${event%%:*}"
done

cd "$root/$clone"
eval "$(grep -oE '(docker (login|push)|tar -c) .*' "$log")" > "$log.docker" 2>&1 ||
    exit
host=$(sed -n 's/.*docker pull \([^/]*\).*/\1/p' "$log")
docker rmi -f "$host/demo/hello:1" > /dev/null
step pull
eval "$(grep -oE 'docker pull .*' "$log")" >> "$log.docker" 2>&1 || exit
step end
USE

log=$dir/make.log
export root dir top clone log
alone bash "$dir/use" > "$dir/times" 2> "$dir/use.log" < /dev/null
like "$(tail -n 1 "$dir/times")" '^end ' "README.md: from a clone to a pull"
[ "$(tail -n 1 "$dir/times" | cut -d ' ' -f 1)" = end ] ||
    diag "$(tail -n 20 "$log" "$log.docker" "$dir/use.log" 2> /dev/null)"

diag "$(awk '
    NR > 1      { printf "%s %.1f s (%.0f), ", name, $2 - last, $3 - used }
    NR == 1     { first = $2 }
                { name = $1; last = $2; used = $3 }
    END         { printf "together %.1f s", last - first }
' "$dir/times"), in brackets of processors"
diag "load: $(cut -d ' ' -f 1-3 /proc/loadavg)"

finish
