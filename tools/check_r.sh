#!/bin/sh
# Check a tarball of the R package, in the folder where it is: check_r.sh TARBALL [OPTION …]
#
# First R CMD check, with these options, of which no warning is accepted; then BiocCheck, without
# the checks that ask Bioconductor's site.
set -eu
cd "$(dirname "$1")"
tarball=$(basename "$1")
shift

# Packages that are suggested but not there, such as SpatialExperiment on Debian 12, are no fault.
export _R_CHECK_FORCE_SUGGESTS_=false
R CMD check "$@" "$tarball"
if grep -q '^Status:.*WARNING' SpatialSMART.Rcheck/00check.log; then
    echo "R CMD check warns (see above)." >&2
    exit 1
fi

export BIOCONDUCTOR_ONLINE_VERSION_DIAGNOSIS=FALSE
Rscript -e '
    found <- BiocCheck::BiocCheck(
        commandArgs(TRUE),
        `no-check-deprecated` = TRUE, `no-check-CRAN` = TRUE, `no-check-bioc-help` = TRUE,
        `no-check-bioc-views` = TRUE, `no-check-version-num` = TRUE, `no-check-remotes` = TRUE
    )
    quit(status = as.integer(length(found$error) > 0))' "$tarball"
