#!/bin/sh
# Build the tarball of the R package in a folder:
#
#     build_r.sh [--vignettes] FOLDER [OPTION OF R CMD build …]
#
# Without --vignettes it needs R alone. With it the vignettes are run, which needs the packages that
# DESCRIPTION imports, Seurat, BiocStyle, knitr, rmarkdown and SingleCellExperiment, the program
# pandoc, and Python's core (install_smartcore()).
#
# R CMD build copies all that lies in the package's folder before it leaves out what .Rbuildignore
# names: gigabytes here, where virtual environment and caches are. So it gets the parts of an R
# package, and what the links in inst/python lead to.
set -eu
parts="DESCRIPTION NAMESPACE NEWS.md .Rbuildignore R data exec inst man po src vignettes
    tests/testthat.R tests/testthat README.md pyproject.toml python"

vignettes=--no-build-vignettes
[ "${1:-}" != --vignettes ] || { vignettes=; shift; }
[ $# -ge 1 ] || { echo "build_r.sh: name the folder for the tarball" >&2; exit 1; }
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)
shift
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$copy/SpatialSMART/tests"
for part in $parts; do
    [ ! -e "$part" ] || cp -R -P "$part" "$copy/SpatialSMART/$part"
done
cd "$folder"
R CMD build $vignettes "$@" "$copy/SpatialSMART"
