# Debian packages that Herald is built from and runs with; sourced, not run.
#
#   ensure_packages NAME...      install those that are missing; says which; ends the script when it
#                                cannot
#   build_packages               the names for building Herald on this release

build_packages() {
    echo build-essential cmake ninja-build pkg-config libzmq3-dev libczmq-dev libsodium-dev \
        libsqlite3-dev libpq-dev libxxhash-dev libjansson-dev "$(msgpack_package)"
}

# msgpack-c's development package has another name in trixie than in bookworm.
msgpack_package() {
    if [ "$(. /etc/os-release && echo "${VERSION_ID:-0}")" -ge 13 ] 2>/dev/null; then
        echo libmsgpack-c-dev
    else
        echo libmsgpack-dev
    fi
}

ensure_packages() {
    local missing=() name
    for name in "$@"; do
        if ! dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed; then
            missing+=("$name")
        fi
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]}; this script installs with apt-get only (Debian 12 or 13)" >&2
        exit 69
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing: ${missing[*]}; run as root, or install sudo" >&2
            exit 77
        fi
        as_root=(sudo)
    fi
    echo "installing from Debian: ${missing[*]}"
    # Two runs at once wait for each other instead of failing on apt's lock.
    local options=(-q -y -o DPkg::Lock::Timeout=300)
    ${as_root[@]+"${as_root[@]}"} apt-get "${options[@]}" update >/dev/null
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get "${options[@]}" install --no-install-recommends "${missing[@]}" >/dev/null
}
