# Everything a person does with this project. `make help` lists it.
# Build output stands outside the clone, so that a fresh clone builds in minutes after the first time.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/gridkeeper
export CARGO_TARGET_DIR ?= $(CACHE)/target
export GRIDKEEPER_TEST_PYTHON ?= $(CACHE)/venv-test-requirements/bin/python
export GRIDKEEPER_BENCH_PYTHON ?= $(CACHE)/venv-bench-requirements/bin/python
LISTEN ?= 127.0.0.1:8080

.DEFAULT_GOAL := help
.PHONY: help run build test test-web test-datafusion distributed contract exactness tiles-coverage fuzz bench lint screenshots first-map strokes web shapes example-shifted clean-demo

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Install what is missing, build, make the sample district, load it, serve it with its map
	"$(CARGO_TARGET_DIR)/release/gridkeeper" demo --dir demo --listen $(LISTEN)

build: ## Build the program
	@scripts/install-tools build
	cargo build --release --locked

test: ## Install what the tests need and run all of them
	@scripts/install-tools test
	cargo build --locked
	$(MAKE) --no-print-directory test-web
	cargo test --locked --doc
	@# Looked for only now, as it may just have been installed; cargo test runs the same tests with one closing line for each binary.
	if cargo nextest --version >/dev/null 2>&1; then run='nextest run'; else run=test; fi; \
	scripts/with-postgres cargo $$run --locked --no-fail-fast

test-web: ## Check the console: types, units, the committed bundle, and a real browser against the built program
	cd web && npm ci --no-audit --no-fund --silent && npm run --silent check

test-datafusion: ## Test the function of the query engine, which takes long to build
	@scripts/install-tools build
	cargo test --locked --features datafusion --test datafusion --example datafusion
	cargo test --locked --features datafusion --doc functions

contract: ## Have Schemathesis try all of the API definition out as each role, with EXAMPLES requests (200) for each operation
	@scripts/install-tools test
	cargo build --locked
	"$(GRIDKEEPER_TEST_PYTHON)" tests/contract/run.py "$(CARGO_TARGET_DIR)/debug/gridkeeper" $(or $(EXAMPLES),200) $(ROLES)

distributed: ## Assign the grids of ROWS (50000000) positions on a cluster of Ballista that loses an executor; half an hour to build
	@scripts/install-tools build
	cargo build --release --locked --manifest-path examples/distributed/Cargo.toml
	@mkdir -p "$(CACHE)"; out=$$(mktemp -d "$(CACHE)/distributed-XXXXXX"); trap 'rm -rf "$$out"' EXIT INT TERM; \
	"$(CARGO_TARGET_DIR)/release/gridkeeper-distributed" run "$$out" --rows $(or $(ROWS),50000000)

exactness: ## Compare ten million points at each of three sizes with an exact reference; a quarter of an hour
	@scripts/install-tools build
	cargo run --release --locked --example exactness -- $(or $(POINTS),10000000) 2000 100000 1000000

# Published boundary files, where the machine has them.
DATA ?= ../shared/data
tiles-coverage: ## Judge tiles of the sample and of published layers by decoders and geometry that are not ours; half an hour
	@scripts/install-tools test
	cargo build --release --locked --example tile_pieces
	@scripts/tiles-coverage "$(CARGO_TARGET_DIR)/release/examples/tile_pieces" "$(DATA)"

fuzz: ## Let fuzzers write requests, bodies and filters for MINUTES (30); what they find is kept in fuzz/found and tested
	@scripts/install-tools fuzz
	scripts/fuzz $(or $(MINUTES),30) $(TARGETS)

bench: ## Print figures beside rivals; benches/RESULTS.md keeps them
	@scripts/install-tools bench
	@for bench in lookup import delta startup replicas assign http archive intake cases tiles plan edit features; do $(MAKE) --no-print-directory bench-$$bench; done

bench-%: ## Print the figures of one bench, such as bench-lookup
	@scripts/install-tools bench
	@benches/run $*

lint: ## Check formatting, lints, licences and duplicate versions
	@scripts/install-tools lint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo deny --locked check bans licenses sources

screenshots: ## Take the pictures of the documents again
	@scripts/install-tools test
	cargo build --locked
	cd web && npm ci --no-audit --no-fund --silent && npm test --silent
	cp target/screenshots/lookup.png docs/map.png
	cp target/screenshots/dispatch.png docs/dispatch.png
	cp target/screenshots/planner-balance.png docs/planning.png
	cp target/screenshots/planner-approval-en.png docs/planning-approval.png

strokes: build ## Print how long a stroke of the planning desk takes until its figures are drawn, over GRIDS grids (2000)
	@scripts/install-tools test
	cd web && npm ci --no-audit --no-fund --silent && STROKE_GRIDS=$(or $(GRIDS),2000) GRIDKEEPER_PROGRAM="$(CARGO_TARGET_DIR)/release/gridkeeper" npm test --silent -- tests/strokes.test.ts

first-map: build ## Print how long the first map takes, over GRIDS grids (2000; several with commas between)
	@scripts/install-tools test
	cd web && npm ci --no-audit --no-fund --silent && FIRST_MAP_GRIDS=$(or $(GRIDS),2000) GRIDKEEPER_PROGRAM="$(CARGO_TARGET_DIR)/release/gridkeeper" npm test --silent -- tests/first-map.test.ts

web: ## Build the console's bundle again
	cd web && npm ci --no-audit --no-fund --silent && npm run --silent build

shapes: build ## Make the committed samples again
	"$(CARGO_TARGET_DIR)/release/gridkeeper" sample shapes/lingling --seed 1 --grids 120 --incidents 300
	"$(CARGO_TARGET_DIR)/release/gridkeeper" sample shapes/invalid --invalid

example-shifted: ## Serve the example of boundaries over a basemap with an offset, beside make run
	cd web && npm ci --no-audit --no-fund --silent
	node examples/shifted/serve.mjs 8090

clean-demo: ## Forget the sample that make run loaded
	rm -rf demo
