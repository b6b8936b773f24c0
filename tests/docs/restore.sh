#!/usr/bin/env bash
# Backup, restore, a lost machine, a new identity and salvage go as docs/OPERATIONS.md says.
set -euo pipefail
. "$(dirname "$0")/sandbox.bash"
needs sqlite3 setsid setpriv
sandbox_open

stop_all() {
    services_stop
    trap - INT TERM HUP
}

fail() {
    echo "FAIL $*"
    exit 1
}

# ends_with CODE TEXT: the producer refuses to start, with this exit code and this in its last line.
ends_with() {
    local code=0
    timeout 20 "$bin/herald-producer" --data "$HERALD_DATA" >"$sandbox/refusal" 2>&1 || code=$?
    [ "$code" = "$1" ] || fail "the producer ends with $code, not $1: $(cat "$sandbox/refusal")"
    grep -qF "$2" "$sandbox/refusal" || fail "it does not say \"$2\": $(cat "$sandbox/refusal")"
}

database_identity() {
    sqlite3 -readonly "$HERALD_DATA/orders.db" 'SELECT lower(hex(identity)) FROM database_identity'
}

echo "== a backup, and life after it"
services_start
heraldctl order 1 1.00 eur
heraldctl watch 1-created --timeout 30s
stop_all
cp -a "$HERALD_DATA" "$sandbox/backup"
services_start
heraldctl order 2 1.00 eur
heraldctl watch 2-created --timeout 30s
stop_all

echo "== a log that is missing is refused"
mv "$HERALD_DATA/journal/producer" "$sandbox/producer"
ends_with 74 "is empty, but another log has seen"
rm -rf "$HERALD_DATA/journal/producer"
mv "$sandbox/producer" "$HERALD_DATA/journal/producer"

echo "== the whole journal from the backup, the newer database: submitted again, applied once"
rm -rf "$HERALD_DATA/journal"
cp -a "$sandbox/backup/journal" "$HERALD_DATA/journal"
services_start
[ "$(heraldctl query --json 1-created | grep -c '"state":"DONE"')" = 1 ] || fail "1-created is not DONE"
heraldctl order 2 1.00 eur
heraldctl watch 2-created --timeout 30s
[ "$(sqlite3 -readonly "$HERALD_DATA/orders.db" 'SELECT count(*) FROM notify_log')" = 2 ] ||
    fail "an effect is there twice, or none"
stop_all

echo "== a database with a new identity is refused until it is accepted"
old=$(database_identity)
setsid setpriv --pdeathsig TERM "$bin/herald-order-consumer" --data "$HERALD_DATA" --renew-identity \
    </dev/null >>"$HERALD_DATA/log/order-consumer.log" 2>&1 &
service_pid[order-consumer]=$!
"$bin/heraldctl" ping order-consumer --wait 30s
service_signal TERM order-consumer
[ "$(database_identity)" != "$old" ] || fail "the identity is the old one"
services_start
heraldctl order 3 1.00 eur
result=0
heraldctl watch 3-created --timeout 2s || result=$?
[ "$result" = 69 ] || fail "a second database was served"
grep -q 'kind=second_database' "$HERALD_DATA/log/producer.log" || fail "no alarm"
heraldctl group order-system --set-identity "$(database_identity)" --by ann --reason restored
heraldctl watch 3-created --timeout 60s
stop_all

echo "== a lost machine, of which the disk is there: at another place everything goes on"
mv "$HERALD_DATA" "$sandbox/moved"
old_data=$HERALD_DATA
HERALD_DATA=$sandbox/moved
services_start
[ "$(heraldctl query --json 3-created | grep -c '"state":"DONE"')" = 1 ] || fail "3-created is not DONE"
heraldctl order 31 1.00 eur
heraldctl watch 31-created --timeout 30s
stop_all
HERALD_DATA=$old_data
mv "$sandbox/moved" "$HERALD_DATA"

echo "== a lost machine without a backup of the journal: submitted again, applied once"
effects=$(sqlite3 -readonly "$HERALD_DATA/orders.db" 'SELECT count(*) FROM notify_log')
mv "$HERALD_DATA/journal" "$sandbox/lost"
services_start
heraldctl order 2 1.00 eur
heraldctl order 32 1.00 eur
heraldctl watch 2-created --timeout 30s
heraldctl watch 32-created --timeout 30s
[ "$(heraldctl query --json 2-created | grep -c '"state":"DONE"')" = 1 ] || fail "2-created is not DONE"
[ "$(sqlite3 -readonly "$HERALD_DATA/orders.db" 'SELECT count(*) FROM notify_log')" = $((effects + 1)) ] ||
    fail "an effect is there twice, or none"
stop_all

echo "== damage is refused, and salvaged"
segment=$(find "$HERALD_DATA/journal/producer" -name '*.seg' | sort | head -n 1)
printf damage | dd of="$segment" bs=1 seek=4700 conv=notrunc status=none
ends_with 74 "is damaged at offset"
result=0
herald-journal verify "$HERALD_DATA/journal/producer" || result=$?
[ "$result" = 1 ] || fail "verify ends with $result"
result=0
herald-journal salvage --into "$HERALD_DATA/journal.salvaged" "$HERALD_DATA/journal/producer" || result=$?
[ "$result" = 1 ] || fail "salvage ends with $result"
mv "$HERALD_DATA/journal/producer" "$sandbox/damaged"
mv "$HERALD_DATA/journal.salvaged/producer" "$HERALD_DATA/journal/producer"
services_start
heraldctl order 4 1.00 eur
heraldctl watch 4-created --timeout 30s
