# The demonstration of deploy/run.sh; sourced, not run.
#
# Real payment objects and webhook bodies go through the four services, with real failures on the
# way. At the end a table says what became of every notification, and every promise is checked
# against what the submitter knows and what the order database says.
# Needs: bin, HERALD_DATA, deploy/demo/services.sh.

demo_failures=0

say() {
    printf '\n== %s\n' "$*"
}

ctl() {
    "$bin/heraldctl" "$@"
}

# promise TEXT COMMAND...: the command must succeed.
promise() {
    local text=$1
    shift
    if "$@"; then
        printf '   kept    %s\n' "$text"
    else
        printf '   BROKEN  %s\n' "$text"
        demo_failures=$((demo_failures + 1))
    fi
}

# object KIND: a payment object (payment_intent, charge, refund), real where ../shared/data has it.
object() {
    local real=../shared/data/stripe-objects.json file=deploy/demo/objects.json
    if [ -r "$real" ]; then
        file=$real
    fi
    jq -c --arg kind "$1" '.[$kind]' "$file"
}

# payment ORDER AMOUNT: a line for `heraldctl submit`: this payment of an order succeeded.
payment() {
    object payment_intent | jq -c --arg run "$run" --arg order "$run-$1" --argjson amount "$2" '
        {topic: "payment.succeeded", biz_id: ($order + "-payment"), version: 2,
         payload: (.amount = $amount | .amount_received = $amount | .status = "succeeded"
                   | .metadata = {order_id: $order})}'
}

# refund ORDER AMOUNT
refund() {
    object refund | jq -c --arg order "$run-$1" --argjson amount "$2" '
        {topic: "payment.refunded", biz_id: ($order + "-refund"), version: 5,
         payload: (.amount = $amount | .metadata = {order_id: $order})}'
}

# step ORDER TOPIC VERSION: order.shipped, order.delivered
step() {
    jq -nc --arg order "$run-$1" --arg topic "$2" --argjson version "$3" '
        {topic: $topic, biz_id: ($order + "-" + ($topic | split(".")[1])), version: $version,
         payload: {order_id: $order}}'
}

webhooks() {
    local real=../shared/data/github-webhooks.jsonl file=deploy/demo/webhooks.jsonl
    if [ -r "$real" ]; then
        file=$real
    fi
    jq -c --arg run "$run" '{topic: ("webhook." + .event),
        biz_id: "\($run)-webhook-\(input_line_number)", payload: .payload}' "$file"
}

# state BIZ_ID SUBSCRIPTION: prints the delivery's state.
state() {
    ctl query --json "$1" | jq -r --arg name "$2" '.deliveries[] | select(.subscription == $name) | .state'
}

is_state() {
    [ "$(state "$1" "$2")" = "$3" ]
}

# until_true SECONDS COMMAND...: wait for it with a deadline.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            return 1
        fi
        sleep 0.05
    done
}

# The custodian of the orders delivery of BIZ_ID is SERVICE, or it has a state that says more.
is_with() {
    ctl query --json "$1" | jq -e --arg service "$2" '.deliveries[] | select(.subscription == "orders")
        | .custodian == $service or .state != "PENDING"' >/dev/null
}

# attempts_made BIZ_ID COUNT: that many attempts are on record.
attempts_made() {
    ctl query --json "$1" | jq -e --argjson count "$2" \
        'any(.deliveries[]; .attempts | length >= $count)' >/dev/null
}

case_of() {
    ctl cases --json | jq -r --arg biz "$1" --arg name "$2" \
        'select(.biz_id == $biz and .subscription == $name) | .id'
}

has_case() {
    [ -n "$(case_of "$1" "$2")" ]
}

orders_sql() {
    sqlite3 -readonly -cmd '.timeout 5000' "$HERALD_DATA/orders.db" "$1"
}

order_is() {
    [ "$(orders_sql "select status from order_table where biz_id = '$run-$1'")" = "$2" ]
}

demo_ordinary_day() {
    say "An ordinary day: order, payment, shipment, delivery; one refund, to two subscriptions"
    ctl order "$run-1001" 10.99 usd --biz-id "$run-1001-created"
    { payment 1001 1099; step 1001 order.shipped 3; step 1001 order.delivered 4; } |
        ctl submit --file -
    ctl order "$run-1002" 25.00 usd --biz-id "$run-1002-created"
    payment 1002 2500 | ctl submit --file -
    ctl watch --timeout 60s "$run-1002-payment" >/dev/null
    # The ledger refuses every refund: its delivery fails, the order system's does not.
    refund 1002 2500 | ctl submit --file -
    ended+=("$run-1001-created" "$run-1001-payment" "$run-1001-shipped" "$run-1001-delivered"
        "$run-1002-created" "$run-1002-payment")
}

demo_late_orders() {
    say "An order that arrives late: retried, then done"
    payment 1003 300 | ctl submit --file -
    until_true 30 attempts_made "$run-1003-payment" 1 || true
    ctl order "$run-1003" 3.00 usd --biz-id "$run-1003-created"
    say "An order that arrives after the schedule is used up: done by compensation"
    payment 1004 400 | jq -c '.policy = "200ms,200ms"' | ctl submit --file -
    until_true 30 is_with "$run-1004-payment" compensator || true
    ctl order "$run-1004" 4.00 usd --biz-id "$run-1004-created"
    ended+=("$run-1003-created" "$run-1003-payment" "$run-1004-created" "$run-1004-payment")
}

