#!/usr/bin/env bash
# run.sh COUNTS: check the model of custody (custody.pml) and that it sees each of the bugs that are
# seeded in it. COUNTS gets "passed failed skipped".
#
# MODEL=large  also what takes 20 minutes and 5 GB: see docs/TESTING.md
# HERALD_JOBS  how many runs at once (default 2)
set -euo pipefail
cd "$(dirname "$0")"
counts=${1:-/dev/null}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is checked exhaustively: safety at every state, and that whatever was acknowledged has its end
# or a case where nothing can happen any more. "reached" is the same as a liveness property: there
# must be no cycle on which it is put off for ever.
# CRASHES=1: of each process any number.
safety='-DSAFETY -DNOCLAIM -DNOREDUCE -DHC4'
liveness='-DNOREDUCE -DHC4'
checks=(
    "crashes, and a sync of its own|-DCRASHES=1 -DPENDING|$safety|-w26"
    "reached, crashes|-DCRASHES=1|$liveness|-a -w25"
    "two attempts on each schedule|-DCRASHES=0 -DTRIES=2|$safety|-w25"
    "submitted again after its retention|-DCRASHES=0 -DLIVES=2|$safety|-w25"
)
if [ "${MODEL:-}" = large ]; then
    checks+=(
        "crashes, two attempts on each schedule|-DCRASHES=1 -DTRIES=2|$safety|-w26"
        "crashes, submitted again|-DCRASHES=1 -DLIVES=2|$safety|-w26"
        "crashes, two attempts, a sync of its own|-DCRASHES=1 -DPENDING -DTRIES=2|$safety|-w27"
        "reached, crashes, two attempts|-DCRASHES=1 -DTRIES=2|$liveness|-a -w27"
        "crashes, two attempts, a sync of its own, submitted again|-DCRASHES=1 -DPENDING -DTRIES=2 -DLIVES=2|$safety|-w28"
    )
fi
mutants=(
    ANSWER_BEFORE_READING APPLIED_TWICE CANCEL_AT_ONCE CLOSED_WITHOUT_FENCE DROPPED_EARLY
    DUPLICATE_BEFORE_SYNC EFFECT_BESIDE_FENCE FENCE_FORGOTTEN LATE_REJECT OLD_CANCEL
    READ_UNSYNCED REPLAY_FENCED SEND_BEFORE_SYNC UNDO_TRY_UNFENCED
)

# build DIRECTORY SPIN_OPTIONS C_OPTIONS
build() {
    mkdir -p "$1"
    # shellcheck disable=SC2086  # options are words
    (cd "$1" && spin $2 -a "$OLDPWD/custody.pml" >spin.log &&
        ${CC:-cc} -O2 -w $3 -DMEMLIM=8000 -o pan pan.c)
}

# check NAME SPIN_OPTIONS C_OPTIONS PAN_OPTIONS
check() {
    local name=$1 directory
    directory=$(mktemp -d "$work/XXXXXX")
    # shellcheck disable=SC2086  # options are words
    if build "$directory" "$2" "$3" && (cd "$directory" && ./pan -m100000 $4) >"$directory/out" 2>&1 &&
        grep -q 'errors: 0' "$directory/out" &&
        ! grep -Eq 'Search not completed|max search depth too small|error:' "$directory/out"; then
        echo "model $name: $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$directory/out") states, 0 errors"
        echo 1 0 0 >"$directory/counts"
    else
        echo "FAIL model $name"
        tail -n 25 "$directory/out" | sed 's/^/    /'
        (cd "$directory" && [ ! -f custody.pml.trail ] ||
            # shellcheck disable=SC2086
            spin $2 -t -p -k custody.pml.trail "$OLDPWD/custody.pml" 2>&1 | tail -n 60 | sed 's/^/    /')
        echo 0 1 0 >"$directory/counts"
    fi
}

# mutant NAME: a search that finds nothing means that the model is blind.
mutant() {
    local name=$1 directory=$work/$1 options="-DMUTANT_$1 -DCRASHES=1"
    case $name in
        *SYNC | READ_UNSYNCED) options+=" -DPENDING" ;;
    esac
    if build "$directory" "$options" "$safety" && (cd "$directory" && ./pan -m100000 -w24) >"$directory/out" 2>&1 &&
        grep -q 'assertion violated' "$directory/out"; then # pan itself ends with 0
        echo "model mutant $name: found"
        echo 1 0 0 >"$directory/counts"
    else
        echo "FAIL model mutant $name: not found, the model is blind to it"
        tail -n 25 "$directory/out" | sed 's/^/    /'
        echo 0 1 0 >"$directory/counts"
    fi
}

turn() { # wait until another one may run
    while [ "$(jobs -rp | wc -l)" -ge "${HERALD_JOBS:-2}" ]; do
        wait -n || true
    done
}

for entry in "${checks[@]}"; do
    IFS='|' read -r name spin_options c_options pan_options <<<"$entry"
    turn
    check "$name" "$spin_options" "$c_options" "$pan_options" &
done
for name in "${mutants[@]}"; do
    turn
    mutant "$name" &
done
wait
cat "$work"/*/counts | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' >"$counts"
wrong=$(awk '{ print $2 }' <(cat "$work"/*/counts) | grep -c 1 || true)
total=$((${#checks[@]} + ${#mutants[@]}))
seen=$(cat "$work"/*/counts | wc -l)
[ "$wrong" = 0 ] && [ "$seen" = "$total" ]
