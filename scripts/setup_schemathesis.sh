#!/usr/bin/env bash
# Installs schemathesis, which the tests turn loose on the server with its own OpenAPI document. Does nothing when it is there already.
set -euo pipefail
cd "$(dirname "$0")/../tests/clients"

ROOM=.venv-schemathesis
REQUIREMENTS=requirements-schemathesis.txt
say() { echo "setup: $*"; }

is_installed() {
    cmp -s "$REQUIREMENTS" "$ROOM/installed.txt" && "$ROOM/bin/schemathesis" --version >/dev/null 2>&1
}

is_recent_python() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
    for found in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
        if is_recent_python "$found"; then
            echo "$found"
            return
        fi
    done
    say "Python 3.10 or newer with venv is missing: install it (Debian: apt-get install python3-venv), then run this again" >&2
    return 1
}

is_installed && exit
python=$(find_python)
say "installing schemathesis (tests/clients/$ROOM)"
rm -rf "$ROOM"
"$python" -m venv "$ROOM"
"$ROOM/bin/pip" install --quiet --disable-pip-version-check --requirement "$REQUIREMENTS"
cp "$REQUIREMENTS" "$ROOM/installed.txt"
