#!/usr/bin/env bash
# Lay out what goes into the images: for each program its binary and the libraries that the base
# image lacks.
#
#   collect.sh BUILD BASE-LIBRARIES INTO
#
# BASE-LIBRARIES has a path a line. INTO gets a directory a program, and in it the paths of the image.
# What heraldctl's directory has is not repeated in the others, for their images have that too.
set -euo pipefail
build=$1 base=$2 into=$3

# libraries PROGRAM: the paths that the loader would take.
libraries() {
    ldd "$1" | awk '$2 == "=>" { print $3 }'
}

collect() {
    local program=$1 root=$into/$1 library place
    install -D -m 0755 -s "$build/bin/$program" "$root/usr/bin/$program"
    libraries "$build/bin/$program" | while read -r library; do
        if grep -qxF "$library" "$base"; then
            continue
        fi
        place=$(realpath "$(dirname "$library")")/$(basename "$library") # /lib is a link to /usr/lib
        if [ "$program" = heraldctl ] || [ ! -e "$into/heraldctl$place" ]; then
            install -D -m 0644 "$library" "$root$place"
        fi
    done
}

collect heraldctl
for name in journal producer retry-scheduler compensator order-consumer; do
    collect "herald-$name"
done
