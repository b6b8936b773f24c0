#!/usr/bin/env bash
# What `cmake --install` puts down is enough: a program in C builds with pkg-config alone, submits,
# and sees the end; the installed services and tools do the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/docs/sandbox.bash
build=$(dirname "$bin")
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

cmake --install "$build" --prefix "$work/root" >"$work/install.log"
library=$(dirname "$(find "$work/root" -name libherald.so | head -n 1)")
sed -i "s|^prefix=.*|prefix=$work/root|" "$library/pkgconfig/herald.pc"
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library HERALD_DATA=$work/data
# shellcheck disable=SC2046,SC2086  # the flags are words
cc -std=c17 -Wall -Wextra -Werror $sanitize examples/provider.c $(pkg-config --cflags --libs herald) \
    -o "$work/provider"
exported=$(nm -D --defined-only "$library/libherald.so" | awk '$2 ~ /[TDB]/ {print $3}' |
    grep -cv '^herald_' || true)
[ "$exported" -eq 0 ] || { echo "$exported symbols of libherald are not herald_*"; exit 1; }

for service in producer order-consumer retry-scheduler compensator; do
    "$work/root/bin/herald-$service" 2>"$work/$service.log" &
    pids+=($!)
done
for service in producer order-consumer; do
    "$work/root/bin/heraldctl" ping "$service" --wait 30s >/dev/null
done
"$work/provider" "ipc://$work/data/run/producer.front" order.created 1001-created \
    '{"order_id":"1001","amount":1099,"currency":"USD"}' | tee "$work/out"
grep -q '^1001-created: DONE at orders$' "$work/out"
