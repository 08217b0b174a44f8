# Debian roots of our own, in which another Debian's programs run. Read by seurat5.sh and
# bare_debian.sh, which set `root`. Everything is mounted in a namespace of the script's own, so
# that nothing stays mounted when it ends, however it ends.
. "$(dirname "$0")/apt.sh"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Go on in such a namespace, with these arguments.
enter_namespace() {
    [ "${DEBIAN_INSIDE:-}" != yes ] || return 0
    [ "$(uname -s)" = Linux ] || fail "needs Linux"
    [ "$(id -u)" = 0 ] || fail "needs root, for a Debian of its own (debootstrap, chroot, mount)"
    command -v unshare >/dev/null || fail "needs unshare (package util-linux)"
    unshare --mount true 2>/dev/null ||
        fail "this machine lets nobody mount anything (a container would need CAP_SYS_ADMIN)"
    DEBIAN_INSIDE=yes exec unshare --mount --propagation private sh "$0" "$@"
}

inside() {
    chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}

# DEBIAN_MIRROR, or the host's own, if the host is a Debian.
mirror() {
    of_apt() {
        apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' \
            'Created-By: Packages' 2>/dev/null | grep -m 1 '^http' || true
    }
    found=${DEBIAN_MIRROR:-$(of_apt)}
    # It knows none before its lists are there.
    [ -n "$found" ] || { apt_get update >&2 && found=$(of_apt); }
    [ -n "$found" ] || fail "apt names no Debian mirror: set DEBIAN_MIRROR to one"
    echo "$found"
}

# Debian's smallest system: make_debian SUITE FOLDER LOG
make_debian() {
    if ! command -v debootstrap >/dev/null; then
        command -v apt-get >/dev/null || fail "needs debootstrap: install it"
        echo "Installing debootstrap …"
        apt_install debootstrap debian-archive-keyring ||
            fail "needs debootstrap, and apt could not install it"
    fi
    from=$(mirror) || exit 1
    echo "Making a Debian ($1) in $2, from $from …"
    debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "$from" >"$3" 2>&1 ||
        fail "debootstrap failed: see $3"
    # No service is to be started.
    printf '#!/bin/sh\nexit 101\n' >"$2/usr/sbin/policy-rc.d"
    chmod +x "$2/usr/sbin/policy-rc.d"
}

mount_system() {
    mount -t proc proc "$root/proc"
    mount --rbind --make-rslave /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    # Names of hosts as outside; a mount, so that the files of the root stay as they are.
    for file in /etc/resolv.conf /etc/hosts; do
        [ -e "$root$file" ] || : >"$root$file"
        mount --bind "$(realpath "$file")" "$root$file"
    done
}

# The same path inside as outside.
bind() {
    if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root$(dirname "$1")"; fi
    [ -e "$root$1" ] || : >"$root$1"
    mount --bind "$1" "$root$1"
}
