#!/usr/bin/env bash
# Simulated worlds with seeds of their own each time: SEED, SEEDS (20000) and STEPS (1000) say otherwise. In one of a hundred what clients have heard is
# brought into an order besides. Exits with 7 where something is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

seed=${SEED:-$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')}
echo "SEED=$seed"
"${CARGO:-cargo}" build --quiet --locked --package resonate --bin resonate
seeds=${SEEDS:-20000} steps=${STEPS:-1000}
target/debug/resonate sim --seed "$seed" --seeds "$seeds" --steps "$steps"
target/debug/resonate sim --seed "$((seed + seeds))" --seeds "$((seeds / 100 + 1))" --steps "$steps" --linearize
