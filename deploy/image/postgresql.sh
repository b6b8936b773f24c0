#!/bin/sh
# PostgreSQL in its container: makes the cluster and a password on the first start, then serves.
#
# /var/lib/herald/database   the cluster
# /var/lib/herald/password   the password of the user herald; the order consumers mount it too
set -eu
umask 077
database=/var/lib/herald/database password=/var/lib/herald/password/password
PATH=/usr/lib/postgresql/bin:$PATH

# Made beside its place and renamed, so that a start that was cut off leaves nothing that looks whole.
make_password() {
    head -c 24 /dev/urandom | base64 | tr -d '/+=' >"$password.new"
    sync "$password.new"
    mv "$password.new" "$password"
}

make_cluster() {
    rm -rf "$database/new"
    initdb --pgdata="$database/new" --username=herald --pwfile="$password" --encoding=UTF8 \
        --locale=C.UTF-8 --data-checksums --auth-local=peer --auth-host=scram-sha-256 >/dev/null
    echo 'host herald herald all scram-sha-256' >>"$database/new/pg_hba.conf"
    echo 'CREATE DATABASE herald' | postgres --single -D "$database/new" postgres >/dev/null
    sync
    mv "$database/new" "$database/cluster"
    sync "$database"
}

[ -e "$password" ] || make_password
[ -e "$database/cluster" ] || make_cluster
exec postgres -D "$database/cluster" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql \
    -c fsync=on -c synchronous_commit=on -c full_page_writes=on "$@"
