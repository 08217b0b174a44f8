#!/bin/sh
# Make a virtual environment for each peer: sh benchmarks/peers/install.sh FOLDER [PEER...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?name a folder for the environments}
shift
[ $# -gt 0 ] || set -- graphst banksy spatialglue cellcharter muon scvi
for peer; do
    python3 -m venv "$folder/$peer"
    pip="$folder/$peer/bin/python -m pip install --quiet --disable-pip-version-check"
    # torch by itself: CPU builds are found by its exact version.
    torch=$(grep '^torch==' "$here/$peer.txt" || true)
    [ -z "$torch" ] || $pip "$torch"
    $pip -r "$here/$peer.txt"
done
