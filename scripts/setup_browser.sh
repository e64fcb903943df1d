#!/usr/bin/env bash
# Installs the browser that the tests of the npm package drive. Does nothing when it is there already, or when CHROMIUM names one.
set -euo pipefail

chromium=${CHROMIUM:-/usr/bin/chromium}
say() { echo "setup: $*"; }

runs() { "$chromium" --version >/dev/null 2>&1; }

runs && exit
if [ -n "${CHROMIUM:-}" ]; then
    say "CHROMIUM names $CHROMIUM, which does not run: name a Chromium or a Chrome"
    exit 1
fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    say "installing chromium"
    apt-get update -qq && apt-get install -y -qq chromium >/dev/null
fi
runs || {
    say "a browser is missing: install Chromium (Debian: apt-get install chromium), or name one with CHROMIUM=/path/to/it, then run this again"
    exit 1
}
