#!/usr/bin/env bash
# run_libfuzzer.sh NAME TARGET CORPUS MAX_BYTES MALLOC_MB RUNS SECONDS
#
# Run a libFuzzer program until it has run RUNS inputs (0: any number) or SECONDS are over; with
# SECONDS_EACH in the environment for that time alone. How many it has run is its last line, which
# also goes to the file FUZZ_REPORT, if there is one. A slow machine does not reach RUNS: that is
# said, and is no failure.
#
# What it learns is kept beside the program, in TARGET.learned, and is where the next run begins; an
# input that breaks a promise is left there too, in TARGET.found, and its run fails. With FUZZ_WORLD_KEEP
# in the environment inputs go on where others ended: what is to be seen again is the file
# NAME.history in TARGET.found, all of them as one input, for a run without FUZZ_WORLD_KEEP.
set -euo pipefail
name=$1 target=$2 corpus=$3 max_bytes=$4 malloc_mb=$5 runs=$6 seconds=$7
log=$(dirname "$target")/$name.log
if [ -n "${SECONDS_EACH:-}" ]; then
    runs=0 seconds=$SECONDS_EACH
fi
mkdir -p "$target.learned" "$target.found"
# A small quarantine: what is freed late is memory that the next input must fault in. Of a stack that
# allocates the last frames are enough.
export ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=1:malloc_context_size=6:${ASAN_OPTIONS:-}" UBSAN_OPTIONS=print_stacktrace=1
options=()
if [ -n "${FUZZ_WORLD_KEEP:-}" ]; then
    # What one input allocates another frees; what leaks is seen at the end. And the weights of inputs
    # cost more than these do.
    options=(-detect_leaks=0 -entropic=0)
    export FUZZ_HISTORY=$target.found/$name.history
fi
result=0
"$target" "${options[@]}" -runs=$((runs == 0 ? -1 : runs)) -max_total_time="$seconds" -max_len="$max_bytes" \
    -malloc_limit_mb="$malloc_mb" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
    -artifact_prefix="$target.found/" "$target.learned" "$corpus" >"$log" 2>&1 || result=$?
tail -n 60 "$log"
[ "$result" -ne 0 ] || rm -f "$target.found/$name.history"
executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
line="fuzz ${name#fuzz_}: ${executed:-unknown} executions in $SECONDS s"
if [ "${executed:-0}" -lt "$runs" ]; then
    line+=", not the $runs that a push is to reach"
fi
echo "$line" | tee -a "${FUZZ_REPORT:-/dev/null}"
exit "$result"
