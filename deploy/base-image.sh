#!/usr/bin/env bash
# Make the Debian image that deploy/Dockerfile starts from, for an engine that reaches no registry.
#
#   ./deploy/base-image.sh [RELEASE...]   bookworm (default) or trixie
#
# The image gets the tag that the Dockerfile names, debian:RELEASE-slim; one that is there already is
# left alone. Its packages come from the mirror that this machine's apt uses. Needs root, debootstrap
# and an engine; takes about half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

# The mirror of the release itself and that of its security updates, as this machine has them.
mirror_of() {
    apt-get indextargets --format '$(REPO_URI) $(SUITE) $(CODENAME)' 'Created-By: Packages' |
        awk -v want="$1" '{ kind = /-security/ ? "security" : "release" }
            kind == want { print $1; exit }'
}

write_sources() {
    local release=$1 main=$2 security
    security=$(mirror_of security)
    echo "deb $main $release main"
    echo "deb $main $release-updates main"
    [ -z "$security" ] || echo "deb $security $release-security main"
}

# As in Debian's own slim images: no sync for each file of a package, no documentation, no translations.
write_settings() {
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/image-speed"
    printf 'path-exclude /usr/share/%s/*\n' doc man locale >"$1/etc/dpkg/dpkg.cfg.d/image-slim"
    echo 'Acquire::Languages "none";' >"$1/etc/apt/apt.conf.d/image-slim"
}

make_image() {
    local release=$1 tag=debian:$1-slim main
    if docker image inspect "$tag" >/dev/null 2>&1; then
        echo "$tag is there already"
        return
    fi
    main=$(mirror_of release)
    if [ -z "$main" ]; then
        echo "base-image.sh: this machine's apt names no mirror; apt-get update first" >&2
        exit 69
    fi
    if ! debootstrap --variant=minbase "$release" "$root/$release" "$main" >"$root/log" 2>&1; then
        tail -n 20 "$root/log" >&2
        echo "base-image.sh: debootstrap of $release failed" >&2
        exit 69
    fi
    write_sources "$release" "$main" >"$root/$release/etc/apt/sources.list"
    write_settings "$root/$release"
    rm -rf "$root/$release"/var/cache/apt/archives/*.deb "$root/$release"/var/lib/apt/lists/* \
        "$root/$release"/var/cache/apt/*.bin "$root/$release"/usr/share/{doc,man,locale}/*
    tar -C "$root/$release" -c . | docker import --change 'CMD ["bash"]' - "$tag" >/dev/null
    rm -rf "${root:?}/$release"
    echo "$tag is made"
}

for release in "$@"; do
    case $release in
        bookworm | trixie) ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "base-image.sh: unknown release $release (bookworm, trixie)" >&2; exit 64 ;;
    esac
done
[ "$#" -gt 0 ] || set -- bookworm
docker info >/dev/null 2>&1 || { echo "base-image.sh: no engine answers" >&2; exit 69; }
ensure_packages debootstrap
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
for release in "$@"; do
    make_image "$release"
done
