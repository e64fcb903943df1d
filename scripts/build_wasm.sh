#!/usr/bin/env bash
# Builds the core as WebAssembly: target/wasm/abi.wasm, which imports nothing, and target/wasm/js, a module with its JavaScript and its types.
set -euo pipefail
cd "$(dirname "$0")/.."

out=target/wasm
mkdir -p $out

build() { # face
    CARGO_TARGET_DIR=target/wasm-build cargo build --quiet --locked --profile wasm --target wasm32-unknown-unknown \
        -p resonate-wasm --no-default-features --features "$1" >&2
}

# A compiler of its own where the toolchain has none for the target, for these builds alone.
(
    env=$(scripts/wasm_env.sh)
    eval "$env"
    # Nothing reads its names: what a panic says is kept by the module itself.
    CARGO_PROFILE_WASM_STRIP=symbols build abi
    cp --remove-destination target/wasm-build/wasm32-unknown-unknown/wasm/resonate_wasm.wasm $out/abi.wasm
    # What a page loads counts every byte.
    export CARGO_PROFILE_WASM_OPT_LEVEL=s
    build js
)
# Begun anew: nothing of an earlier build is left, nor written into what others may have linked.
rm -rf $out/js
cargo run --quiet --locked -p resonate-wasm-bindgen -- target/wasm-build/wasm32-unknown-unknown/wasm/resonate_wasm.wasm $out/js
