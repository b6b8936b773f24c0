#!/usr/bin/env bash
# The unit tests under valgrind. A report fails a test program, whatever its tests say: Criterion
# passes a test that only leaks.
#
#   run_valgrind.sh BUILD COUNTS
#
# A push tries a sample, drawn from the commit, beginning programs for VALGRIND_SECONDS (default 23),
# HERALD_JOBS (default 2) at once; "all" tries every program, and VALGRIND_ONLY=GLOB only those that
# are called so. COUNTS gets one line, "passed failed skipped"; programs that were not drawn are
# neither.
set -euo pipefail
build=$1 counts=$2
seconds=${VALGRIND_SECONDS:-23}
suppressions=$(realpath "$(dirname "$0")/valgrind.supp")
seed=$(git rev-parse HEAD 2>/dev/null || echo none)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# All that valgrind says is a report, but for a test that aborts on purpose or is killed, what a bad
# descriptor is warned of, and the name of the thread that either happens in.
no_report='^==[0-9]+== (Process terminating with default action of signal (6|9|15) |Warning: |Thread [0-9]+)'

# try PROGRAM: what it says, all together, and its counts in a file of its own.
try() {
    local program=$1 own=$logs/$(basename "$1") result=0
    mkdir "$own"
    valgrind -q --trace-children=yes --trace-children-skip='/bin/*,/usr/*' --child-silent-after-fork=no --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --suppressions="$suppressions" --log-file="$own/%p" \
        "$program" -j1 --timeout 300 >"$own/out" 2>&1 || result=$?
    if grep -hE '^==[0-9]+== [^ ]' "$own"/[0-9]* | grep -vE "$no_report" >"$own.reports"; then
        echo "FAIL valgrind $(basename "$program")"
        cat "$own"/[0-9]* | sed -n 1,60p # all is read: cat must not die of it
        echo 0 1 0 >"$own/counts"
    elif [ "$result" -ne 0 ]; then
        echo "FAIL $(basename "$program") under valgrind: ended with $result"
        tail -n 20 "$own/out"
        echo 0 1 0 >"$own/counts"
    else
        echo 1 0 0 >"$own/counts"
    fi >"$own/said"
    cat "$own/said"
}

mapfile -t programs < <(find "$build/tests/unit" -type f -executable -name "${VALGRIND_ONLY:-unit_*}" | sort |
    shuf --random-source=<(yes "$seed"))
began=$SECONDS tried=0
for program in "${programs[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "${HERALD_JOBS:-2}" ]; do
        wait -n || true
    done
    if [ "$seconds" != all ] && [ $((SECONDS - began)) -ge "$seconds" ]; then
        break
    fi
    tried=$((tried + 1))
    try "$program" &
done
wait
echo "$tried of ${#programs[@]} programs, drawn from ${seed:0:12}"
# One that has left no counts has failed.
find "$logs" -name counts -exec cat {} + |
    awk -v tried="$tried" '{ p += $1 } END { print p + 0, tried - p, 0 }' >"$counts"
