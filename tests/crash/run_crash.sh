#!/usr/bin/env bash
# run_crash.sh PROGRAM images PART PARTS | PROGRAM steps | PROGRAM damage
#
# IMAGES  in all parts together (default 100000)
# STRIDE  steps, damage: try each STRIDE-th (default 7; 1 is all)
# SEED    where to begin (default 1)
set -euo pipefail
program=$1 what=$2 part=${3:-1} parts=${4:-1}
seed=${SEED:-1}
if [ "$what" = images ]; then
    # Each part has seeds of its own.
    exec "$program" images $((${IMAGES:-100000} / parts)) $((seed + (part - 1) * 1000000007))
fi
exec "$program" "$what" "${STRIDE:-7}" "$seed"
