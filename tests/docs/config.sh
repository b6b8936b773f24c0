#!/usr/bin/env bash
# The settings in deploy/config are settings that there are, and those of CURVE, for all services.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${HERALD_BIN:?the directory with the built programs}
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
"$bin/heraldctl" keygen "$keys" >/dev/null
for service in producer retry-scheduler compensator order-consumer; do
    file=$root/deploy/config/$service.zpl
    said=$(HERALD_CURVE_DIRECTORY=$keys/$service "$bin/herald-$service" --config "$file" --check-config)
    echo "$file: $said"
    shown=$("$bin/herald-$service" --config "$file" --print-config)
    if ! grep -q '^curve/directory = "/' <<<"$shown" || ! grep -q '^insecure = "false"' <<<"$shown"; then
        echo "FAIL $file serves without CURVE"
        exit 1
    fi
    # The environment wins over the file.
    shown=$(HERALD_FRONT_BIND=ipc:///x HERALD_CURVE_DIRECTORY=/y \
        "$bin/herald-$service" --config "$file" --print-config)
    if ! grep -qx 'front/bind = "ipc:///x"' <<<"$shown" || ! grep -qx 'curve/directory = "/y"' <<<"$shown"; then
        echo "FAIL herald-$service does not take what the environment says over $file"
        exit 1
    fi
done
shown=$(HERALD_SUBSCRIPTIONS_BOOKS_TOPIC='book.*' HERALD_SUBSCRIPTIONS_BOOKS_GROUP=books \
    "$bin/herald-producer" --config "$root/deploy/config/producer.zpl" --print-config)
grep -qx 'subscriptions/books/topic = "book.\*"' <<<"$shown"
