#!/usr/bin/env bash
# Build Herald and run its tests. The last line is always "N passed, N failed, N skipped", and the
# exit code is 0 only if nothing failed.
#
#   ./tests/run.sh             all suites but those on demand
#   ./tests/run.sh SUITE...    only these, in this order
#   ./tests/run.sh --list      the suites
#
# HERALD_BUILD       where the release build goes (default ./build/tests-release)
# HERALD_ASAN_BUILD  where the build with sanitizers goes (default ./build/tests-asan)
# HERALD_FUZZ_BUILD  where clang's build for libFuzzer goes (default ./build/tests-fuzz)
# HERALD_TSAN_BUILD  where the build with ThreadSanitizer goes (default ./build/tests-tsan)
# HERALD_MUTATION_BUILD  where the copy with seeded bugs goes (default ./build/tests-mutation)
# HERALD_JOBS        how many programs run at once (default 2)
#
# How much of what is without end; docs/TESTING.md says what a push takes and what more shows:
# SEED               sim, crash: where to begin (default: drawn from the commit); sim alone: only this one
# SEEDS              sim: how many seeds (default 1000)
# IMAGES             crash: how many images (default 1000000; 30000 under asan)
# STRIDE             crash: only each STRIDE-th bit flip and operation (default 1, all; 37 under asan)
# SECONDS_EACH       fuzz: how long each target runs (default: until it has run what a push asks for)
# FAULT_SECONDS      how long each sweep of faults takes (default 12); FAULT_POINTS=all tries every
#                    system call, FAULT_PART=i/n with it a part of them, KILLS=n kills so often
#                    (default 200), FAULT_SEED draws others
# MUTANTS            mutation: "all" instead of the 12 quickest
# MODEL              model: "large" checks more states, for 20 minutes
# STRESS_COUNT       notifications of each thread (default 1000)
# VALGRIND_SECONDS   valgrind: how long (default 23, with HERALD_JOBS programs at once), or all;
#                    VALGRIND_ONLY=GLOB those called so
# SYSTEM_ASAN        asan: all, or some of "unit crash sim faults docs" and files of tests with real
#                    processes, instead of unit, crash and the one that the commit draws
# HOURS              how long the soak takes (default 1); its report goes to build/soak
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

all_suites=(lint unit crash sim model mutation fuzz asan system interop faults stress valgrind docs compose)
on_demand=(coverage soak)
release=$(realpath -m "${HERALD_BUILD:-build/tests-release}")
asan=$(realpath -m "${HERALD_ASAN_BUILD:-build/tests-asan}")
tsan=$(realpath -m "${HERALD_TSAN_BUILD:-build/tests-tsan}")
fuzz=$(realpath -m "${HERALD_FUZZ_BUILD:-build/tests-fuzz}")
mutation=$(realpath -m "${HERALD_MUTATION_BUILD:-build/tests-mutation}")
jobs=${HERALD_JOBS:-2}
needed_packages=(libcriterion-dev python3 git patch)
useful_packages=(spin python3-zmq python3-msgpack clang libclang-rt-dev clang-format sqlite3 strace faketime procps
    iproute2 util-linux e2fsprogs mount postgresql valgrind gcovr)
total_passed=0 total_failed=0 total_skipped=0
by_name=no # were the suites asked for by name?
declare -A built=() # directory -> yes or no

say_what() {
    case $1 in
        lint) echo "what a machine can check of the style" ;;
        unit) echo "every Criterion test" ;;
        crash) echo "recovery from every image that a power cut can leave" ;;
        sim) echo "the services' cores in a simulated network, clock and disk" ;;
        model) echo "custody, checked state by state" ;;
        mutation) echo "seeded bugs, each of which a named test must catch" ;;
        fuzz) echo "decoders and recovery on damaged bytes" ;;
        asan) echo "unit, crash and a part of system again, with AddressSanitizer and UBSan" ;;
        system) echo "the real processes, killed and delayed" ;;
        interop) echo "clients in other languages" ;;
        faults) echo "the real processes, failed at system calls, and hostile clients" ;;
        stress) echo "threads and real services, with ThreadSanitizer" ;;
        valgrind) echo "a part of the unit tests, with valgrind" ;;
        docs) echo "commands in the documentation do what it says" ;;
        compose) echo "containers and packages, where an engine answers" ;;
        coverage) echo "how much the tests reach, by gcov (on demand)" ;;
        soak) echo "mixed load and faults for HOURS (on demand)" ;;
    esac
}

