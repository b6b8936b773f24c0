# The four services as child processes of deploy/run.sh; sourced, not run.
# Needs: bin (where the programs are), HERALD_DATA.

services=(producer retry-scheduler compensator order-consumer)
declare -A service_pid=()

# service_start NAME [OPTION...]: start it and wait until it answers.
service_start() {
    local name=$1
    shift
    mkdir -p "$HERALD_DATA/log"
    # A session of its own, so that Ctrl-C reaches this script only; told to end when the script dies.
    setsid setpriv --pdeathsig TERM "$bin/herald-$name" --data "$HERALD_DATA" "$@" \
        </dev/null >>"$HERALD_DATA/log/$name.log" 2>&1 &
    service_pid[$name]=$!
    if ! "$bin/heraldctl" ping "$name" --wait 30s >/dev/null; then
        tail -n 5 "$HERALD_DATA/log/$name.log" >&2
        echo "herald-$name does not answer; its log is $HERALD_DATA/log/$name.log" >&2
        return 70
    fi
}

# service_signal SIGNAL NAME: send it and wait until the process is gone.
service_signal() {
    local pid=${service_pid[$2]:-}
    [ -n "$pid" ] || return 0
    kill "-$1" "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    unset "service_pid[$2]"
}

services_start() {
    local name
    for name in "${services[@]}"; do
        if [ "$name" = producer ] && [ "${demo:-no}" = yes ]; then
            service_start "$name" --config deploy/demo/producer.zpl # two receivers more
        else
            service_start "$name"
        fi
    done
    echo "started: ${services[*]}"
}

# services_ended: prints the name of a service that is no longer running.
services_ended() {
    local name
    for name in "${!service_pid[@]}"; do
        if ! kill -0 "${service_pid[$name]}" 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
}

# Receivers first, the producer last, so that nothing is left waiting for an answer.
services_stop() {
    local name
    trap '' INT TERM HUP
    for name in receiver ledger order-consumer compensator retry-scheduler producer; do
        service_signal TERM "$name"
    done
}
