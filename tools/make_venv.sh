#!/bin/sh
# Make a virtual environment: make_venv.sh PYTHON FOLDER
set -eu
. "$(dirname "$0")/apt.sh"
python=$1
folder=$2
if ! command -v "$python" >/dev/null || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt_install python3 python3-venv
    else
        echo "Python's venv is missing: install the packages python3 and python3-venv." >&2
        exit 1
    fi
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version) is too old: Python 3.11 or newer is needed." >&2
    echo "Name one by: make PYTHON=/path/to/python3.11 …" >&2
    exit 1
fi
"$python" -m venv "$folder"
# Dependency groups need it.
"$folder/bin/python" -m pip install --retries 10 --quiet --disable-pip-version-check 'pip>=25.1' || {
    rm -rf "$folder"
    exit 1
}
