#!/bin/sh
# Run the R tests, or another command, under Debian 13's R 4.5 and Seurat 5:
#
#     seurat5.sh PYTHON [COMMAND [ARGUMENT …]]
#
# PYTHON is the one in the virtual environment that has smartcore. The Debian root is made once, in
# the folder SEURAT5_ROOT (.cache/trixie). Everything is mounted in a namespace of this script's own,
# so that nothing stays mounted when it ends, however it ends.
set -eu

packages="r-base-core r-base-dev r-cran-seurat r-cran-seuratobject r-cran-reticulate r-cran-testthat
    r-bioc-singlecellexperiment r-bioc-spatialexperiment r-cran-hdf5r r-cran-mclust r-cran-knitr
    r-cran-rmarkdown r-bioc-biocstyle pandoc r-cran-roxygen2 r-cran-rcmdcheck"

fail() {
    echo "seurat5.sh: $*" >&2
    exit 1
}

# Virtual environment, base, version, standard library, folder of shared libraries, interpreter.
look_at() {
    "$1" -c '
import os, sys, sysconfig as s
print(sys.prefix, sys.base_prefix, "%d.%d" % sys.version_info[:2], s.get_path("stdlib"), sep="\n")
print(s.get_config_var("LIBDIR"), os.path.realpath(sys.executable), sep="\n")'
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
    [ -n "$found" ] || { apt-get update -qq >&2 && found=$(of_apt); }
    [ -n "$found" ] || fail "apt names no Debian mirror: set DEBIAN_MIRROR to one"
    echo "$found"
}

make_root() {
    if ! command -v debootstrap >/dev/null; then
        command -v apt-get >/dev/null || fail "needs debootstrap: install it"
        echo "Installing debootstrap …"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            -o DPkg::Lock::Timeout=600 debootstrap debian-archive-keyring >/dev/null ||
            fail "needs debootstrap, and apt could not install it"
    fi
    if [ -e "$root.partial" ]; then
        ! grep -qF " $root.partial/" /proc/self/mounts ||
            fail "$root.partial, left by a build that failed, has mounts beneath: unmount them"
        rm -rf --one-file-system "$root.partial"
    fi
    from=$(mirror) || exit 1
    echo "Making a Debian 13 in $root, from $from …"
    debootstrap --variant=minbase --include=ca-certificates trixie "$root.partial" "$from" \
        >"$root.log" 2>&1 || fail "debootstrap failed: see $root.log"
    mv "$root.partial" "$root"
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

install_packages() {
    [ "$(cat "$root/.packages" 2>/dev/null)" != "$packages" ] || return 0
    echo "Installing R, Seurat and others in $root (a few minutes) …"
    # No service is to be started.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    { inside apt-get update && inside apt-get install -y --no-install-recommends $packages; } \
        >"$root.log" 2>&1 || fail "apt-get failed: see $root.log"
    inside apt-get clean
    printf '%s' "$packages" >"$root/.packages"
}

bind() {
    if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root$(dirname "$1")"; fi
    [ -e "$root$1" ] || : >"$root$1"
    mount --bind "$1" "$root$1"
}

mount_python() {
    bind "$checkout"
    bind "$venv"
    case $base in
    /usr | /usr/local)
        # Only what belongs to this Python: the rest of /usr is Debian 13's.
        bind "$interpreter"
        bind "$stdlib"
        for library in "$libdir/libpython$version"*.so*; do
            [ ! -f "$library" ] || bind "$library"
        done
        # Its links would lead to Debian 13's Python.
        mount -t tmpfs tmpfs "$root$venv/bin"
        for name in python python3 "python$version"; do
            ln -s "$interpreter" "$root$venv/bin/$name"
        done
        ;;
    *) bind "$base" ;;
    esac
    inside "$venv/bin/python" -c 'import smartcore' ||
        fail "Python $version of $base cannot import smartcore in Debian 13 (see above)"
}

# In a function, so that the shell has read all of it before it begins.
main() {
    [ $# -ge 1 ] || fail "name the Python of the virtual environment: seurat5.sh .venv/bin/python"
    if [ "${SEURAT5_INSIDE:-}" != yes ]; then
        [ "$(uname -s)" = Linux ] || fail "needs Linux"
        [ "$(id -u)" = 0 ] || fail "needs root, for a Debian 13 of its own (debootstrap, chroot, mount)"
        command -v unshare >/dev/null || fail "needs unshare (package util-linux)"
        unshare --mount true 2>/dev/null ||
            fail "this machine lets nobody mount anything (a container would need CAP_SYS_ADMIN)"
        SEURAT5_INSIDE=yes exec unshare --mount --propagation private sh "$0" "$@"
    fi

    python=$1
    shift
    checkout=$(cd "$(dirname "$0")/.." && pwd -P)
    root=${SEURAT5_ROOT:-$checkout/.cache/trixie}
    case $root in /*) ;; *) root=$PWD/$root ;; esac
    parent=$(dirname "$root")
    mkdir -p "$parent"
    root=$(cd "$parent" && pwd -P)/$(basename "$root")
    [ "$root" != / ] || fail "SEURAT5_ROOT must be a folder for a Debian root, not /"

    facts=$(look_at "$python") || fail "$python does not run"
    fact() { printf '%s\n' "$facts" | sed -n "$1p"; }
    venv=$(fact 1)
    base=$(fact 2)
    version=$(fact 3)
    stdlib=$(fact 4)
    libdir=$(fact 5)
    interpreter=$(fact 6)
    [ "$venv" != "$base" ] || fail "$python is in no virtual environment"

    exec 9>"$root.lock"
    flock 9 # two builds would spoil each other
    [ -d "$root" ] || make_root
    mount_system
    install_packages
    exec 9>&-
    mount_python
    data=$(dirname "$checkout")/shared
    [ ! -d "$data" ] || bind "$data"

    library=$(mktemp -d "$root/tmp/library.XXXXXX")
    library=${library#"$root"}
    echo "Installing the package in Debian 13 …"
    inside R CMD INSTALL --no-docs --no-test-load --library="$library" "$checkout" \
        >"$root$library.log" 2>&1 || {
        cat "$root$library.log" >&2
        fail "R CMD INSTALL failed"
    }
    [ $# -gt 0 ] || set -- sh -c 'cd tests && Rscript ../tools/test_r.R'
    inside R_LIBS="$library" RETICULATE_PYTHON="$venv/bin/python" SMART_REQUIRE_PYTHON=true \
        NOT_CRAN=true OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" \
        sh -c 'cd "$0" && exec "$@"' "$checkout" "$@"
}

main "$@"; exit
