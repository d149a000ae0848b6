SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Any Python >= 3.11; for another one: make setup PYTHON=python3.12
PYTHON ?= python3
ANVIL_VERSION := 1.7.1
# Arguments for the demo script: make demo ARGS="--help"; for the proofs: make prove ARGS="tick"
ARGS ?=

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)

# The longest files first, so that no worker has to wait for them at the end.
BOA_TESTS := tests/stateful tests/meta tests/attacks tests/lib tests/unit tests/regression
LONG_ON_ANVIL := tests/integration/test_keeper.py tests/integration/test_demo.py
ANVIL_TESTS := $(LONG_ON_ANVIL) $(filter-out $(LONG_ON_ANVIL),$(wildcard tests/integration/test_*.py))
# A file stays on one worker, so that a system deployed for a file is deployed once.
SIDE_BY_SIDE = -n 2 --dist loadfile --no-loadscope-reorder
PYTEST = pytest $(BOA_TESTS) $(SIDE_BY_SIDE)
SOURCES = $(shell find contracts -name '*.vy' -o -name '*.vyi')
PIP_INSTALL = -m pip install -qq --disable-pip-version-check

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

# --- environment ---------------------------------------------------------------------------------------------

.PHONY: setup
setup: .venv/.installed anvil ## Install Python packages and Anvil into this folder

# $(call make_venv,folder)
define make_venv
	@rm -rf $(1)
	@command -v $(PYTHON) >/dev/null \
		|| { echo "setup: needs Python 3.11 or newer, found no $(PYTHON)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "setup: needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V)" >&2; exit 1; }
	@$(PYTHON) -m venv $(1)
endef

.venv/bin/python:
	$(call make_venv,.venv)

.venv/.installed: requirements.txt pyproject.toml | .venv/bin/python
	@echo "setup: installing Python packages"
	@.venv/bin/python $(PIP_INSTALL) -r requirements.txt
	@.venv/bin/python $(PIP_INSTALL) --no-deps -e .
	@touch $@

# Asks Anvil itself instead of trusting a stamp: an Anvil of the right version on PATH is good enough. npm also brings the
# Safe's contracts, which a test deploys.
.PHONY: anvil
anvil:
	@is_right() { [[ "$$(anvil --version 2>/dev/null || true)" == "anvil Version: $(ANVIL_VERSION)"* ]]; }; \
	is_right && [[ -d node_modules/@safe-global/safe-contracts ]] && exit 0; \
	command -v node >/dev/null && command -v npm >/dev/null \
		|| { echo "setup: needs Node.js 20 or newer with npm" >&2; exit 1; }; \
	echo "setup: installing Anvil $(ANVIL_VERSION) and the Safe's contracts"; \
	npm ci --silent; \
	hash -r; \
	is_right || { echo "setup: npm has no Anvil $(ANVIL_VERSION) for this system, put it on PATH" >&2; exit 1; }

# Apart from the rest: tools for developers only.
.venv-lint/bin/python:
	$(call make_venv,.venv-lint)

.venv-lint/.installed: requirements-lint.txt | .venv-lint/bin/python
	@.venv-lint/bin/python $(PIP_INSTALL) -r requirements-lint.txt
	@touch $@

# z3 is for the proofs alone.
.venv-prove/bin/python:
	$(call make_venv,.venv-prove)

.venv-prove/.installed: requirements-prove.txt | .venv-prove/bin/python
	@.venv-prove/bin/python $(PIP_INSTALL) -r requirements-prove.txt
	@touch $@

# --- contracts -----------------------------------------------------------------------------------------------

# Ape reuses the bytecode of a contract whose imports have changed, so every change compiles from scratch.
.build/.compiled: $(SOURCES) ape-config.yaml | setup
	@rm -rf .build
	ape compile
	@touch $@

.PHONY: compile
compile: .build/.compiled ## Compile the contracts if a source has changed

# For the in-process suites, which keep another form.
.PHONY: compile-boa
compile-boa: setup
	@python -c 'from tests.artifacts import compile_all; compile_all()'

