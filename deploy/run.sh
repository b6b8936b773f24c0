#!/usr/bin/env bash
# Build Herald, start its four services, show what it does with real payments, keep serving.
#
#   ./deploy/run.sh            until Ctrl-C, which stops everything cleanly
#   ./deploy/run.sh --once     end after the demonstration; exit code 0 only if every promise held
#   ./deploy/run.sh --no-demo  only build and serve
#
# HERALD_DATA   where everything is kept (default ./var); a second run goes on with it
# HERALD_BUILD  where it is built (default ./build/release)
set -euo pipefail
cd "$(dirname "$0")/.."

once=no demo=yes
for argument in "$@"; do
    case $argument in
        --once) once=yes ;;
        --no-demo) demo=no ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "run.sh: unknown option $argument (--once, --no-demo, --help)" >&2; exit 64 ;;
    esac
done

export HERALD_DATA=${HERALD_DATA:-$PWD/var}
build=${HERALD_BUILD:-$PWD/build/release}
bin=$build/bin
. deploy/packages.sh
. deploy/demo/services.sh
. deploy/demo/demo.sh

# shellcheck disable=SC2046  # the names are words
ensure_packages $(build_packages) jq sqlite3
mkdir -p "$build" "$HERALD_DATA"
echo "building Herald in $build"
if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DHERALD_TESTS=OFF &&
    cmake --build "$build"; } >"$build/build.log" 2>&1; then
    tail -n 30 "$build/build.log" >&2
    echo "run.sh: the build failed; all it said is in $build/build.log" >&2
    exit 70
fi

trap services_stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
services_start

if [ "$demo" = yes ]; then
    demo_result=0
    demonstrate || demo_result=$?
    [ "$once" = no ] || exit "$demo_result"
fi
[ "$once" = no ] || exit 0

cat <<EOT

Herald is serving; its data is in $HERALD_DATA. In another terminal:
  export HERALD_DATA=$HERALD_DATA PATH=$bin:\$PATH
  heraldctl order 2001 49.90 eur
  heraldctl stats
Ctrl-C stops it.
EOT
# A service that ends by itself ends the run: its log says why.
while service=$(services_ended) && [ -z "$service" ]; do
    sleep 1 &
    wait $! || true # a signal ends the wait at once, and the trap does the rest
done
echo "run.sh: herald-$service has ended; see $HERALD_DATA/log/$service.log" >&2
exit 70
