#!/usr/bin/env bash
# The table of seeded bugs in docs/TESTING.md is what tests/mutation holds: at least 25, 12 of them
# at every push.
#
#   testing.sh           fails, and shows where, when they differ
#   testing.sh --write   writes it anew
set -euo pipefail
cd "$(dirname "$0")/../.."
document=docs/TESTING.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONDONTWRITEBYTECODE=1 python3 tests/mutation/mutation.py --table >"$work/table"
awk -v table="$work/table" '
    /^<!-- mutants -->/ { print; while ((getline line <table) > 0) print line; skip = 1; next }
    /^<!-- end -->/ { skip = 0 }
    !skip' "$document" >"$work/document"
if [ "${1:-}" = --write ]; then
    cp "$work/document" "$document"
fi
diff "$document" "$work/document"
mutants=$(find tests/mutation -name '*.patch' | wc -l)
quick=$(grep -l '^Quick: yes$' tests/mutation/*.patch | wc -l)
echo "$mutants mutants, $quick at every push"
[ "$mutants" -ge 25 ] && [ "$quick" = 12 ]
