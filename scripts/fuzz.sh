#!/usr/bin/env bash
# Looks for inputs that do what none may, two targets at a time, from the kept corpora on: scripts/fuzz.sh [TARGET…]. MINUTES is the time for each (10).
# What a fuzzer learns is in target/fuzz/corpus, and with KEEP=1 what of it reaches code that nothing else does is kept in fuzz/corpus. An input that
# found something is in target/fuzz/found, and belongs into fuzz/regressions/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
minutes=${MINUTES:-10}
found=target/fuzz/found
[ "$#" -gt 0 ] || set -- $(ls fuzz/corpus)

command -v cargo-fuzz >/dev/null || { echo "installing cargo-fuzz"; "$cargo" install --locked cargo-fuzz; }
# Many programs are linked: quickly, since it is not their speed that finds things. Without a sanitizer a stable compiler will do.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false
options=(--fuzz-dir fuzz --sanitizer none --features libfuzzer --target-dir target/fuzz/build)
"$cargo" fuzz build "${options[@]}"
# The programs themselves are run: they stay as they are while somebody changes the sources.
built=target/fuzz/build/$(rustc --version --verbose | awk '$1 == "host:" { print $2 }')/release

meet() {
    local target=$1
    mkdir -p "target/fuzz/corpus/$target" "$found/$target"
    "$built/$target" "target/fuzz/corpus/$target" "fuzz/corpus/$target" \
        -max_total_time=$((minutes * 60)) -timeout=10 -rss_limit_mb=2048 -max_len=4096 -artifact_prefix="$found/$target/" \
        >"target/fuzz/$target.log" 2>&1 || { echo "$target: it failed, see target/fuzz/$target.log"; return 1; }
    echo "$target: $(grep -E '^(Done|#[0-9]+.*DONE)' "target/fuzz/$target.log" | tail -n 1)"
}

# The smallest part that reaches all that the whole does, beside what is kept already.
keep() {
    "$built/$1" "fuzz/corpus/$1" "target/fuzz/corpus/$1" \
        -set_cover_merge=1 -use_counters=0 -use_cmp=0 -timeout=10 -max_len=4096 >"target/fuzz/$1.keep.log" 2>&1
    echo "$1: $(find "fuzz/corpus/$1" -type f | wc -l) inputs are kept"
}

status=0
for target; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || status=1; done
    meet "$target" &
done
while [ -n "$(jobs -rp)" ]; do wait -n || status=1; done
if [ -n "$(find "$found" -type f)" ]; then
    echo "found:"
    find "$found" -type f
    status=1
fi
[ "$status" = 0 ] || exit "$status"
[ -z "${KEEP:-}" ] || for target; do keep "$target"; done
