#!/usr/bin/env bash
# run_libfuzzer.sh TARGET CORPUS MAX_BYTES MALLOC_MB
#
# Run a libFuzzer program for SECONDS_EACH (default 10). What it learns is kept beside the program,
# in NAME.learned, and is where the next run begins; an input that breaks a promise is left there
# too, in NAME.found, and its run fails.
set -euo pipefail
target=$1 corpus=$2 max_bytes=$3 malloc_mb=$4
mkdir -p "$target.learned" "$target.found"
# A small quarantine: what is freed late is memory that the next input must fault in.
export ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=16:${ASAN_OPTIONS:-}" UBSAN_OPTIONS=print_stacktrace=1
exec "$target" -max_total_time="${SECONDS_EACH:-10}" -max_len="$max_bytes" \
    -malloc_limit_mb="$malloc_mb" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
    -artifact_prefix="$target.found/" "$target.learned" "$corpus"
