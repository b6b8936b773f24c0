#!/bin/sh
# The outbox with a crash in both places where one hurts:
#
#   demo.sh PRODUCER_ENDPOINT      the services must be running
#
# 1. The provider is killed between the payment and its outbox row: neither is committed.
# 2. The relay is killed between Herald's ACCEPTED and its own mark: the next relay submits the same
#    row again, is answered DUPLICATE with the same position, and marks it.
#
# PYTHON names the interpreter that has pyzmq and msgpack (default python3).
set -eu

endpoint=${1:?usage: demo.sh PRODUCER_ENDPOINT}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
base=$work/shop.db
order=demo-$$-$(date +%s)

show() {
    "$python" - "$base" <<'PYTHON'
import sqlite3, sys
base = sqlite3.connect(sys.argv[1])
payments = base.execute("SELECT count(*) FROM payment").fetchone()[0]
print(f"   payments: {payments}; outbox (biz_id, position):",
      base.execute("SELECT biz_id, position FROM outbox").fetchall())
PYTHON
}

expect_killed() {
    if "$@" 2>/dev/null; then
        echo "it should have been killed: $*" >&2
        exit 1
    fi
}

echo "1. killed between the payment and its outbox row: both are gone"
expect_killed "$python" "$here/pay.py" "$base" "$order-payment" "$order" 1000 --crash
show
echo "2. paid again, and this time committed: both are there"
"$python" "$here/pay.py" "$base" "$order-payment" "$order" 1000
show
echo "3. the relay is killed after Herald's answer, before its mark: the row still waits"
expect_killed env OUTBOX_CRASH=after-submit "$python" "$here/relay.py" "$base" "$endpoint" --once
show
echo "4. the next relay submits it again (DUPLICATE) and marks it"
"$python" "$here/relay.py" "$base" "$endpoint" --once
show
echo "5. Herald has it once:"
"$python" "$here/../provider.py" "$endpoint" query "$order-payment"
