#!/usr/bin/env bash
# Installs the released SDKs that the tests run against the server, as pinned in tests/clients. Does nothing when they are there already.
set -euo pipefail
cd "$(dirname "$0")/../tests/clients"

PYTHON_SDKS="0.8.1 0.7.4"
say() { echo "setup: $*"; }

# Where these change, everything is installed again.
stamp_now() { cat package.json package-lock.json python/requirements-*.txt | cksum; }

runs() { # a program that must be of a version: program, its check
    "$1" "${@:2}" >/dev/null 2>&1
}

is_installed() {
    [ "$(cat .installed 2>/dev/null)" = "$(stamp_now)" ] || return 1
    runs node_modules/.bin/node --version || return 1
    for sdk in $PYTHON_SDKS; do
        runs ".venv-$sdk/bin/python" -c pass || return 1
    done
}

is_recent_python() { runs "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))'; }

# The SDK needs Python 3.12 or newer, which is often not the `python3` of the system.
find_python() {
    local found version
    if command -v uv >/dev/null && found=$(uv python find '>=3.12' 2>/dev/null) && is_recent_python "$found"; then
        echo "$found"
        return
    fi
    if command -v pyenv >/dev/null; then
        for version in $(pyenv versions --bare 2>/dev/null | grep -E '^3\.(1[2-9]|[2-9][0-9])\.[0-9]+$' | sort -V -r); do
            found="$(pyenv prefix "$version" 2>/dev/null)/bin/python3"
            if is_recent_python "$found"; then
                echo "$found"
                return
            fi
        done
    fi
    for found in python3.14 python3.13 python3.12 python3 python; do
        if is_recent_python "$found"; then
            command -v "$found"
            return
        fi
    done
    return 1
}

install_typescript() {
    command -v npm >/dev/null || {
        say "npm is missing: install Node.js with npm, then run this again"
        exit 1
    }
    say "installing the TypeScript SDKs (npm ci in tests/clients)"
    # The SDKs want a newer Node.js than npm may run on; the one that they get is a dependency itself.
    npm ci --loglevel=error --no-audit --no-fund >/dev/null
    [ -x node_modules/.bin/node ] && return
    # No build of Node.js is published as a package for this machine.
    if runs node -e 'process.exit(parseInt(process.versions.node) < 22)'; then
        mkdir -p node_modules/.bin
        ln -s "$(command -v node)" node_modules/.bin/node
    else
        say "Node.js 22 or newer is missing and there is no package of it for this machine: install it, then run this again"
        exit 1
    fi
}

install_python() {
    local python sdk
    python=$(find_python) || {
        say "Python 3.12 or newer (with venv) is missing: install it, for example with 'uv python install 3.12' or 'pyenv install 3.12'," \
            "then run this again"
        exit 1
    }
    for sdk in $PYTHON_SDKS; do
        say "installing the Python SDK $sdk with $("$python" --version)"
        rm -rf ".venv-$sdk"
        "$python" -m venv ".venv-$sdk"
        ".venv-$sdk/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "python/requirements-$sdk.txt"
    done
}

if ! is_installed; then
    rm -f .installed
    install_typescript
    install_python
    stamp_now >.installed
fi
