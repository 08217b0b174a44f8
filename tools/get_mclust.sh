#!/bin/sh
# R with mclust, for the tests of clustering that compare with it.
set -eu
has_mclust() { command -v Rscript >/dev/null && Rscript -e 'library(mclust)' >/dev/null 2>&1; }
has_mclust && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing R and mclust …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        r-base-core r-base-dev r-cran-mclust >/dev/null
    has_mclust
else
    echo "R with its package mclust is not here, and needs root to be installed:" >&2
    echo "the tests that compare with it will be skipped." >&2
fi
