PYTHON ?= python3
PORT ?= 5000
DEMO ?= 1
EXAMPLES ?= 10000

BIN := .venv/bin
REQUIREMENTS := setup.cfg pyproject.toml constraints.txt
# Each says that .venv holds what its name says, installed from the requirements as they are now.
SERVICE := .venv/.service-installed
TOOLS := .venv/.tools-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv serve stack test programs check fuzz-api recall conformance bench clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) PORT=$(PORT) DEMO=$(DEMO) (DEMO=0 serves without demo data)"

venv: $(TOOLS) ## install the service and everything its tests need into .venv

serve: $(SERVICE) ## install the service if need be and serve on PORT
	@exec $(BIN)/fpservice serve --port $(PORT) $(if $(filter 0,$(DEMO)),--no-demo)

stack: $(TOOLS) ## serve on PORT and the next, with PostgreSQL, Redis, NATS and two workers
	@exec $(BIN)/python -m tests.stack --ports $(PORT) $$(($(PORT) + 1))

test: programs check ## check, then run every test; what CI runs
	$(BIN)/python -m pytest

programs: ## install the programs that tests run and no Python package brings
	@tests/install-prerequisites.sh

check: $(TOOLS) ## look at style, types and layers without running anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz-api: $(TOOLS) ## send EXAMPLES generated requests, and compare the answers with /openapi.yaml
	$(BIN)/python -m tests.fuzzing $(EXAMPLES)

recall: $(TOOLS) ## measure how many known recordings are found
	$(BIN)/python -m benchmarks.recall

conformance: $(TOOLS) ## compare the answers of the API with the recorded ones
	$(BIN)/python -m tests.recorded

bench: $(TOOLS) ## measure how fast lookups are
	$(BIN)/python -m benchmarks.lookups

clean: ## remove .venv and what the tools left; never the data
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache \
		.import_linter_cache benchmarks/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Half a virtual environment would pass for a whole one the next time, so it is removed.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11" \
		"or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or" \
		"newer is needed, but $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
		"Name another: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual" \
		"environments: install its venv module (Debian and Ubuntu: apt install python3-venv)." \
		>&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# The order-only prerequisite: a newer interpreter link is no reason to install again.
$(SERVICE): $(REQUIREMENTS) | $(BIN)/python
	@echo "Installing into .venv; the first time takes about a minute."
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(TOOLS): $(REQUIREMENTS) | $(BIN)/python
	@echo "Installing into .venv with the tools for tests; the first time takes a minute or two."
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,dev]'
	@touch $(SERVICE) $@
