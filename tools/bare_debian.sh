#!/bin/sh
# README's "From R" on a computer that has nothing: makes a bare Debian 12, types there the lines
# that the README has for Debian as they stand, up to the maps of domains, and prints the time and
# the megabytes of each step. The plots and all that was printed go to build/bare_debian.
#
# Local folders and certificates that pip is told of outside are there inside as well. BARE_ROOT
# names the folder to work in, which must not be there yet and is removed at the end.
set -eu
. "$(dirname "$0")/debian.sh"
checkout=$(cd "$(dirname "$0")/.." && pwd -P)
results=$checkout/build/bare_debian

# The first block of README's section in language $1 that contains $2.
block() {
    awk -v language="$1" -v pattern="$2" '
        /^## / { section = $0 == "## From R" }
        inside && /^```$/ { if (index(text, pattern)) { printf "%s", text; exit } inside = 0 }
        inside { text = text $0 "\n" }
        section && $0 == "```" language { inside = 1; text = "" }' "$checkout/README.md" | grep . ||
        fail "README's section From R has no $1 with $2"
}

# pip's settings outside, and the folders and certificates that they name.
share_pip() {
    for file in /etc/pip.conf /etc/xdg/pip "$HOME/.config/pip" "$HOME/.pip"; do
        [ ! -e "$file" ] || { mkdir -p "$root$(dirname "$file")" && cp -R "$file" "$root$file"; }
    done
    settings=$(
        cat "$root/etc/pip.conf" "$root/etc/xdg/pip/"* 2>/dev/null
        env | grep '^PIP_' || true
    )
    for path in $(echo "$settings" | grep -o '/[^ ,=]*' | sed 's,^//*,/,'); do
        [ ! -d "$path" ] || bind "$path"
    done
    pip=$(env | grep '^PIP_' | grep -v '[ ]' || true)
    if [ -n "${PIP_CERT:-${SSL_CERT_FILE:-}}" ]; then
        cp "${PIP_CERT:-$SSL_CERT_FILE}" "$root/etc/certificates.crt"
        pip="$pip PIP_CERT=/etc/certificates.crt SSL_CERT_FILE=/etc/certificates.crt"
    fi
}

on_disk() { du -sxm "$root" | cut -f 1; }

# Megabytes that apt and pip say they fetch. Packages that pip found on a local disk count as well:
# others have to download them.
downloads() {
    {
        sed -nE -e 's/^Need to get ([0-9.,]+ [kMG]?B).*/\1/p' \
            -e 's/.*Downloading .*\(([0-9.]+ [kMG]?B)\)$/\1/p' "$1"
        grep -oE 'Processing /[^ ]+\.whl' "$1" | sort -u | while read -r _ wheel; do
            echo "$(stat -c %s "$root$wheel") B"
        done
    } | tr -d , | awk '
        BEGIN { of["B"] = 1e-6; of["kB"] = 1e-3; of["MB"] = 1; of["GB"] = 1e3 }
        { n += $1 * of[$2] }
        END { printf "%.0f", n }'
}

row() { printf '%-24s%10s%16s%12s\n' "$@" >>"$results/table.txt"; }

# Type lines in a shell of the checkout's copy: step NAME LINES
step() {
    echo "== $1"
    printf '%s\n' "$2" | sed 's/^/   /'
    began=$(date +%s)
    before=$(on_disk)
    log=$results/$(echo "$1" | tr ' A-Z' '_a-z').log
    inside $pip sh -e -c "cd /SpatialSMART
$2" >"$log" 2>&1 || { tail -n 30 "$log" >&2 && fail "$1 failed: see $log"; }
    row "$1" $(($(date +%s) - began)) "$(downloads "$log")" $(($(on_disk) - before))
}

main() {
    enter_namespace "$@"
    root=$1
    packages=$(block bash apt-get)
    build=$(block bash 'R CMD INSTALL')
    python=$(block bash constraints.txt)
    plots=$(block r SpatialDimPlot)
    make_debian bookworm "$root" "$results/debian.log"
    row step seconds 'MB downloaded' 'MB on disk'
    row Debian '' '' "$(on_disk)"
    mount_system
    share_pip
    mkdir "$root/SpatialSMART"
    tar --create --directory "$checkout" --exclude=./.git --exclude="./.venv*" --exclude=./.cache \
        --exclude=./build --exclude=./demo . | tar --extract --directory "$root/SpatialSMART"

    step 'R and Seurat' "$packages"
    step 'SpatialSMART' "$build"
    step 'Python core' "$python"
    printf '%s\n' "$plots" >"$root/SpatialSMART/typed.R"
    cat >"$root/SpatialSMART/run.R" <<'END'
png("/tmp/%02d.png", width = 1000, height = 800, res = 120)
source("typed.R", echo = TRUE)
END
    step 'Counts to maps' 'Rscript run.R'
    cp "$root"/tmp/[0-9]*.png "$results/"
    cat "$results/table.txt"
}

# The mounts are gone with the namespace, when the root is removed.
if [ $# = 0 ]; then
    mkdir -p "$results"
    rm -f "$results"/*
    root=${BARE_ROOT:-$(mktemp -d "${TMPDIR:-/var/tmp}/bare_debian.XXXXXX")/root}
    [ ! -e "$root" ] || fail "$root is there already"
    trap 'rm -rf --one-file-system "$root"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    sh "$0" "$root"
    exit
fi
main "$@"; exit
