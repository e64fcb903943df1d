#!/usr/bin/env bash
# Makes `cargo build --target wasm32-unknown-unknown` possible and prints the shell exports that it needs: env=$(scripts/wasm_env.sh) && eval "$env"
set -euo pipefail

TARGET=wasm32-unknown-unknown
say() { echo "wasm: $*" >&2; }

# The folder is named even where it is not there, so that a library in it has to be looked for.
has_std() { compgen -G "$("$1" --print target-libdir --target $TARGET)/libstd-*.rlib" >/dev/null; }

has_std rustc && exit
if command -v rustup >/dev/null; then
    say "adding the target $TARGET with rustup"
    rustup target add $TARGET >&2 && has_std rustc && exit
fi
say "the target $TARGET is missing: install it ('rustup target add $TARGET'), then run this again"
exit 1
