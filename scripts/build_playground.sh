#!/usr/bin/env bash
# Builds the playground: target/playground, or the folder in OUT, which any static server can serve. WASM=kept takes the modules as they were last built.
# Fails when the page has become too large, or the simulation, which is only loaded when somebody asks for it.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${OUT:-target/playground}
# Compressed: everything together but the simulation, and that.
size_max=$((400 * 1024))
simulation_size_max=$((550 * 1024))

if [ "${WASM:-}" != kept ]; then
    scripts/build_wasm.sh
fi
rm -rf "$out"
mkdir -p "$out/wasm"
cp -r host-wasm/playground/{index.html,icon.svg,app,style} "$out/"
cp target/wasm/history/{resonate.js,resonate.d.ts,resonate_bg.wasm,resonate_bg.wasm.d.ts} "$out/wasm/"
cp target/wasm/simulation.wasm "$out/wasm/"

# What a page fetches is there compressed too, for servers that send it so.
find "$out" -type f ! -name '*.d.ts' -exec gzip -9nk {} +
check() { # what bytes bytes_max
    echo "$1: $2 bytes compressed, of $3"
    if [ "$2" -gt "$3" ]; then
        echo "the $1 is larger than it may be" >&2
        exit 1
    fi
}
check playground "$(find "$out" -name '*.gz' ! -name simulation.wasm.gz -exec cat {} + | wc -c)" $size_max
check simulation "$(wc -c <"$out/wasm/simulation.wasm.gz")" $simulation_size_max
