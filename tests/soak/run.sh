#!/usr/bin/env bash
# Mixed load and faults for a time, then a report.
#
#   ./tests/soak/run.sh HOURS [--rate N] [--seed N] [--curve] [--out DIR]
#
# HOURS may be a fraction, as in 0.1. With --curve all talk over TCP, with keys; without it over the
# sockets of the data directory. HERALD_BIN says where the programs are; without it they are
# built. The report is DIR/report.txt (default build/soak), its numbers DIR/samples.csv; the exit
# code is 0 only if nothing that Herald promises was broken.
set -euo pipefail
cd "$(dirname "$0")/../.."

case ${1:-} in
    '' | -h | --help)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        exit 64
        ;;
esac
if [ -z "${HERALD_BIN:-}" ]; then
    cmake -S . -B build/tests-release -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build build/tests-release >/dev/null
    export HERALD_BIN=$PWD/build/tests-release/bin
fi
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/system:tests/runner
exec python3 tests/soak/soak.py "$@"
