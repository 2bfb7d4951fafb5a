# A Debian of its own for a test, below /var/tmp, gone when the test ends.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/chroot.sh"
#
#     need_chroot             skips the test where it cannot be had
#     new_chroot SUITE        debootstrap; its path is in $root
#     in_chroot COMMAND...    runs there, on the network of the machine
#     install_in_chroot PACKAGE...
#     alone COMMAND...        runs on the machine, where the only network is a
#                             loopback of its own and the only processes are
#                             its own, which end with it; $root/proc and
#                             $root/dev are there
#
# DEBIAN_MIRROR is where packages come from, by default what debootstrap takes.

. "$(dirname "${BASH_SOURCE[0]}")/sandbox.sh"

root=


leave_chroot() {
    local status=$?

    [ -z "$root" ] || rm -rf --one-file-system "$root"
    (exit $status)
    leave
}

trap leave_chroot EXIT


need_chroot() {
    [ "$EUID" = 0 ] || skip_all "chroot is for root alone"
    command -v debootstrap > /dev/null || skip_all "there is no debootstrap"
}


new_chroot() {                                  # SUITE
    root=$(mktemp -d /var/tmp/registry-chroot.XXXXXX)
    chmod 755 "$root"

    debootstrap --variant=minbase "$1" "$root" ${DEBIAN_MIRROR:-} \
        > "$dir/debootstrap.log" 2>&1 || {
            ok 1 "debootstrap $1"
            diag "$(tail -n 20 "$dir/debootstrap.log")"
            exit 1
        }

    printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"

    # an archive may be older than the date that it names, as snapshots are

    echo 'Acquire::Check-Valid-Until "false";' \
        > "$root/etc/apt/apt.conf.d/90snapshot"

    # no package that comes with a service starts it

    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}


in_chroot() {                                   # COMMAND...
    unshare --mount --pid --fork bash -c '
        mount -t proc proc "$0/proc"
        mount --bind /dev "$0/dev"
        exec chroot "$0" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
    ' "$root" "$@"
}


install_in_chroot() {                           # PACKAGE...
    {
        in_chroot apt-get update -q &&
            in_chroot apt-get install -q -y --no-install-recommends "$@"
    } > "$dir/apt.log" 2>&1 || {
        ok 1 "apt-get install $*"
        diag "$(tail -n 20 "$dir/apt.log")"
        exit 1
    }
}


alone() {                                       # COMMAND...
    unshare --mount --pid --fork --net --kill-child bash -c '
        ip link set lo up
        mount -t proc proc /proc
        mount -t proc proc "$0/proc"
        mount --bind /dev "$0/dev"
        "$@"
    ' "$root" "$@"
}
