#!/usr/bin/env bash
# The tables of settings in docs/OPERATIONS.md are what the services' --help says.
#
#   settings.sh           fails, and shows where, when they differ
#   settings.sh --write   writes them anew
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${HERALD_BIN:?the directory with the built programs}
document=$root/docs/OPERATIONS.md
services=(producer retry-scheduler compensator order-consumer)
common='^(log/level|log/json|curve/directory|insecure|connections)$' # in a table of their own

# rows SERVICE: one line a setting, from its --help.
rows() {
    "$bin/herald-$1" --help | awk '
        /^Settings/ { inside = 1; next }
        /^Exit codes/ { inside = 0 }
        inside && /^  [^ ]/ { path = $1 }
        inside && /^      / {
            sub(/^ +/, "")
            split_at = match($0, /; default: /)
            standard = substr($0, split_at + RLENGTH)
            rest = substr($0, 1, split_at - 1)
            type = rest
            sub(/.*; /, "", type)
            help = substr(rest, 1, length(rest) - length(type) - 2)
            shown = standard == "(empty)" ? "" : "`" standard "`"
            printf "%s\t| `%s` | %s | %s | %s |\n", path, path, shown, type, help
        }'
}

# table NAME: the table that the document must have; NAME is a service or "common".
table() {
    echo "| setting | default | type | what |"
    echo "| --- | --- | --- | --- |"
    if [ "$1" = common ]; then
        rows producer | awk -F '\t' -v common="$common" '$1 ~ common { print $2 }'
    else
        rows "$1" | awk -F '\t' -v common="$common" '$1 !~ common { print $2 }'
    fi
}

# with_tables: the document with each table between its marks made anew.
with_tables() {
    local line name
    while IFS= read -r line; do
        printf '%s\n' "$line"
        if [[ $line =~ ^'<!-- settings: '([a-z-]+)' -->'$ ]]; then
            name=${BASH_REMATCH[1]}
            table "$name"
            while IFS= read -r line && [ "$line" != '<!-- end -->' ]; do :; done
            echo '<!-- end -->'
        fi
    done <"$document"
}

for name in common "${services[@]}"; do
    if ! grep -qx "<!-- settings: $name -->" "$document"; then
        echo "FAIL $document has no table for $name"
        exit 1
    fi
done
# What is common to all must be the same in all.
for name in "${services[@]}"; do
    if ! diff <(rows producer | grep -E "$(printf '%s' "${common%\$}")	") \
        <(rows "$name" | grep -E "$(printf '%s' "${common%\$}")	"); then
        echo "FAIL herald-$name has other common settings than the producer"
        exit 1
    fi
done

new=$(mktemp)
trap 'rm -f "$new"' EXIT
with_tables >"$new"
if [ "${1:-}" = --write ]; then
    cat "$new" >"$document"
elif ! diff -u "$document" "$new"; then
    echo "FAIL docs/OPERATIONS.md differs from --help; tests/docs/settings.sh --write"
    exit 1
fi
