# A directory of its own with four services from HERALD_BIN; sourced by the tests here, not run.
#
#   sandbox_open    makes $sandbox, sets HERALD_DATA, PATH and bin; all is gone at the script's end
#   needs NAME...   ends the script as skipped when a program is missing
#   sanitize        what a program must be compiled with to go with these libraries

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${HERALD_BIN:?the directory with the built programs}
. "$root/deploy/demo/services.sh"
sanitize=$(sed -n 's/^HERALD_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$bin/../CMakeCache.txt" 2>/dev/null || true)
if grep -qs '^CMAKE_C_FLAGS:STRING=.*--coverage' "$bin/../CMakeCache.txt"; then
    sanitize+=' --coverage'
fi

needs() {
    local name
    for name in "$@"; do
        if ! command -v "$name" >/dev/null; then
            echo "skipped: $name is not here"
            exit 77
        fi
    done
}

sandbox_close() {
    services_stop
    rm -rf "$sandbox"
}

sandbox_open() {
    sandbox=$(mktemp -d)
    export HERALD_DATA=$sandbox/var PATH=$bin:$PATH
    ln -s "$root/examples" "$root/deploy" "$root/docs" "$sandbox"
    trap sandbox_close EXIT
}