# --- checks --------------------------------------------------------------------------------------------------

# pytest ends with 5 when it finds no test: that fails here too.
.PHONY: test
test: setup ## Compile from scratch and run every suite
	@rm -rf .build
	@$(MAKE) --no-print-directory --jobs 2 compile compile-boa
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory integration

.PHONY: unit
unit: setup ## Run the in-process suites (boa)
	$(PYTEST)

.PHONY: deep
deep: setup ## Run the in-process suites with many more examples and the tests marked deep
	HYPOTHESIS_PROFILE=deep $(PYTEST) -m "deep or not deep"

# Seeds of the long differential campaign: about 245 transactions each.
SEEDS ?= 100000:104200

.PHONY: fuzz-deep
fuzz-deep: setup ## Run a million random transactions against the naive model: SEEDS=first:end
	python -m tests.stateful.deep --seeds $(SEEDS) --jobs 2

.PHONY: fuzz-fund
fuzz-fund: setup ## The same with the insurance fund and the community pool attached: SEEDS=first:end
	python -m tests.stateful.deep --funded --seeds $(SEEDS) --jobs 2

.PHONY: fuzz-owner
fuzz-owner: setup ## Run thousands of histories of one owner against the venue (I8): SEEDS=first:end
	python -m tests.stateful.deep --one-owner --seeds $(SEEDS) --steps 80 --jobs 2

.PHONY: scale
scale: setup ## Measure ADL, a round and a touch with 10, 1,000 and 100,000 winners into build/scale.json
	pytest tests/scale -m deep -s -q

.PHONY: integration
integration: compile ## Run the suite on Anvil (Ape)
	ape test $(ANVIL_TESTS) $(SIDE_BY_SIDE)

.PHONY: long-chain
long-chain: compile ## Time verify_funds on a chain with 100,000 events, from scratch and going on, into build/long_chain.json
	ape test tests/integration/test_long_chain.py -m deep -s

.PHONY: prove
prove: .venv-prove/.installed ## Prove the core lemmas with z3
	.venv-prove/bin/python -m proofs $(ARGS)

# make mutants SAMPLE=200 SEED=1 MODULES="cohorts margin" JOBS=2; goes on where it was interrupted.
.PHONY: mutants
mutants: setup ## Change the accounting modules bit by bit: does a test fail? Takes SAMPLE, SEED, MODULES, JOBS
	python -m mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) --jobs $(or $(JOBS),1) \
		$(if $(MODULES),--modules "$(MODULES)") $(ARGS)

.PHONY: planted
planted: setup ## Plant known bugs, one at a time: the suite must catch each
	python -m mutants planted --jobs $(or $(JOBS),1)

.PHONY: gas
gas: compile ## Measure gas into build/gas.json
	@mkdir -p build
	ape run gas

.PHONY: demo
demo: compile ## Run the demo on a fresh Anvil; KEEPER=1: a keeper resolves the crash; also SCENARIO, SEED, OUT
	ape run demo $(ARGS)

# natrix looks at modules as part of the contracts that import them. mamushi cannot read `initializes: a[b := b]` yet.
.PHONY: lint
lint: setup .venv-lint/.installed ## Check contracts and Python
	@mkdir -p build
	@for file in contracts/*.vy contracts/lib/*.vy contracts/mocks/*.vy; do \
		.venv-lint/bin/natrix lint $$file >build/natrix.log 2>&1 || { cat build/natrix.log; exit 1; }; \
	done
	.venv-lint/bin/ruff check .
	.venv-lint/bin/ruff format --check .

.PHONY: fmt
fmt: .venv-lint/.installed ## Format Python
	.venv-lint/bin/ruff check --fix .
	.venv-lint/bin/ruff format .

.PHONY: clean
clean: ## Remove everything that was installed or built
	rm -rf .venv .venv-lint .venv-prove node_modules .build .boa_cache build *.egg-info .pytest_cache .hypothesis .ruff_cache
