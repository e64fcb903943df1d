#!/usr/bin/env bash
# Installs what the build and the tests need and says what. Does nothing on a machine that has everything.
set -euo pipefail

say() { echo "setup: $*"; }

need_cargo() {
    command -v cargo >/dev/null && return
    say "Rust is missing: install it with rustup (see https://rustup.rs), then run this again"
    exit 1
}

# The C compiler builds the SQLite that is linked into the server.
need_cc() {
    command -v cc >/dev/null && return
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        say "installing gcc and libc6-dev"
        apt-get update -qq && apt-get install -y -qq gcc libc6-dev >/dev/null
    else
        say "a C compiler is missing: install one (Debian: apt-get install gcc libc6-dev), then run this again"
        exit 1
    fi
}

need_component() { # cargo subcommand, rustup component
    cargo "$1" --version >/dev/null 2>&1 && return
    say "installing $2"
    rustup component add "$2"
}

need_cargo
need_cc
need_component fmt rustfmt
need_component clippy clippy
"$(dirname "$0")/setup_clients.sh"
"$(dirname "$0")/setup_schemathesis.sh"
"$(dirname "$0")/setup_browser.sh"
"$(dirname "$0")/setup_postgres.sh"
say "everything is there"