is_suite() {
    [[ " ${all_suites[*]} ${on_demand[*]} " == *" $1 "* ]]
}

# build_in DIRECTORY TARGET OPTION...: once a run; prints the log only if it fails.
build_in() {
    local directory=$1 target=$2
    shift 2
    if [ -z "${built[$directory]:-}" ]; then
        mkdir -p "$directory"
        if { cmake -S . -B "$directory" -G Ninja -DHERALD_WERROR=ON -DHERALD_TESTS=ON "$@" &&
            cmake --build "$directory" -j "$jobs" --target "$target"; } >"$directory/build.log" 2>&1; then
            built[$directory]=yes
        else
            built[$directory]=no
            # The first error is the one to read: later ones often follow from it.
            if ! grep -m 5 -E -A 8 'error:|CMake Error' "$directory/build.log"; then
                tail -n 40 "$directory/build.log"
            fi
            echo "FAIL the build in $directory; all it said is in its build.log"
        fi
    fi
    [ "${built[$directory]}" = yes ]
}

build_release() {
    build_in "$release" all -DCMAKE_BUILD_TYPE=Release -DHERALD_SANITIZE=
}

# It counts which lines are reached, too: a build of its own for that would take as long again.
build_asan() {
    build_in "$asan" all -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHERALD_SANITIZE=address,undefined \
        -DHERALD_COVERAGE=ON
}

build_tsan() {
    build_in "$tsan" stress_programs -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHERALD_SANITIZE=thread
}

# Only the targets: the rest of it is tested as the other builds have it.
build_fuzz() {
    build_in "$fuzz" fuzz_targets -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DHERALD_FUZZ=ON -DHERALD_SANITIZE=address,undefined
}

# clang's fuzzer comes in a package of its own on some systems.
has_libfuzzer() {
    local source=$work/fuzzer.c
    echo '#include <stddef.h>
int LLVMFuzzerTestOneInput(const char *data, size_t size) { (void)data; return size > 9; }' \
        >"$source"
    clang -fsanitize=fuzzer,address "$source" -o "$work/fuzzer" >/dev/null 2>&1
}

# How many tests of a label ctest knows in this build.
label_size() {
    ctest --test-dir "$1" -N -L "^$2\$" | sed -n 's/^Total Tests: //p'
}

# run_label DIRECTORY LABEL COUNTS [--criterion]
run_label() {
    local directory=$1 label=$2 counts=$3
    shift 3
    local junit=$work/$label.xml
    rm -f "$junit"
    # Level 1 makes Criterion name the tests that it skips. ctest's own result is not needed: the
    # report has each test's.
    CRITERION_VERBOSITY_LEVEL=1 ctest --test-dir "$directory" -L "^$label\$" -j "$jobs" \
        --timeout 300 --test-output-size-passed 1000000 --test-output-size-failed 1000000 \
        --output-junit "$junit" >"$work/ctest.log" 2>&1 || true
    if ! python3 tests/runner/count_ctest.py "$junit" "$counts" "$@"; then
        tail -n 30 "$work/ctest.log"
    fi
}

# A label that other builds have may be empty here; one that every build has may not.
run_optional_label() {
    if ! build_release; then
        return
    fi
    if [ "$(label_size "$release" "$1")" = 0 ]; then
        echo absent >"$2"
    else
        run_label "$release" "$1" "$2"
    fi
}

suite_lint() {
    ./tests/lint.sh >"$work/lint.out" 2>&1 || true
    sed '$d' "$work/lint.out"
    sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
        "$work/lint.out" >"$1"
}

suite_unit() {
    if build_release; then
        run_label "$release" unit "$1" --criterion
    fi
}

