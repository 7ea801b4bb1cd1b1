# Everything a checkout needs, one word each. Needs Python >= 3.11 and GNU make; all else is fetched into .venv and
# .cache, which are the only folders (with the outputs of what you call) that are ever written.

PYTHON ?= python3
# Processes that run tests at the same time.
JOBS ?= 2
# Passed on to pytest: make test PYTEST_ARGS="-k lineage -x".
PYTEST_ARGS ?=
DEBIAN_PACKAGES := borgbackup ceph-common ceph-mon ceph-osd graphviz radosgw restic strace tmux
PEERS := dvc[s3]==3.67.1 mlflow==3.18.0 trackio==0.43.0 wandb==0.31.0
FUZZER := atheris==3.0.0

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
UV = "$(PYTHON)" tools/uv.py
SYNC = $(UV) sync --quiet --frozen --inexact --python "$$("$(PYTHON)" -c 'import sys; print(sys.executable)')"
LOCKED := pyproject.toml uv.lock tools/uv.py
NPM_LOCK := $(wildcard tests/npm/package-lock.json)

# Tests get a temporary folder of their own outside the checkout, so that nothing they do finds its .git or its
# pyproject.toml above it; the folder goes away with the command.
define in_temporary_folder
folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && trap 'exit 130' INT && trap 'exit 143' TERM && \
TMPDIR="$$folder" PATH="$(BIN):$$PATH"
endef

