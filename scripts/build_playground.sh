#!/usr/bin/env bash
# Builds the playground: target/playground, a folder that any static server can serve. WASM=kept takes the module as it was last built. Fails when
# the page has become too large.
set -euo pipefail
cd "$(dirname "$0")/.."

out=target/playground
size_max=$((400 * 1024)) # compressed, everything together

if [ "${WASM:-}" != kept ]; then
    scripts/build_wasm.sh
fi
rm -rf $out
mkdir -p $out/wasm
cp -r host-wasm/playground/{index.html,icon.svg,app,style} $out/
cp target/wasm/history/{resonate.js,resonate.d.ts,resonate_bg.wasm,resonate_bg.wasm.d.ts} $out/wasm/

# What a page fetches is there compressed too, for servers that send it so.
find $out -type f ! -name '*.d.ts' -exec gzip -9nk {} +
size=$(find $out -name '*.gz' -exec cat {} + | wc -c)
echo "playground: $size bytes compressed, of $size_max"
if [ "$size" -gt "$size_max" ]; then
    echo "the playground is larger than it may be" >&2
    exit 1
fi
