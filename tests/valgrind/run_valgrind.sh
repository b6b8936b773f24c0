#!/usr/bin/env bash
# The unit tests under valgrind. A report fails a test program, whatever its tests say: Criterion
# passes a test that only leaks.
#
#   run_valgrind.sh BUILD COUNTS
#
# A push tries a sample, drawn from the commit, for VALGRIND_SECONDS (default 45); "all" tries every
# program, and VALGRIND_ONLY=GLOB only those that are called so. COUNTS gets one line, "passed failed
# skipped"; programs that were not drawn are neither.
set -euo pipefail
build=$1 counts=$2
seconds=${VALGRIND_SECONDS:-45}
seed=$(git rev-parse HEAD 2>/dev/null || echo none)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# All that valgrind says is a report, but for a test that aborts on purpose or is killed, what a bad
# descriptor is warned of, and the name of the thread that either happens in.
no_report='^==[0-9]+== (Process terminating with default action of signal (6|9|15) |Warning: |Thread [0-9]+)'
passed=0 failed=0
mapfile -t programs < <(find "$build/tests/unit" -type f -executable -name "${VALGRIND_ONLY:-unit_*}" | sort |
    shuf --random-source=<(yes "$seed"))
began=$SECONDS
for program in "${programs[@]}"; do
    if [ "$seconds" != all ] && [ $((SECONDS - began)) -ge "$seconds" ]; then
        break
    fi
    rm -f "$logs"/*
    result=0
    valgrind -q --trace-children=yes --trace-children-skip='/bin/*,/usr/*' --child-silent-after-fork=no --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --suppressions="$(realpath "$(dirname "$0")/valgrind.supp")" --log-file="$logs/%p" \
        "$program" -j1 --timeout 300 >"$logs/out" 2>&1 || result=$?
    if grep -hE '^==[0-9]+== [^ ]' "$logs"/[0-9]* | grep -qvE "$no_report"; then
        echo "FAIL valgrind $(basename "$program")"
        cat "$logs"/[0-9]* | sed -n 1,60p # all is read: cat must not die of it
        failed=$((failed + 1))
    elif [ "$result" -ne 0 ]; then
        echo "FAIL $(basename "$program") under valgrind: ended with $result"
        tail -n 20 "$logs/out"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "$((passed + failed)) of ${#programs[@]} programs, drawn from ${seed:0:12}"
echo "$passed $failed 0" >"$counts"