# ── What there is ─────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: help
help: ## say what there is
	@printf '\n  forebear: versions data and models, and knows what came from what\n\n'
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{ printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  PYTHON=python3.12 chooses the interpreter, PYTEST_ARGS="-k name" the tests.\n\n'

.PHONY: demo
demo: $(VENV)/.ready-demo ## run a pipeline over real images and ask where its models came from
	@PATH="$(BIN):$$PATH" "$(BIN)/python" examples/digits/run_demo.py

.PHONY: test
test: $(VENV)/.ready-test npm ## run the whole test-suite with what pip and npm can install
	@$(in_temporary_folder) "$(BIN)/python" -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

.PHONY: test-all
test-all: debian test ## the same, after installing the Debian packages some tests need

# Of the other folders, media, plot and records open no store, blobs and catalog try each half on its servers, and faults
# and docs name the store they break or show. Sweeps are neither core nor tracking; some of their agents have a
# PostgreSQL of their own. What is left out of these folders here, and why, is in tests/team.py.
.PHONY: test-team
test-team: $(VENV)/.ready-test ## run the tests of core and tracking in a store of a team: PostgreSQL and S3
	@$(in_temporary_folder) FOREBEAR_TEST_STORE=postgres+s3 "$(BIN)/python" -m pytest -n $(JOBS) --dist worksteal \
	  tests/test_team.py tests/api tests/artifacts tests/cli tests/e2e tests/formats tests/lineage tests/sklearn \
	  tests/stateful tests/store tests/tracking $(PYTEST_ARGS)

.PHONY: faults
faults: $(VENV)/.ready-test ## inject every fault, not a sample of them, and write the page of results (long)
	@mkdir -p .cache && rm -f .cache/faults.jsonl
	@$(in_temporary_folder) EVERY_KILL=1 FOREBEAR_FAULTS_RESULTS="$(CURDIR)/.cache/faults.jsonl" \
	  "$(BIN)/python" -m pytest -n $(JOBS) --dist worksteal tests/faults \
	  tests/artifacts/collecting/test_interleavings.py tests/api/checking/test_team_checks.py $(PYTEST_ARGS)
	@"$(BIN)/python" tools/faults_page.py .cache/faults.jsonl

# Seconds for each target of the search.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: .cache/fuzz/.ready ## search for inputs that break a parser, led by coverage
	@PYTHONPATH="$$("$(BIN)/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
	  .cache/fuzz/bin/python tests/fuzz/fuzz.py --seconds $(FUZZ_SECONDS)

.PHONY: lint
lint: $(VENV)/.ready-test ## check style and form of the code
	@"$(BIN)/ruff" check --quiet .
	@"$(BIN)/ruff" format --quiet --check --diff .
	@$(UV) lock --quiet --check

.PHONY: format
format: $(VENV)/.ready-test ## put the code into its form
	@"$(BIN)/ruff" check --quiet --fix .
	@"$(BIN)/ruff" format --quiet .

.PHONY: types
types: $(VENV)/.ready-test ## check the types
	@"$(BIN)/mypy"

.PHONY: layers
layers: $(VENV)/.ready-test ## check that imports run down only
	@"$(BIN)/lint-imports" --cache-dir .cache/import-linter

.PHONY: docs
docs: $(VENV)/.ready-test ## write the reference pages from the code
	@"$(BIN)/python" tools/reference.py

.PHONY: bench
bench: $(VENV)/.ready-test ## measure speed and memory against yardsticks of this machine
	@PATH="$(BIN):$$PATH" "$(BIN)/python" -m benchmarks $(BENCH_ARGS)

.PHONY: bench-peers
bench-peers: $(VENV)/.ready-test .cache/peers/.ready ## the same beside DVC, MLflow, wandb, restic and borg
	@PATH="$(BIN):$$PATH:$(CURDIR)/.cache/peers/bin" "$(BIN)/python" -m benchmarks --peers $(BENCH_ARGS)

.PHONY: build
build: $(VENV)/.ready-test ## build wheel and sdist into dist/
	@"$(BIN)/python" -m hatchling build -d dist

.PHONY: clean
clean: ## remove everything these commands made
	rm -rf .venv .cache dist build tests/npm/node_modules examples/*/out
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── How it comes to be ────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: python
python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$("$(PYTHON)" --version 2>/dev/null || echo missing); \
	  printf '\n%s\n%s\n\n' "forebear needs Python 3.11 or newer; $(PYTHON) is: $$found" \
	    "Name another one: make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=python3.12" >&2; exit 1; }

# Stamps lie inside the environment, so that they go when it goes. --inexact: one sync never removes the other's packages.
$(VENV)/.ready-demo: $(LOCKED) | python
	@echo "preparing .venv for the demo" >&2
	@$(SYNC) --group demo --extra media
	@touch $@

$(VENV)/.ready-test: $(LOCKED) | python
	@echo "preparing .venv for tests" >&2
	@$(SYNC) --group dev --extra s3 --extra gcs --extra azure --extra http --extra postgres --extra media --extra charts --extra sweeps --extra frames --extra tensorboard \
	  --extra dask --extra ray --extra slurm
	@touch $@

.PHONY: npm
npm: $(if $(NPM_LOCK),tests/npm/node_modules/.ready)

tests/npm/node_modules/.ready: $(NPM_LOCK) tools/npm.py
	@echo "preparing tests/npm" >&2
	@"$(PYTHON)" tools/npm.py

.PHONY: debian
debian:
	@if ! command -v apt-get >/dev/null; then \
	  echo "no apt-get here: tests that need Debian packages are skipped unless their commands are there" >&2; \
	elif [ "$$(id -u)" != 0 ]; then \
	  echo "not root: to run all tests, first apt-get install $(DEBIAN_PACKAGES)" >&2; \
	elif ! dpkg-query -W $(DEBIAN_PACKAGES) >/dev/null 2>&1; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	    $(DEBIAN_PACKAGES) >/dev/null; \
	fi

.cache/fuzz/.ready: Makefile $(VENV)/.ready-test | python
	@echo "installing $(FUZZER) into .cache/fuzz" >&2
	@$(UV) venv --quiet --clear --python "$(BIN)/python" .cache/fuzz
	@$(UV) pip install --quiet --python .cache/fuzz/bin/python $(FUZZER)
	@touch $@

.cache/peers/.ready: Makefile | python
	@echo "installing $(PEERS) into .cache/peers" >&2
	@$(UV) venv --quiet --clear --python "$(BIN)/python" .cache/peers
	@$(UV) pip install --quiet --python .cache/peers/bin/python $(PEERS)
	@touch $@
