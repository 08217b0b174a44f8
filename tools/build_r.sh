#!/bin/sh
# Build the tarball of the R package in a folder: build_r.sh FOLDER [OPTION OF R CMD build …]
#
# R CMD build copies all that lies in the package's folder before it leaves out what .Rbuildignore
# names: gigabytes here, where virtual environment and caches are. So it gets what git knows.
set -eu
[ $# -ge 1 ] || { echo "build_r.sh: name the folder for the tarball" >&2; exit 1; }
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)
shift
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$copy/SpatialSMART"
git ls-files -z --cached --others --exclude-standard |
    tar --create --null --ignore-failed-read --files-from=- | tar --extract -C "$copy/SpatialSMART"
cd "$folder"
R CMD build "$@" "$copy/SpatialSMART"
