#!/usr/bin/env bash
# What `cmake --install` puts down is enough: programs in C and C++ build with pkg-config alone, and
# everything that the headers declare is in the library, and nothing else; examples/provider.c submits
# and sees the end; the installed services and tools do the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/docs/sandbox.bash
build=$(dirname "$bin")
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

cmake --install "$build" --prefix "$work/root" >"$work/install.log"
library=$(dirname "$(find "$work/root" -name libherald.so | head -n 1)")
sed -i "s|^prefix=.*|prefix=$work/root|" "$library/pkgconfig/herald.pc"
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library HERALD_DATA=$work/data
# shellcheck disable=SC2046,SC2086  # the flags are words
cc -std=c17 -Wall -Wextra -Werror $sanitize examples/provider.c $(pkg-config --cflags --libs herald) \
    -o "$work/provider"
include=$(sed -n 's/^includedir=//p' "$library/pkgconfig/herald.pc" | sed "s|\${prefix}|$work/root|")
headers=$(cd "$include" && find . -name '*.h' | sed 's|^\./||' | sort)
[ "$(wc -w <<<"$headers")" -ge 8 ] || { echo "too few headers: $headers"; exit 1; }

# Each header by itself, then all of them at once; gcc writes down what they declare.
for header in $headers; do
    echo "#include \"$header\"" >"$work/one.c"
    # shellcheck disable=SC2046
    cc -std=c17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags herald) "$work/one.c"
    cat "$work/one.c" >>"$work/all.h"
done
cp "$work/all.h" "$work/all.c"
gcc -std=c17 -fsyntax-only -aux-info "$work/prototypes" -I "$include" "$work/all.c"
sed -n "s|^/\\* $include/[^*]*\\*/ extern [^(]*[ *]\\([a-z0-9_]*\\) (.*|\\1|p" "$work/prototypes" |
    sort -u >"$work/declared"
nm -D --defined-only "$library/libherald.so" | awk '$2 ~ /[TDBRW]/ {sub(/@.*/, "", $3); print $3}' |
    sort -u >"$work/exported"
diff "$work/declared" "$work/exported" || { echo "declared (<) is not what is exported (>)"; exit 1; }
[ "$(wc -l <"$work/declared")" -ge 20 ] || { echo "too few functions:"; cat "$work/declared"; exit 1; }

# The same from C++: each function is there under its own name.
{
    cat "$work/all.h"
    echo '#include <cstdio>'
    echo 'int main() { const void *all[] = {'
    sed 's/.*/    reinterpret_cast<const void *>(\&&),/' "$work/declared"
    echo '    }; return all[0] != nullptr && std::puts(herald_version()) > 0 ? 0 : 1; }'
} >"$work/all.cpp"
compilers=(g++) # which build-essential brings; what it sanitizes only it can link
if [ -z "$sanitize" ] && command -v clang++ >/dev/null; then
    compilers+=(clang++)
fi
for compiler in "${compilers[@]}"; do
    # shellcheck disable=SC2046,SC2086
    "$compiler" -std=c++11 -Wall -Wextra -Wpedantic -Werror $sanitize "$work/all.cpp" \
        $(pkg-config --cflags --libs herald) -o "$work/all"
    "$work/all" | grep -x '[0-9.]*'
done

# What cannot be says why, and nothing ends by a signal.
said() { # said CODE PATTERN COMMAND...
    local wanted=$1 pattern=$2 code=0
    shift 2
    "$@" >"$work/said" 2>&1 || code=$?
    if [ "$code" -ne "$wanted" ] || ! grep -q "$pattern" "$work/said"; then
        echo "$*: ended with $code, not $wanted, and said:"
        cat "$work/said"
        exit 1
    fi
}
said 64 '^provider: ERR_INVALID: ' "$work/provider" nowhere topic id '{}'
said 1 '^provider: ERR_FULL: ' bash -c 'ulimit -n 8 && exec "$@"' - \
    "$work/provider" ipc:///tmp/herald-nobody topic id '{}'

for service in producer order-consumer retry-scheduler compensator; do
    "$work/root/bin/herald-$service" 2>"$work/$service.log" &
    pids+=($!)
done
for service in producer order-consumer; do
    "$work/root/bin/heraldctl" ping "$service" --wait 30s >/dev/null
done
"$work/provider" "ipc://$work/data/run/producer.front" order.created 1001-created \
    '{"order_id":"1001","amount":1099,"currency":"USD"}' | tee "$work/out"
grep -q '^1001-created: DONE at orders$' "$work/out"

# A case is no end: it goes on until a person has decided.
"$work/provider" "ipc://$work/data/run/producer.front" payment.succeeded 1001-payment \
    '{"order_id":"1001","amount":1,"currency":"USD"}' >"$work/out" 2>&1 &
provider=$!
pids+=("$provider")
for _ in {1..600}; do
    grep -q '^1001-payment: CASE at orders$' "$work/out" && break
    sleep 0.05
done
grep '^1001-payment: CASE at orders$' "$work/out"
case=$("$work/root/bin/heraldctl" cases --json | sed -n 's/.*"id": *\([0-9]*\).*/\1/p' | head -n 1)
"$work/root/bin/heraldctl" case resolve "$case" --by ann --reason waived
wait "$provider" || { echo "the provider ended with $?"; cat "$work/out"; exit 1; }
grep '^1001-payment: RESOLVED at orders$' "$work/out"