demo_wrong_amount() {
    say "A wrong amount: rejected, rejected by compensation too, alarm, a case for a person"
    ctl order "$run-1005" 50.00 usd --biz-id "$run-1005-created"
    ctl watch --timeout 60s "$run-1005-created" >/dev/null
    payment 1005 4999 | ctl submit --file -
    until_true 60 has_case "$run-1005-payment" orders || true
    ctl cases
    ctl case resolve "$(case_of "$run-1005-payment" orders)" --by demonstration \
        --reason "customer paid a cent too little; waived"
    ended+=("$run-1005-created" "$run-1005-payment")
}

demo_receiver_down() {
    say "The receiver is down for a while, and killed in the middle of its work"
    service_signal TERM order-consumer
    ctl order "$run-1006" 6.00 usd --biz-id "$run-1006-created"
    service_start order-consumer
    local number
    for number in $(seq 2001 2300); do
        jq -nc --arg order "$run-$number" '{topic: "order.created", biz_id: ($order + "-created"),
            payload: {order_id: $order, amount: 100, currency: "usd"}}'
        payment "$number" 100
    done >"$HERALD_DATA/demo-$run.jsonl"
    ctl submit --file "$HERALD_DATA/demo-$run.jsonl"
    service_signal KILL order-consumer
    service_start order-consumer
    say "The same file once more: answered as duplicates, not sent again"
    ctl submit --file "$HERALD_DATA/demo-$run.jsonl"
    ended+=("$run-1006-created")
}

demo_webhooks() {
    say "Real webhook bodies to a receiver of another kind"
    ctl receive --group webhook-archive --count 1000000 >"$HERALD_DATA/webhooks-$run.jsonl" 2>/dev/null &
    service_pid[receiver]=$!
    webhooks >"$HERALD_DATA/demo-webhooks-$run.jsonl"
    ctl submit --file "$HERALD_DATA/demo-webhooks-$run.jsonl"
    ctl watch --timeout 60s --file "$HERALD_DATA/demo-webhooks-$run.jsonl" >/dev/null || true
    service_signal TERM receiver
}

# Each effect once, by the order database's own count; nothing both applied and fenced.
effects_are_single() {
    [ "$(orders_sql "select count(*) from (select biz_id from notify_log group by biz_id
        having count(*) > 1)")" = 0 ]
}

# count_log STATUS: rows of this run in notify_log.
count_log() {
    orders_sql "select count(*) from notify_log where biz_id like '$run-2%' and status = '$1'"
}

all_loaded_are_done() {
    [ "$(count_log SUCCESS)" = 600 ]
}

demo_promises() {
    say "Promises"
    local biz
    ctl watch --timeout 120s "${ended[@]}" >/dev/null || true
    ctl watch --timeout 120s --file "$HERALD_DATA/demo-$run.jsonl" >/dev/null || true
    until_true 30 has_case "$run-1002-refund" ledger || true
    for biz in "${ended[@]}"; do
        case $biz in
            "$run-1005-payment") promise "$biz is RESOLVED, by a person" is_state "$biz" orders RESOLVED ;;
            *) promise "$biz is DONE" is_state "$biz" orders DONE ;;
        esac
    done
    promise "$run-1002-refund is DONE at the order system" is_state "$run-1002-refund" orders DONE
    promise "$run-1002-refund is a case at the ledger, which refused it" \
        is_state "$run-1002-refund" ledger CASE
    promise "order $run-1001 is DELIVERED" order_is 1001 DELIVERED
    promise "order $run-1002 is REFUNDED" order_is 1002 REFUNDED
    promise "order $run-1003 is PAID: its payment came before it" order_is 1003 PAID
    promise "order $run-1004 is PAID: by compensation" order_is 1004 PAID
    promise "order $run-1005 is not PAID: its payment was a cent short" order_is 1005 CREATED
    promise "300 orders and their payments all applied, over a receiver killed with -9" \
        all_loaded_are_done
    promise "no effect twice" effects_are_single
}

# The table of what became of everything that has a story of its own.
demo_table() {
    say "What became of every notification (and of 600 orders and payments more: all DONE)"
    ctl query "${ended[@]}" "$run-1002-refund"
}

demonstrate() {
    local number=1
    while [ -e "$HERALD_DATA/demo-run-$number" ]; do
        number=$((number + 1))
    done
    : >"$HERALD_DATA/demo-run-$number"
    run=run$number
    ended=()
    demo_failures=0
    # The ledger says no to everything, as a system that does not know the order would.
    ctl receive --group ledger --name ledger-1 --answer reject --reason "unknown account" \
        >"$HERALD_DATA/log/ledger.log" 2>&1 &
    service_pid[ledger]=$!
    demo_ordinary_day
    demo_late_orders
    demo_wrong_amount
    demo_receiver_down
    demo_webhooks
    demo_promises
    demo_table
    service_signal TERM ledger
    if [ "$demo_failures" -ne 0 ]; then
        printf '\n%s promises were BROKEN\n' "$demo_failures"
        return 1
    fi
    printf '\nEvery promise was kept.\n'
}