# What is sampled rotates with the commit, so that pushes together see more than each of them.
seed_of_commit() {
    local commit
    commit=$(git rev-parse --verify -q HEAD 2>/dev/null) || commit=1
    echo $((16#${commit:0:7}))
}

suite_crash() {
    if build_release; then
        IMAGES=${IMAGES:-1000000} STRIDE=${STRIDE:-1} SEED=${SEED:-$(seed_of_commit)} \
            run_label "$release" crash "$1"
    fi
}

# A seed that is given alone is to be seen again: only that one.
suite_sim() {
    if [ -n "${SEED:-}" ]; then
        SEEDS=${SEEDS:-1} run_optional_label sim "$1"
    else
        SEEDS=${SEEDS:-1000} SEED=$(seed_of_commit) run_optional_label sim "$1"
    fi
}

suite_model() {
    if command -v spin >/dev/null; then
        HERALD_JOBS=$jobs tests/model/run.sh "$1" || true
    else
        echo "skip model: there is no spin"
        echo "0 0 1" >"$1"
    fi
}

# The copy and its build are kept: a second run builds what has changed only.
suite_mutation() {
    HERALD_JOBS=$jobs PYTHONDONTWRITEBYTECODE=1 \
        python3 tests/mutation/mutation.py "$mutation" "$1" || true
}

# Driven by coverage where clang is. Otherwise the same targets run their corpora and mutations of
# them, and each is counted as skipped besides: what libFuzzer would find has not been looked for.
suite_fuzz() {
    if has_libfuzzer; then
        if build_fuzz; then
            FUZZ_REPORT=$work/fuzz.report run_label "$fuzz" fuzz "$1"
            cat "$work/fuzz.report"
        fi
    elif build_release; then
        run_label "$release" fuzz "$1"
        echo "skip $(label_size "$release" fuzz) targets with libFuzzer: there is no clang with it"
        echo "0 0 $(label_size "$release" fuzz)" >>"$1"
    fi
}

# Everything that runs with sanitizers: labels of ctest, the documentation's scripts, and files of
# tests with real processes.
asan_all() {
    echo unit crash sim faults docs tests/{system,interop,faults}/test_*.py
}

# asan_real COMMAND...: real processes write their reports to files, so that none is missed of a
# process that nobody listens to. What ctest runs prints them, and ctest looks for them.
asan_real() {
    ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$HERALD_REPORTS/asan \
        UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$HERALD_REPORTS/ubsan "$@"
}

# asan_part PART COUNTS
# What is freed stays in quarantine, to be found when it is used; memory that is fetched anew instead
# is a third of the time of tests that are short, so that theirs is smaller.
asan_part() {
    local short=$ASAN_OPTIONS:quarantine_size_mb=8
    case $1 in
        unit) ASAN_OPTIONS=$short run_label "$asan" unit "$2" --criterion ;;
        crash)
            ASAN_OPTIONS=$short IMAGES=${IMAGES:-30000} STRIDE=${STRIDE:-37} SEED=${SEED:-$(seed_of_commit)} \
                run_label "$asan" crash "$2"
            ;;
        sim) SEEDS=${SEEDS:-20} SEED=${SEED:-$(seed_of_commit)} run_label "$asan" sim "$2" ;;
        faults) run_label "$asan" faults "$2" ;;
        docs) asan_real run_docs "$asan" "$2" ;;
        *) AT_ONCE=$jobs asan_real run_files "$asan" "$1" "$2" ;;
    esac
}

