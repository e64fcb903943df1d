#!/usr/bin/env bash
# Makes `cargo build --target wasm32-unknown-unknown` possible and prints the shell exports that it needs: env=$(scripts/wasm_env.sh) && eval "$env"
#
# Ways, the first that works:
#   present  the toolchain has the target
#   rustup   rustup adds it
#   debian   Debian's rustc-web, unpacked into a folder of its own, with a std built there once: about a minute and 1 GB. Nothing is installed, and
#            nobody has to be root; packages that are missing come by `apt-get download`.
#
#   WASM_WAYS   the ways to try, "present rustup debian" by default
#   WASM_CACHE  the folder of the last one, ~/.cache/resonate-wasm by default
set -euo pipefail

TARGET=wasm32-unknown-unknown
WAYS=${WASM_WAYS:-present rustup debian}
CACHE=${WASM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/resonate-wasm}
say() { echo "wasm: $*" >&2; }

# The folder is named even where it is not there, so that a library in it has to be looked for.
has_std() { compgen -G "$("$1" --print target-libdir --target $TARGET)/libstd-*.rlib" >/dev/null; }

present() { has_std rustc; }

rustup_adds() {
    command -v rustup >/dev/null || return 1
    say "adding the target $TARGET with rustup"
    rustup target add $TARGET >&2 && has_std rustc
}

# Runs a program with the libraries that were unpacked beside it.
wrap() { # program wrapper arguments…
    local program=$1 wrapper=$2
    shift 2
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%q${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec %q %s "$@"\n' "$libs" "$program" "${*@Q}" >"$wrapper"
    chmod +x "$wrapper"
}

# Downloads and unpacks the compiler, the sources of std, and what they need that the system lacks.
unpack() { # folder
    local packages
    packages=$(apt-get install --print-uris -qq -y --no-install-recommends rustc-web rust-web-src | cut -d' ' -f2 | cut -d_ -f1)
    [[ $packages == *rustc-web* && $packages == *rust-web-src* ]] || { say "apt-get does not find rustc-web and rust-web-src"; return 1; }
    mkdir -p "$1/packages"
    say "downloading" $packages
    (cd "$1/packages" && apt-get download -qq $packages >&2)
    local package
    for package in "$1"/packages/*.deb; do dpkg -x "$package" "$1"; done
    rm -r "$1/packages"
}

# A linker for the target: the toolchain's, or LLVM's.
find_linker() {
    local found
    for found in "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$host/bin/rust-lld" "$(command -v rust-lld)" "$(command -v wasm-ld)" \
        "$(compgen -G '/usr/lib/llvm-*/bin/wasm-ld' | sort -V | tail -1)"; do
        [ -x "$found" ] && echo "$found" && return
    done
    say "no rust-lld or wasm-ld: install one ('apt-get install lld')"
    return 1
}

# Builds std for the target, in an empty crate that needs all of it.
build_std() { # compiler folder
    mkdir -p "$2/src"
    echo '#![no_std]' >"$2/src/lib.rs"
    printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$2/Cargo.toml"
    (cd "$2" && env -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET RUSTC="$1" RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
        CARGO_TARGET_DIR=target cargo build --quiet --release -Z build-std=std,panic_abort --target $TARGET >&2)
}

# A compiler with that std: $CACHE/sysroot, complete or not there.
build_sysroot() {
    local work libs host linker
    rm -rf "$CACHE"/building
    work=$CACHE/building
    unpack "$work/debian"
    # Wrappers name their programs where these will lie in the end.
    rm -rf "$CACHE/debian"
    mv "$work/debian" "$CACHE/debian"
    local usr=$CACHE/debian/usr
    libs=$(dirname "$(compgen -G "$usr/lib/*/librustc_driver-*.so")")
    host=$(basename "$(compgen -G "$usr/lib/rustlib/*-linux-gnu*")")
    linker=$(find_linker)
    say "building std with $usr/bin/rustc"
    wrap "$usr/bin/rustc" "$work/rustc"
    build_std "$work/rustc" "$work/std"

    local root=$work/sysroot
    mkdir -p "$root/bin" "$root/lib/rustlib/$TARGET/lib" "$root/lib/rustlib/$host/bin"
    cp "$work/std/target/$TARGET"/release/deps/*.rlib "$root/lib/rustlib/$TARGET/lib/"
    rm "$root/lib/rustlib/$TARGET/lib/"libempty-*.rlib
    ln -s "$usr/lib/rustlib/$host/lib" "$root/lib/rustlib/$host/lib"
    # The linker goes by the name under which it is called: wasm-ld does not take what the compiler says to rust-lld first.
    if [[ $linker == *wasm-ld ]]; then
        printf '#!/bin/sh\n[ "$1" = -flavor ] && shift 2\nexec %q "$@"\n' "$linker" >"$root/lib/rustlib/$host/bin/rust-lld"
        chmod +x "$root/lib/rustlib/$host/bin/rust-lld"
    else
        ln -s "$linker" "$root/lib/rustlib/$host/bin/rust-lld"
    fi
    wrap "$usr/bin/rustc" "$root/bin/rustc" --sysroot "$CACHE/sysroot"
    mv "$root" "$CACHE/sysroot"
    rm -r "$work"
}

debian() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || { say "no Debian: install the target $TARGET some other way"; return 1; }
    mkdir -p "$CACHE"
    # Others wait until it is built.
    exec 9>"$CACHE/lock"
    flock 9
    [ -x "$CACHE/sysroot/bin/rustc" ] || build_sysroot
    has_std "$CACHE/sysroot/bin/rustc"
    printf 'export RUSTC=%q\n' "$CACHE/sysroot/bin/rustc"
}

for way in $WAYS; do
    case $way in
    present) present && exit ;;
    rustup) rustup_adds && exit ;;
    # Not in a condition, where a step that fails would not end it.
    debian)
        debian
        exit
        ;;
    *) say "WASM_WAYS: there is no way '$way', only present, rustup and debian" && exit 1 ;;
    esac
done
say "the target $TARGET is missing, and $WAYS did not help: install it ('rustup target add $TARGET'), then run this again"
exit 1
