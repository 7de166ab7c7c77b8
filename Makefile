# Everything runs in .venv, which `setup` makes: Python 3.11 or newer, make and git are enough.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# More words for the program that a target runs: `make test ARGS="tests/unit -k lease"`.
ARGS ?=

step = @printf '\n== %s\n' '$(1)'

.DEFAULT_GOAL := help
.PHONY: help setup protos format check test demo up down lock clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make .venv from requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	$(call step,environment)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

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

test: setup ## Run the tests (ARGS="tests/unit -k lease" for some of them)
	$(call step,pytest)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

demo: setup ## Play the guide from start to end, in a house of its own
	$(call step,demo)
	$(BIN)/python -m tools.dev demo $(ARGS)

up: setup ## Start the whole house on this machine
	$(call step,up)
	$(BIN)/python -m tools.dev up $(ARGS)

down: setup ## Stop it
	$(call step,down)
	$(BIN)/python -m tools.dev down $(ARGS)

lock: setup ## Pin what pyproject.toml asks for (ARGS=--upgrade for newer versions)
	$(call step,requirements.lock)
	$(BIN)/uv pip compile --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --output-file requirements.lock $(ARGS) pyproject.toml

clean: ## Remove .venv and every cache
	$(call step,clean)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
