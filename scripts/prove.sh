#!/usr/bin/env bash
# The part of the proof that runs for each change, with seeds of its own each time: SEED, SEEDS (20000) and STEPS (1000) say otherwise. Histories and kills
# are in the tests, and take fresh seeds there.
set -euo pipefail
cd "$(dirname "$0")/.."

seed=${SEED:-$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')}
echo "SEED=$seed"
"${CARGO:-cargo}" build --quiet --locked --package resonate --bin resonate
target/debug/resonate sim --seed "$seed" --seeds "${SEEDS:-20000}" --steps "${STEPS:-1000}"
