PYTHON ?= python3
PORT ?= 5000
DEMO ?= 1
EXAMPLES ?= 10000
ROUNDS ?= 20
SECONDS ?= 3600
# Tests that run side by side; those of one file stay together and in order.
JOBS ?= 2
# A Redis or NATS that is named from outside is emptied by tests, so they take turns there.
PARALLEL := $(if $(TEST_REDIS_URL)$(TEST_NATS_URL),,-n $(JOBS) --dist loadfile --no-loadscope-reorder)

BIN := .venv/bin
REQUIREMENTS := setup.cfg pyproject.toml constraints.txt
KERNELS := setup.py $(wildcard fpservice/native/*.[ch])
# Each says that .venv holds what its name says, installed from the requirements as they are now.
SERVICE := .venv/.service-installed
TOOLS := .venv/.tools-installed
BENCH := .venv/.bench-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv serve stack test programs check fuzz-api fuzz recall conformance bench overload faults clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=$(PYTHON) PORT=$(PORT) DEMO=$(DEMO) (DEMO=0 serves without demo data)"

venv: $(TOOLS) ## install the service and everything its tests need into .venv

serve: $(SERVICE) ## install the service if need be and serve on PORT
	@exec $(BIN)/fpservice serve --port $(PORT) $(if $(filter 0,$(DEMO)),--no-demo)

stack: $(TOOLS) ## serve on PORT and the next, with PostgreSQL, Redis, NATS and two workers
	@exec $(BIN)/python -m tests.stack --ports $(PORT) $$(($(PORT) + 1))

test: programs check ## check, then run every test; what CI runs
	$(BIN)/python -m pytest $(PARALLEL)

programs: ## install the programs that tests run and no Python package brings
	@tests/install-prerequisites.sh

check: $(TOOLS) ## look at style, types and layers without running anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz-api: $(TOOLS) ## send EXAMPLES generated requests, and compare the answers with /openapi.yaml
	$(BIN)/python -m tests.fuzzing $(EXAMPLES)

fuzz: $(TOOLS) programs ## feed the kernels in C with made up input for SECONDS in all, watched by sanitizers
	$(BIN)/python -m tests.native $(SECONDS)

recall: $(TOOLS) ## measure how many known recordings are found
	$(BIN)/python -m benchmarks.recall

conformance: $(TOOLS) ## compare the answers of the API with the recorded ones
	$(BIN)/python -m tests.recorded

bench: $(BENCH) ## measure everything there is a goal for, an hour; QUICK=1 minutes; PLOTS=docs/images
	@command -v wrk >/dev/null || echo "There is no wrk (Debian and Ubuntu: apt install wrk)." \
		"A client in Python stands in, which takes a good part of the processors itself." >&2
	$(BIN)/python -m benchmarks $(if $(filter-out 0,$(QUICK)),--quick) $(if $(PLOTS),--plots $(PLOTS))

overload: $(TOOLS) ## send four times what can be served, for a minute, and say what becomes of it
	$(BIN)/python -m tests.overload

faults: $(TOOLS) ## break everything ROUNDS times in each way, half an hour; ONLY=nats-down one way
	$(BIN)/python -m tests.faults.rounds --rounds $(ROUNDS) $(addprefix --only ,$(ONLY))

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

# The last line of each says if the kernels in C could not be built; nothing if they were.
# The order-only prerequisite: a newer interpreter link is no reason to install again.
$(SERVICE): $(REQUIREMENTS) $(KERNELS) | $(BIN)/python
	@echo "Installing into .venv; the first time takes about a minute."
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@$(BIN)/python -m fpservice.kernels
	@touch $@

$(TOOLS): $(REQUIREMENTS) $(KERNELS) | $(BIN)/python
	@echo "Installing into .venv with the tools for tests; the first time takes a minute or two."
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,dev]'
	@$(BIN)/python -m fpservice.kernels
	@touch $(SERVICE) $@

$(BENCH): $(TOOLS)
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	@touch $@
