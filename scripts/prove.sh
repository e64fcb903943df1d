#!/usr/bin/env bash
# Simulated worlds with seeds of their own each time: SEED, SEEDS (20000) and STEPS (1000) say otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

seed=${SEED:-$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')}
echo "SEED=$seed"
"${CARGO:-cargo}" build --quiet --locked --package resonate --bin resonate
target/debug/resonate sim --seed "$seed" --seeds "${SEEDS:-20000}" --steps "${STEPS:-1000}"
