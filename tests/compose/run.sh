#!/usr/bin/env bash
# The containers on the engine of this machine: images, scenarios, packages. Where none answers it
# says so, and nothing is counted as passed. No image is ever pulled.
#
#   ./tests/compose/run.sh [COUNTS [FILE...]]   COUNTS gets "passed failed skipped"; all test_*.py
#                                               unless files are named
#
# HERALD_BIN         the directory with the built programs (default ./build/release/bin)
# HERALD_TEST_KEEP   not empty: leave the images, for the next run's cache
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/packages.sh
counts=${1:-/dev/stdout}
[ "$#" -eq 0 ] || shift
files=("$@")
[ "${#files[@]}" -gt 0 ] || files=(test_partition.py test_volumes.py test_images.py test_scale.py \
    test_kill.py test_packages.py test_restart.py test_keys.py test_documents.py test_version2.py)
at_once=3 # most of what the scenarios do is wait

engine_version() {
    docker version -f '{{.Server.Version}}' 2>/dev/null
}

why=
version=$(engine_version) || why="no engine"
# The scenarios kill the containers' processes and read their volumes.
[ -n "$why" ] || [ "$(id -u)" -eq 0 ] || why="not root"
if [ -n "$why" ]; then
    echo "skipped: $why"
    echo "0 0 $(grep -hc '^    def test_' tests/compose/test_*.py | awk '{ n += $1 } END { print n }')" >"$counts"
    exit 0
fi

# Debian's python3-zmq serves Debian's own interpreter only.
python=/usr/bin/python3
"$python" -c 'import zmq' 2>/dev/null || python=python3

work=$(mktemp -d)
export HERALD_COMPOSE_PREFIX=herald-test-$$ HERALD_BIN=${HERALD_BIN:-$PWD/build/release/bin}
export HERALD_IMAGE=${HERALD_IMAGE:-$HERALD_COMPOSE_PREFIX} PYTHONDONTWRITEBYTECODE=1
# The builder that every engine has; each of its steps is an image with an id, which clean_up removes.
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
docker image ls -aq --no-trunc | sort -u >"$work/before"

# Containers, networks and volumes by the run's name; images that this run has made and no other had.
clean_up() {
    local result=$? id
    trap - EXIT
    trap '' INT TERM HUP
    for id in $(jobs -p); do
        # shellcheck disable=SC2046  # the numbers are words
        kill $(ps -o pid= --ppid "$id") "$id" 2>/dev/null || true
    done
    wait
    docker ps -aq --filter "name=$HERALD_COMPOSE_PREFIX" | xargs -r docker rm -f -v >/dev/null 2>&1 || true
    docker network ls -q --filter "name=$HERALD_COMPOSE_PREFIX" | xargs -r docker network rm >/dev/null 2>&1 || true
    docker volume ls -q --filter "name=$HERALD_COMPOSE_PREFIX" | xargs -r docker volume rm >/dev/null 2>&1 || true
    if [ -z "${HERALD_TEST_KEEP:-}" ]; then
        remove_images
    fi
    rm -rf "$work"
    exit "$result"
}

remove_images() {
    local id
    docker image ls --format '{{.Repository}}:{{.Tag}}' "$HERALD_IMAGE/*" | xargs -r docker rmi >/dev/null 2>&1 || true
    # What is left of builds that failed or were cut off, and stages without a tag; newest first.
    sed -n 's/^ ---> \([0-9a-f]\{12\}\)$/\1/p' "$work"/build-*.log 2>/dev/null | tac |
        while read -r id; do
            grep -q "^sha256:$id" "$work/before" || docker rmi "$id" >/dev/null 2>&1 || true
        done
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    echo "FAIL $*"
    echo "0 1 0" >"$counts"
    exit 1
}

# build TARGET TAG [OPTION...]: one after the other, so that each finds the layers of the one before.
build() {
    local target=$1 tag=$2
    shift 2
    docker build -f deploy/Dockerfile --target "$target" -t "$HERALD_IMAGE/$tag" "$@" . \
        >>"$work/build-$target-${tag##*:}.log" 2>&1
}

build_machine() {
    docker build -f tests/compose/systemd.Dockerfile --build-arg "DEBIAN=$1" \
        -t "$HERALD_IMAGE/systemd:$1" tests/compose >>"$work/build-machine-$1.log" 2>&1
}

# All that most scenarios need, by the file's own build sections; the rest comes while they run.
build_images() {
    docker-compose build >"$work/build-compose.log" 2>&1
}

build_packages_images() {
    docker build -f tests/compose/version2.Dockerfile -t "$HERALD_IMAGE/version2" tests/compose \
        >"$work/build-version2.log" 2>&1 &&
        build_machine bookworm && build packages packages:bookworm &&
        build_machine trixie && build packages packages:trixie --build-arg DEBIAN=trixie
}

# For those that need the packages: wait for them, or say why there are none.
wait_for_packages() {
    while [ ! -e "$work/packages-built" ]; do
        if [ -e "$work/packages-failed" ]; then
            tail -n 20 "$work"/build-machine-*.log "$work"/build-packages-*.log
            return 1
        fi
        sleep 1
    done
}

run_file() {
    case $1 in
        test_packages.py | test_version2.py) wait_for_packages || echo "FAIL $1: no packages" ;;
    esac
    "$python" tests/runner/run_unittest.py tests/compose "$work/counts-$1" "$1" >"$work/out-$1" 2>&1 || true
    [ -s "$work/counts-$1" ] || echo "0 1 0" >"$work/counts-$1"
    cat "$work/out-$1"
}

echo "engine $version, $(docker-compose version --short 2>/dev/null || echo 'no docker-compose')"
(ensure_packages docker-compose debootstrap) || fail "the packages that the suite needs could not be installed"
deploy/base-image.sh bookworm trixie || fail "the base images could not be made"
began=$SECONDS
export COMPOSE_FILE=docker-compose.yml:docker-compose.postgres.yml COMPOSE_PROJECT_NAME=$HERALD_COMPOSE_PREFIX COMPOSE_PROFILES=tools
build_images || { tail -n 40 "$work/build-compose.log"; fail "the images could not be built"; }
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES
echo "images built in $((SECONDS - began)) s"

{ build_packages_images && touch "$work/packages-built"; } || touch "$work/packages-failed" &
for file in "${files[@]}"; do
    while [ "$(jobs -pr | wc -l)" -gt "$at_once" ]; do
        wait -n || true
    done
    run_file "$file" &
done
wait
cat "$work"/counts-* | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' >"$counts"
