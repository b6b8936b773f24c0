#!/usr/bin/env bash
# The C lines of README.md compile and submit.
set -euo pipefail
. "$(dirname "$0")/sandbox.bash"
needs cc pkg-config setsid setpriv
build=$(cd "$bin/.." && pwd)
if ! compgen -G "$build/shared/client/*.a" >/dev/null; then
    echo "skipped: no library beside $bin"
    exit 77
fi
sandbox_open
sed -n '/^```c$/,/^```$/p' "$root/README.md" | sed '/^```/d' >"$sandbox/paid.c"
cat >>"$sandbox/paid.c" <<'EOT'

int
main(void)
{
    return tell_that_it_is_paid("c-paid", "{}", 2) != HERALD_CLIENT_ACCEPTED;
}
EOT
# shellcheck disable=SC2046,SC2086  # the flags are words
cc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror $sanitize -I "$root/shared" "$sandbox/paid.c" -o "$sandbox/paid" \
    "$build"/shared/{client,seal,wire,delivery,base}/*.a $(pkg-config --libs libzmq libxxhash libsodium) -lpthread
services_start
cd "$sandbox"
./paid
heraldctl query c-paid

# Where it cannot have a client it says why, and does not end by a signal.
code=0
(ulimit -n 8 && exec ./paid) 2>said || code=$?
[ "$code" -eq 1 ] && grep '^ERR_FULL: ' said
