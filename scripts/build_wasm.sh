#!/usr/bin/env bash
# Builds the core as WebAssembly, in target/wasm: abi.wasm, which imports nothing; js, a module with its JavaScript and its types; history, the same
# with what steps through recordings; and the simulation, simulation.wasm. With the argument `mutants` only that one again, for a test, and able to leave
# out a guard: simulation-mutants.wasm.
set -euo pipefail
cd "$(dirname "$0")/.."

out=target/wasm
built=target/wasm-build/wasm32-unknown-unknown/wasm
mkdir -p $out

# What a panic says names the places of libraries, not those of whoever built them.
FLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src/="

cargo_build() { # arguments
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$FLAGS" CARGO_TARGET_DIR=target/wasm-build cargo build --quiet --locked \
        --profile wasm --target wasm32-unknown-unknown "$@" >&2
}

build() { # face
    cargo_build -p resonate-wasm --no-default-features --features "$1"
    cp --remove-destination $built/resonate_wasm.wasm "$out/$1.wasm"
}

build_simulation() { # name, features…
    CARGO_PROFILE_WASM_STRIP=symbols cargo_build -p resonate-sim-wasm "${@:2}"
    cp --remove-destination $built/resonate_sim_wasm.wasm "$out/$1.wasm"
}

if [ "${1:-}" = mutants ]; then
    env=$(scripts/wasm_env.sh)
    eval "$env"
    build_simulation simulation-mutants --features mutants
    exit
fi

# A compiler of its own where the toolchain has none for the target, for these builds alone.
(
    env=$(scripts/wasm_env.sh)
    eval "$env"
    # Nothing reads its names: what a panic says is kept by the module itself.
    CARGO_PROFILE_WASM_STRIP=symbols build abi
    build_simulation simulation
    # What a page loads counts every byte. Functions of a few instructions are not worth a call, and cost nothing where they are called.
    export CARGO_PROFILE_WASM_OPT_LEVEL=z
    FLAGS+=" -Cllvm-args=--inline-threshold=12"
    build js
    build history
)
for face in js history; do
    # Begun anew: nothing of an earlier build is left, nor written into what others may have linked.
    rm -rf "${out:?}/$face"
    cargo run --quiet --locked -p resonate-wasm-bindgen -- "$out/$face.wasm" "$out/$face"
    rm "$out/$face.wasm"
done
