# Everything runs in .venv, which `setup` makes: Python 3.11 or newer, make and git are enough.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PEERS := build/peers
# Tests and services start Python again and again: without bytecode every module is compiled each time.
export PYTHONDONTWRITEBYTECODE =
# More words for the program that a target runs: `make test ARGS="tests/unit -k lease"`.
ARGS ?=

step = @printf '\n== %s\n' '$(1)'

.DEFAULT_GOAL := help
.PHONY: help setup compiled protos format check test test-peers soak soak-ends soak-models soak-overlap soak-week soak-bad-input bench demo up down lock lock-peers clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make .venv from requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	$(call step,environment)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# Six programs that start at once would each compile what they share, and hold 9 MB more for it.
compiled: setup
	@$(BIN)/python -m compileall -q libs services tools

protos: setup ## Generate libs/contracts from protos/
	$(call step,contracts)
	$(BIN)/python -m tools.codegen

format: setup ## Put code and protos into their one shape
	$(call step,ruff)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(call step,buf format)
	$(BIN)/buf format --write protos

check: setup ## Check shape, types, walls between rooms, and contracts
	$(call step,ruff format)
	$(BIN)/ruff format --check .
	$(call step,ruff)
	$(BIN)/ruff check .
	$(call step,mypy)
	$(BIN)/mypy
	$(call step,import-linter)
	$(BIN)/lint-imports
	$(call step,buf lint)
	$(BIN)/buf lint protos
	$(call step,buf format)
	$(BIN)/buf format --diff --exit-code protos
	$(call step,buf breaking)
	$(BIN)/python -m tools.compatibility
	$(call step,libs/contracts is current)
	$(BIN)/python -m tools.codegen --check

# Databases of tests live for a second, and most of what they take is the disk's: where there is memory
# for them (2 GB), they are in that. Files go out in their order: the longest, of e2e, come first.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 2000000 {print "/dev/shm"}')

test: setup ## Run the tests (ARGS="tests/unit -k lease" for some of them)
	$(call step,pytest)
	$(if $(MEMORY),TMPDIR=$(MEMORY) )$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-peers: setup $(PEERS)/.installed ## Let others' Graph clients use the simulator (1.2 GB of them)
	$(call step,peers)
	LATCHKEY_PYTHON=$(CURDIR)/$(BIN)/python $(PEERS)/bin/python -m pytest -c tests/peers/pytest.ini \
		--confcutdir tests/peers $(or $(ARGS),$(wildcard tests/peers/peer_*.py))

$(PEERS)/.installed: tests/peers/requirements.lock
	$(call step,environment of the peers)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

soak: setup ## Run what takes many minutes: big tenants, thousands of leases, kill -9 fifty times
	$(call step,soak)
	$(BIN)/python -m pytest --capture=no $(or $(ARGS),$(wildcard tests/soak/soak_*.py))

soak-bad-input: setup ## Send 2,000 odd things to every method: only the contracts' answers, no growth
	$(call step,soak of bad input)
	SOAK_TOKENS=1000 $(BIN)/python -m pytest --capture=no tests/soak/soak_bad_input.py \
		tests/e2e/test_token_corpus.py $(ARGS)

soak-ends: setup ## Let 10,000 leases end in the same minute, also after downtime (LEASES=500 WRITES=5 for fewer)
	$(call step,soak of ends)
	SOAK_LEASES=$(or $(LEASES),10000) SOAK_WRITES_PER_SECOND=$(or $(WRITES),20) $(BIN)/python -m pytest --capture=no tests/soak/soak_lease_ends.py $(ARGS)

soak-models: setup ## Try every property and model of the tests with 400 examples (EXAMPLES=… for others)
	$(call step,soak of models)
	SOAK_EXAMPLES=$(or $(EXAMPLES),400) $(BIN)/python -m pytest --override-ini timeout=0 --numprocesses 3 \
		--dist worksteal $(or $(ARGS),$(shell grep -rl 'tests.support.examples import' tests --include='test_*.py'))

soak-overlap: setup ## Let leases overlap in every order: 5,000 interleavings (EXAMPLES=… for others)
	$(call step,soak of overlaps)
	SOAK_EXAMPLES=$(or $(EXAMPLES),5000) SOAK_STEPS=60 $(BIN)/python -m pytest --override-ini timeout=0 \
		tests/simulation/test_overlap.py $(ARGS)

soak-week: setup ## Play a week of 2,000 people in a fake clock, with kills and outages (SEED=… for another)
	$(call step,soak of a week)
	SOAK_PEOPLE=$(or $(PEOPLE),2000) SOAK_SEED=$(or $(SEED),1) $(BIN)/python -m pytest --capture=no \
		tests/soak/soak_week.py $(ARGS)

bench: compiled ## Measure the house beside its floors (ARGS="--smoke", "--profile", --help)
	$(call step,bench)
	GRPC_ENABLE_FORK_SUPPORT=0 $(BIN)/python -m tools.bench $(ARGS)

demo: compiled ## Play the guide from start to end, in a house of its own
	$(call step,demo)
	$(BIN)/python -m tools.dev demo $(ARGS)

up: compiled ## Start the whole house on this machine
	$(call step,up)
	$(BIN)/python -m tools.dev up $(ARGS)

down: setup ## Stop it
	$(call step,down)
	$(BIN)/python -m tools.dev down $(ARGS)

lock: setup ## Pin what pyproject.toml asks for (ARGS=--upgrade for newer versions)
	$(call step,requirements.lock)
	$(BIN)/uv pip compile --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --output-file requirements.lock $(ARGS) pyproject.toml

lock-peers: setup
	$(call step,tests/peers/requirements.lock)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock-peers' --output-file tests/peers/requirements.lock \
		$(ARGS) tests/peers/requirements.in

clean: ## Remove .venv and every cache
	$(call step,clean)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
