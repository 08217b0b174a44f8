# Read by the scripts that install Debian's packages, several of which may run side by side.

# `apt-get update` does not wait for another one: it fails. Scripts of ours wait here for each other.
apt_get() {
    DEBIAN_FRONTEND=noninteractive flock /var/lib/apt apt-get -qq \
        -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 "$@"
}

# apt_install PACKAGE …
apt_install() {
    apt_get update >&2 && apt_get install -y --no-install-recommends "$@" >/dev/null
}
