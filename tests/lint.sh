#!/usr/bin/env bash
# The rules of style that a machine can check, over every file that git knows.
#
#   ./tests/lint.sh            all checks; the last line is "N passed, N failed, N skipped"
#   ./tests/lint.sh CHECK...   only these
#
# Each check is one test. It prints the lines that break its rule and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

all_checks=(file_lengths functions one_main words sizes shell python format)
max_file_bytes=$((1024 * 1024))

# Files that git knows or would take, and that are still there; null-separated.
files() {
    git ls-files -z --cached --others --exclude-standard -- "$@" | sort -zu |
        while IFS= read -r -d '' file; do
            [ ! -f "$file" ] || printf '%s\0' "$file"
        done
}

check_file_lengths() {
    files '*.c' '*.h' | xargs -0r awk '
        function report() {
            limit = last ~ /\.h$/ ? 150 : 400
            if (lines > limit) printf "%s: %d lines, at most %d\n", last, lines, limit
        }
        FNR == 1 { if (last != "") report(); last = FILENAME }
        { lines = FNR }
        END { if (last != "") report() }'
}

# The house format puts a functions name at the start of a line and its braces alone there, so
# awk can tell where it begins and ends. A parameter that is itself a function counts once.
check_functions() {
    files '*.c' | xargs -0r awk '
        function parameters(text,    i, c, depth, count) {
            sub(/^[^(]*\(/, "", text)
            if (text ~ /^(void)?\)/) return 0
            count = 1
            for (i = 1; i <= length(text); i++) {
                c = substr(text, i, 1)
                if (c == "(") depth++
                else if (c == ")" && depth-- == 0) break
                else if (c == "," && depth == 0) count++
            }
            return count
        }
        FNR == 1 { name = ""; open = 0; reading = 0 }
        !open && /^[A-Za-z_][A-Za-z0-9_]*\(/ && !/;[ \t]*$/ {
            start = FNR; head = ""; reading = 1
            name = $0; sub(/\(.*/, "", name)
            is_test = name ~ /^(Test|ParameterizedTest|ParameterizedTestParameters|Theory)$/
            if (is_test) { name = $0; sub(/\)[^)]*$/, ")", name) }
        }
        reading && /^\{/ {
            open = 1; reading = 0
            count = is_test ? 0 : parameters(head)
            if (count > 5) printf "%s:%d: %s has %d parameters, at most 5\n", FILENAME, start, name, count
        }
        reading { head = head " " $0; if (/;[ \t]*$/) reading = 0 }
        open && /^\}/ {
            if (FNR - start + 1 > 70)
                printf "%s:%d: %s has %d lines, at most 70\n", FILENAME, start, name, FNR - start + 1
            open = 0
        }'
}

# Only main.c has main, so that everything else can be linked into a test.
check_one_main() {
    files 'services/*.c' 'tools/*.c' 'shared/*.c' | xargs -0r grep -nE '^(int )?main\(' /dev/null |
        grep -vE '^(services|tools)/([^:]*/)?main\.c:' || true
}

check_words() {
    # Written in pieces, or this file would break its own rule.
    local open_end='TO''DO' never='FIX''ME|X''XX'
    files '*.c' '*.h' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt' '*.md' |
        xargs -0r grep -nHE "\\b($never)\\b|\\b$open_end\\b([^(]|\\([^#]|\\(#[^0-9]|$)" || true
}

check_sizes() {
    local file size
    files | while IFS= read -r -d '' file; do
        size=$(stat -c %s -- "$file")
        [ "$size" -lt "$max_file_bytes" ] || echo "$file: $size bytes, less than $max_file_bytes"
    done
}

check_shell() {
    local file
    files | while IFS= read -r -d '' file; do
        case $(head -c 32 -- "$file" | head -n 1 | tr -d '\0') in
            '#!'*bash* | '#!'*/sh*) ;;
            *) [[ $file == *.sh ]] || continue ;;
        esac
        bash -n -- "$file" 2>&1 || true
    done
}

check_python() {
    files '*.py' | python3 -c '
import sys
for name in filter(None, sys.stdin.buffer.read().decode().split("\0")):
    try:
        compile(open(name, encoding="utf-8").read(), name, "exec")
    except (SyntaxError, ValueError) as why:
        print(f"{name}: {why}")'
}

check_format() {
    if ! command -v clang-format >/dev/null; then
        echo "clang-format is not installed"
        return 77
    fi
    files '*.c' '*.h' | xargs -0r clang-format --dry-run 2>&1 |
        sed -n 's/^\([^ :]*:[0-9]*\):[0-9]*: .*/\1: not as clang-format writes it/p' | sort -u -t: -k1,1
}

[ "${1:-}" != --help ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0; }
checks=("$@")
[ "$#" -gt 0 ] || checks=("${all_checks[@]}")
passed=0 failed=0 skipped=0
for check in "${checks[@]}"; do
    if [[ " ${all_checks[*]} " != *" $check "* ]]; then
        echo "lint.sh: unknown check $check (${all_checks[*]})" >&2
        exit 64
    fi
    result=0
    found=$("check_$check") || result=$?
    if [ "$result" -eq 77 ]; then
        skipped=$((skipped + 1))
        echo "skip $check: $found"
    elif [ "$result" -ne 0 ] || [ -n "$found" ]; then
        failed=$((failed + 1))
        echo "FAIL $check"
        [ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/    /'
        [ "$result" -eq 0 ] || echo "    the check itself ended with $result"
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
