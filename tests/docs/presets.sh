#!/usr/bin/env bash
# The presets of retry policies in docs/PROTOCOL.md are those that there are, with their attempts and delays.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${HERALD_BIN:?the directory with the built programs}
if ! command -v jq >/dev/null; then
    echo "skipped: jq is not here"
    exit 77
fi

# stated: "name attempts delays" of each preset in the document.
stated() {
    sed -n '/^  | preset | attempts | delays |$/,/^$/p' "$root/docs/PROTOCOL.md" | sed 1,2d |
        while IFS='|' read -r _ names attempts delays _; do
            for name in ${names//[,\`]/ }; do
                "$bin/heraldctl" policy explain --json "${delays// /}" |
                    jq -r --arg name "$name" --arg attempts "${attempts// /}" \
                        '"\($name) \($attempts) \(.delays_ms | map(tostring) | join(","))"'
            done
        done
}

there_are() {
    "$bin/heraldctl" policy explain --json |
        jq -r '"\(.policy) \(.attempts) \(.delays_ms | map(tostring) | join(","))"'
}

if ! diff <(there_are | sort) <(stated | sort); then
    echo "FAIL docs/PROTOCOL.md has other presets than heraldctl policy explain"
    exit 1
fi
[ "$(stated | wc -l)" -ge 6 ]
