#!/usr/bin/env bash
# The commands of docs/OPERATIONS.md run.
set -euo pipefail
. "$(dirname "$0")/sandbox.bash"
needs python3 sqlite3 setsid setpriv
sandbox_open
services_start
heraldctl order 1 1.00 eur
heraldctl watch 1-created --timeout 30s
python3 "$root/tests/docs/run_commands.py" "$root/docs/OPERATIONS.md" "$sandbox"
