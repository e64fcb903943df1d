#!/usr/bin/env bash
# Installs the Postgres that the tests start clusters of. Does nothing when it is there already, or when POSTGRES_BIN names the folder of its programs.
set -euo pipefail

say() { echo "setup: $*"; }

# The folder that the tests would find: the one named, Debian's newest, the one of the path.
find_folder() {
    if [ -n "${POSTGRES_BIN:-}" ]; then
        echo "$POSTGRES_BIN"
        return
    fi
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n | tail -n 1)
    [ -n "$found" ] || found=$(dirname "$(readlink -f "$(command -v postgres)" 2>/dev/null)" 2>/dev/null)
    echo "$found"
}

has_all() {
    local folder program
    folder=$(find_folder)
    for program in initdb pg_ctl postgres psql pg_basebackup pgbench; do
        [ -x "$folder/$program" ] || return 1
    done
}

has_all && exit
if [ -n "${POSTGRES_BIN:-}" ]; then
    say "POSTGRES_BIN names $POSTGRES_BIN, where not all of initdb, pg_ctl, postgres, psql, pg_basebackup and pgbench are: name the folder of a whole Postgres"
    exit 1
fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    say "installing postgresql and postgresql-contrib"
    # The tests have clusters of their own: the packages need not make one and start it.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Options::=--force-confold postgresql postgresql-client postgresql-contrib >/dev/null
fi
has_all || {
    say "Postgres is missing: install it (Debian: apt-get install postgresql postgresql-contrib), or name the folder of its programs with POSTGRES_BIN," \
        "then run this again"
    exit 1
}
