#!/bin/sh
# Run the R tests, or another command, under Debian 13's R 4.5 and Seurat 5:
#
#     seurat5.sh PYTHON [COMMAND [ARGUMENT …]]
#
# PYTHON is the one in the virtual environment that has smartcore. The Debian root is made once, in
# the folder SEURAT5_ROOT (.cache/trixie).
set -eu
. "$(dirname "$0")/debian.sh"

packages="r-base-core r-base-dev r-cran-seurat r-cran-seuratobject r-cran-reticulate r-cran-testthat
    r-bioc-singlecellexperiment r-bioc-spatialexperiment r-cran-hdf5r r-cran-mclust r-cran-knitr
    r-cran-rmarkdown r-bioc-biocstyle pandoc r-cran-roxygen2 r-cran-rcmdcheck"

# Virtual environment, base, version, standard library, folder of shared libraries, interpreter.
look_at() {
    "$1" -c '
import os, sys, sysconfig as s
print(sys.prefix, sys.base_prefix, "%d.%d" % sys.version_info[:2], s.get_path("stdlib"), sep="\n")
print(s.get_config_var("LIBDIR"), os.path.realpath(sys.executable), sep="\n")'
}

make_root() {
    if [ -e "$root.partial" ]; then
        ! grep -qF " $root.partial/" /proc/self/mounts ||
            fail "$root.partial, left by a build that failed, has mounts beneath: unmount them"
        rm -rf --one-file-system "$root.partial"
    fi
    make_debian trixie "$root.partial" "$root.log"
    mv "$root.partial" "$root"
}

install_packages() {
    [ "$(cat "$root/.packages" 2>/dev/null)" != "$packages" ] || return 0
    echo "Installing R, Seurat and others in $root (a few minutes) …"
    { inside apt-get -o Acquire::Retries=5 update &&
        inside apt-get -o Acquire::Retries=5 install -y --no-install-recommends $packages; } \
        >"$root.log" 2>&1 || fail "apt-get failed: see $root.log"
    inside apt-get clean
    printf '%s' "$packages" >"$root/.packages"
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
    enter_namespace "$@"
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