# asan_reports COUNTS: the words ERROR and "runtime error" are a report; a WARNING is what a test
# with refused memory asks for.
asan_reports() {
    local report found=0
    while read -r report; do
        found=$((found + 1))
        echo "FAIL a sanitizer reports:"
        head -n 60 "$report" | sed 's/^/    /'
    done < <(grep -lsE 'ERROR: |runtime error:' "$HERALD_REPORTS"/*)
    echo "reports of sanitizers in real processes: $found"
    [ "$found" = 0 ] || echo "0 $found 0" >>"$1"
}

# asan_coverage COUNTS: what decides must be reached by what has just run.
asan_coverage() {
    if ! command -v gcovr >/dev/null; then
        echo "skip coverage: there is no gcovr"
        echo "0 0 1" >>"$1"
        return
    fi
    gcovr -r . --gcov-ignore-parse-errors --filter shared/ --filter services/ --json "$work/coverage.json" \
        "$asan/shared" "$asan/services" 2>/dev/null || true
    if python3 tests/coverage.py "$work/coverage.json" --lines 95; then
        echo "1 0 0" >>"$1"
    else
        echo "FAIL coverage: less than 95 % of a part's lines"
        echo "0 1 0" >>"$1"
    fi
}

suite_asan() {
    local part parts files=(tests/system/test_*.py)
    build_asan || return 0
    find "$asan" -name '*.gcda' -delete
    case ${SYSTEM_ASAN:-} in
        "") parts="unit crash ${files[$(($(seed_of_commit) % ${#files[@]}))]}" ;;
        all) parts=$(asan_all) ;;
        *) parts=$SYSTEM_ASAN ;;
    esac
    export HERALD_REPORTS=$work/reports HERALD_TEST_PATIENCE=${HERALD_TEST_PATIENCE:-180}
    mkdir -p "$HERALD_REPORTS"
    # malloc must be able to refuse, as it is without the sanitizer: tests run out of memory. What
    # tests preload stands before the sanitizer's library, which then is not the first.
    export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:verify_asan_link_order=0
    export UBSAN_OPTIONS=print_stacktrace=1
    for part in $parts; do
        rm -f "$work/asan-part"
        asan_part "$part" "$work/asan-part"
        if [ ! -s "$work/asan-part" ]; then
            echo "FAIL asan: $part has no result"
            echo "0 1 0" >"$work/asan-part"
        fi
        echo "asan $part: $(awk '{p += $1; f += $2; s += $3} END {
            print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"}' "$work/asan-part")"
        cat "$work/asan-part" >>"$1"
        [ "$part" != unit ] || asan_coverage "$1"
    done
    asan_reports "$1"
    unset ASAN_OPTIONS UBSAN_OPTIONS HERALD_REPORTS HERALD_TEST_PATIENCE
}

# Debian's python3-zmq and python3-msgpack serve Debian's own interpreter only.
choose_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import zmq, msgpack' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo python3
}

# run_files BUILD FILES COUNTS: FILES is a directory of tests, or one file of them. AT_ONCE: how many
# tests at once, where they wait more than they compute.
run_files() {
    local directory=$2 pattern='test_*.py'
    if [ -f "$2" ]; then
        directory=$(dirname "$2") pattern=$(basename "$2")
    fi
    HERALD_BIN=$1/bin HERALD_AT_ONCE=${AT_ONCE:-1} PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/system \
        "$(choose_python)" tests/runner/run_unittest.py "$directory" "$3" "$pattern" || true
}

# run_python DIRECTORY COUNTS
run_python() {
    if build_release; then
        run_files "$release" "$1" "$2"
    fi
}

suite_system() { run_python tests/system "$1"; }
suite_interop() { run_python tests/interop "$1"; }

suite_stress() {
    if build_tsan; then
        run_files "$tsan" tests/stress "$1"
    fi
}

suite_valgrind() {
    if ! command -v valgrind >/dev/null; then
        echo "skip valgrind: it is not here"
        echo "0 0 1" >"$1"
    elif build_release; then
        HERALD_JOBS=$jobs tests/valgrind/run_valgrind.sh "$release" "$1"
    fi
}

suite_faults() {
    run_optional_label faults "$work/faults-label"
    AT_ONCE=$((2 * jobs)) run_python tests/faults "$work/faults-python"
    if [ -s "$work/faults-label" ] && [ -s "$work/faults-python" ]; then
        cat "$work/faults-label" "$work/faults-python" >"$1"
    fi
}

# run_docs BUILD COUNTS
run_docs() {
    local script result passed=0 failed=0 skipped=0
    for script in tests/docs/*.sh; do
        result=0
        HERALD_BIN=$1/bin bash "$script" >"$work/docs.out" 2>&1 || result=$?
        case $result in
            0) passed=$((passed + 1)) ;;
            77)
                skipped=$((skipped + 1))
                echo "skip $script: $(tail -n 1 "$work/docs.out")"
                ;;
            *)
                failed=$((failed + 1))
                echo "FAIL $script: ended with $result"
                tail -n 40 "$work/docs.out" | sed 's/^/    /'
                ;;
        esac
    done
    echo "$passed $failed $skipped" >"$2"
}

suite_docs() {
    if build_release; then
        run_docs "$release" "$1"
    fi
}

# What the tests that run in process reach, those of real processes, and the documentation's
# commands, without which nobody runs herald-bench; see tests/coverage.py.
suite_coverage() {
    local directory part
    directory=$(realpath -m build/tests-coverage)
    if ! command -v gcovr >/dev/null; then
        echo "skip coverage: there is no gcovr"
        echo "0 0 1" >"$1"
        return
    fi
    if ! build_in "$directory" all -DCMAKE_BUILD_TYPE=Debug '-DCMAKE_C_FLAGS=--coverage -fprofile-update=atomic'; then
        return
    fi
    find "$directory" -name '*.gcda' -delete
    IMAGES=${IMAGES:-20000} STRIDE=${STRIDE:-53} SEEDS=${SEEDS:-100} SEED=$(seed_of_commit) \
        ctest --test-dir "$directory" -L '^(unit|crash|sim|fuzz|faults)$' -j "$jobs" --timeout 900 \
        >"$work/ctest.log" 2>&1 || tail -n 30 "$work/ctest.log"
    for part in system interop faults; do
        run_files "$directory" "tests/$part" "$work/coverage-$part"
    done
    run_docs "$directory" "$work/coverage-docs"
    # The build with sanitizers counts too, beside it.
    gcovr -r . --gcov-ignore-parse-errors --filter shared/ --filter services/ --filter tools/ \
        --json "$work/coverage.json" "$directory" 2>/dev/null || true
    if python3 tests/coverage.py "$work/coverage.json"; then
        echo "1 0 0" >"$1"
    else
        echo "0 1 0" >"$1"
    fi
}

suite_soak() {
    if build_release; then
        if HERALD_BIN=$release/bin tests/soak/run.sh "${HOURS:-1}"; then
            echo "1 0 0" >"$1"
        else
            echo "0 1 0" >"$1"
        fi
    fi
}

suite_compose() {
    if build_release; then
        HERALD_BIN=$release/bin tests/compose/run.sh "$1" || true
    fi
}

# Add what a suite has written. No counts, or none above zero, is a failure: a suite that could not
# say what it did has shown nothing.
add_counts() {
    local name=$1 counts=$2 seconds=$3 passed=0 failed=0 skipped=0 p f s
    while read -r p f s; do
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done < <(grep -xE '[0-9]+ [0-9]+ [0-9]+' "$counts" 2>/dev/null)
    if [ $((passed + failed + skipped)) -eq 0 ]; then
        echo "FAIL $name: the suite has no result"
        failed=1
    fi
    echo "suite $name: $passed passed, $failed failed, $skipped skipped ($seconds s)"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
}

run_suite() {
    local name=$1 began=$SECONDS title
    title="=== $name: $(say_what "$name")"
    rm -f "$work/counts"
    case $name in
        sim | docs)
            # These may be absent, and then nothing is worth a header.
            "suite_$name" "$work/counts" >"$work/out"
            if [ "$(cat "$work/counts" 2>/dev/null)" = absent ]; then
                [ "$by_name" = no ] || echo "suite $name: skipped (no tests in this build)"
                return
            fi
            echo "$title"
            cat "$work/out"
            ;;
        *)
            echo "$title"
            "suite_$name" "$work/counts"
            ;;
    esac
    add_counts "$name" "$work/counts" $((SECONDS - began))
}

install_packages() {
    # shellcheck disable=SC2046  # the names are words
    if ! (ensure_packages $(build_packages) "${needed_packages[@]}"); then
        echo "FAIL the packages that the build needs could not be installed"
        total_failed=1
        return 1
    fi
    if ! (ensure_packages "${useful_packages[@]}"); then
        echo "going on without them; what needs them is skipped or fails by name"
    fi
}

finish() {
    local result=$?
    # What failed, once more and together: a log of hours is often read from its end.
    exec >&3
    for _ in {1..100}; do # no longer: a process that a suite has left may hold the pipe open
        kill -0 "$copier" 2>/dev/null || break
        sleep 0.05
    done
    grep -a '^FAIL' "$work/said" || true
    rm -rf "$work"
    # An early end is never a success, whatever was counted up to then.
    if [ "$ended" = no ]; then
        echo "FAIL run.sh: ended early"
        total_failed=$((total_failed + 1))
    fi
    echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
    [ "$total_failed" -eq 0 ] || result=1
    exit "$result"
}

suites=()
for argument in "$@"; do
    case $argument in
        -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
        --list)
            for name in "${all_suites[@]}" "${on_demand[@]}"; do printf '%-8s %s\n' "$name" "$(say_what "$name")"; done
            exit 0
            ;;
        *)
            if ! is_suite "$argument"; then
                echo "run.sh: unknown suite $argument (${all_suites[*]} ${on_demand[*]}, or --help)" >&2
                exit 64
            fi
            suites+=("$argument")
            by_name=yes
            ;;
    esac
done
[ "${#suites[@]}" -gt 0 ] || suites=("${all_suites[@]}")

ended=no
work=$(mktemp -d)
exec 3>&1
exec > >(trap '' INT TERM HUP && tee "$work/said" >&3)
copier=$!
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if install_packages; then
    for name in "${suites[@]}"; do
        run_suite "$name"
    done
fi
ended=yes
