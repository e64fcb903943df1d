#!/usr/bin/env bash
# Builds the npm package into host-wasm/js/dist: the module as WebAssembly with its JavaScript, and the TypeScript around it.
set -euo pipefail
cd "$(dirname "$0")/.."

wasm=target/wasm/js
package=host-wasm/js

[ -f $wasm/resonate_bg.wasm ] && [ "${1:-}" != --wasm ] || scripts/build_wasm.sh
(
    cd $package
    # What was installed is known by a copy of the lock file.
    cmp -s package-lock.json node_modules/.installed && exit
    npm ci --silent
    cp package-lock.json node_modules/.installed
)

mkdir -p $package/dist/wasm
cp $wasm/resonate.js $wasm/resonate.d.ts $wasm/resonate_bg.wasm $wasm/resonate_bg.wasm.d.ts $package/dist/wasm/
cp LICENSE $package/
cd $package
node_modules/.bin/tsc -p .
