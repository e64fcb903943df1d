# make test    everything that must hold: format, lints, documentation, tests
# make wasm    the core as WebAssembly, in target/wasm: quick when nothing has changed
# make package build the npm package into host-wasm/js/dist; make js tests it
# make test-postgres   the store's tests against other versions of Postgres (VERSIONS="13 17"; they come from npm)
# make bench   build the server in release and measure it (minutes); BENCH="--full" for everything (an hour)
# make sim     a simulated world: SEED=42 STEPS=100000, or SEEDS=1000 STEPS=1000
# make fuzz    look for inputs that break what reads them: TARGETS="envelope rest" MINUTES=10, two at a time (installs cargo-fuzz when it is missing);
#              KEEP=1 keeps what reached new code
# make torture kill the real server again and again, on SQLite and on Postgres, and cut its power: KILLS=700 SEED=42
# make soak    ten times too much load, then an hour of mixed load: memory, open files and latencies stay, nothing is lost; MINUTES=60
# make prove   20,000 simulated worlds of fresh seeds; SEED=42 SEEDS=20000 STEPS=1000
# make mutants one guard after the other left out, and who notices: SEED=42
# make playground   build the playground into target/playground
# make dist    the playground, and a release build of the server that holds it
# make deny    licences, bans and sources of the dependencies (installs cargo-deny when it is missing)
# make audit   known vulnerabilities of the dependencies (needs the network)

CARGO ?= cargo
BENCH ?=

# What runs TypeScript as it is; setup gets it.
NODE ?= $(CURDIR)/tests/clients/node_modules/.bin/node

.PHONY: test test-postgres setup fmt lint doc unit mutants wasm package js bench bench-core sim fuzz torture soak prove playground dist deny audit

test: setup fmt lint doc wasm unit mutants js

setup:
	@scripts/setup.sh

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

unit:
	$(CARGO) test --workspace --locked

mutants:
	$(CARGO) test --locked -p resonate-sim --features mutants --test mutants -- --nocapture

wasm:
	@scripts/build_wasm.sh

package: wasm
	@scripts/build_package.sh

js: package
	@scripts/build_wasm.sh mutants
	cd host-wasm/js && node_modules/.bin/tsc -p test && $(NODE) --test --test-reporter=tap 'test/*.test.ts'

test-postgres:
	@scripts/test_postgres_versions.sh $(VERSIONS)

bench: wasm
	$(CARGO) build --release --locked -p resonate -p resonate-bench
	target/release/resonate-bench --server target/release/resonate $(BENCH)

bench-core:
	$(CARGO) bench -p resonate-core --locked

sim:
	$(CARGO) run --release --locked -p resonate -- sim $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(if $(SEEDS),--seeds $(SEEDS))

fuzz:
	@MINUTES=$(or $(MINUTES),10) KEEP=$(KEEP) scripts/fuzz.sh $(TARGETS)

torture:
	$(CARGO) build --release --locked -p resonate -p resonate-torture
	target/release/resonate-torture --server target/release/resonate $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

soak:
	$(CARGO) build --release --locked -p resonate -p resonate-bench
	target/release/resonate-bench --server target/release/resonate --only overload,soak --soak-minutes $(or $(MINUTES),60)

prove:
	@SEED=$(SEED) SEEDS=$(SEEDS) STEPS=$(STEPS) scripts/prove.sh

playground:
	@scripts/build_playground.sh

dist: playground
	$(CARGO) build --release --locked -p resonate --features playground

deny:
	@command -v cargo-deny >/dev/null || { echo "installing cargo-deny"; $(CARGO) install --locked cargo-deny; }
	$(CARGO) deny check licenses bans sources

audit:
	@command -v cargo-deny >/dev/null || { echo "installing cargo-deny"; $(CARGO) install --locked cargo-deny; }
	$(CARGO) deny check advisories
