#!/usr/bin/env bash
# The commands of README.md do what it says.
set -euo pipefail
. "$(dirname "$0")/sandbox.bash"
needs jq python3 setsid setpriv
if ! /usr/bin/python3 -c 'import zmq, msgpack' 2>/dev/null; then
    echo "skipped: python3-zmq or python3-msgpack is not here"
    exit 77
fi
sandbox_open
services_start
# herald-bench keeps its data there, and refuses a tmpfs.
export TMPDIR=${HERALD_BENCH_DIRECTORY:-/var/tmp}
python3 "$root/tests/docs/run_commands.py" "$root/README.md" "$sandbox"
# The commands for containers submit a file that one of them makes.
(cd "$sandbox" && bash -c "$(sed -n 's/^    \(seq .* > day\.jsonl\)$/\1/p' "$root/README.md")")
said=$(heraldctl submit --file "$sandbox/day.jsonl")
if ! grep -qxF "    $said" "$root/README.md"; then
    echo "FAIL day.jsonl, as README.md makes it: $said"
    exit 1
fi
