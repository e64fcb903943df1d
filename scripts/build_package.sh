#!/usr/bin/env bash
# Builds the npm package into host-wasm/js/dist: the module as WebAssembly with its JavaScript, and the TypeScript around it.
set -euo pipefail
cd "$(dirname "$0")/.."

wasm=target/wasm/js
package=host-wasm/js

[ -f $wasm/resonate_bg.wasm ] && [ "${1:-}" != --wasm ] || scripts/build_wasm.sh
[ -x $package/node_modules/.bin/tsc ] || (cd $package && npm ci --silent)

mkdir -p $package/dist/wasm
cp $wasm/resonate.js $wasm/resonate.d.ts $wasm/resonate_bg.wasm $wasm/resonate_bg.wasm.d.ts $package/dist/wasm/
cd $package
node_modules/.bin/tsc -p .
