#!/bin/sh
# R and the packages that the tests need; with "check" as argument those of `R CMD check` and the
# vignettes, too. Installs Debian's or Ubuntu's binary packages where root and apt are there.
set -eu
. "$(dirname "$0")/apt.sh"

cran="Seurat SeuratObject Matrix cli rlang withr reticulate testthat mclust hdf5r ggplot2 png"
bioc="SingleCellExperiment SummarizedExperiment DelayedArray"
system="r-base-core r-base-dev libpython3-dev"
if [ "${1:-}" = check ]; then
    cran="$cran knitr rmarkdown roxygen2"
    bioc="$bioc BiocStyle BiocCheck"
    system="$system pandoc qpdf"
fi

# Names of R packages that are not there, or too old.
missing() {
    command -v Rscript >/dev/null || {
        echo "R $cran $bioc"
        return
    }
    Rscript --vanilla -e '
        wanted <- commandArgs(TRUE)
        least <- c(Seurat = "4.3", SeuratObject = "4.1.3", reticulate = "1.28", testthat = "3.0")
        there <- vapply(wanted, function(name) {
            version <- tryCatch(packageVersion(name), error = function(e) NULL)
            !is.null(version) && (is.na(least[name]) || version >= least[[name]])
        }, NA)
        cat(c(if (getRversion() < "4.2") "R", wanted[!there]))' $cran $bioc
}

lacking=$(missing)
[ -n "$lacking" ] || exit 0
if [ "${1:-}" = look ]; then
    ! command -v Rscript >/dev/null || echo "R lacks: $lacking" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing R packages: $lacking …"
    names=$(echo "$cran" | tr ' A-Z' '\na-z' | sed 's/^/r-cran-/')
    names="$names $(echo "$bioc" | tr ' A-Z' '\na-z' | sed 's/^/r-bioc-/')"
    apt_install $system $names
    lacking=$(missing)
    [ -n "$lacking" ] || exit 0
    echo "R ($(command -v Rscript || echo none)) still lacks: $lacking" >&2
    echo "Debian's packages are for Debian's R; for another R, or where they are too old:" >&2
else
    echo "Needed for the R tests and not here (or too old): $lacking" >&2
    echo "With root on Debian 12, Ubuntu 24.04 or newer this script installs them; otherwise" >&2
    echo "install R 4.2 or newer, and in it:" >&2
fi
echo '    install.packages("BiocManager")' >&2
list=$(for name in $lacking; do [ "$name" = R ] || printf '"%s", ' "$name"; done)
echo "    BiocManager::install(c(${list%, }))" >&2
exit 1
