# Two commands: `make demo` shows it, `make test` proves it. Both do all set-up themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MINUTES ?= 30
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test torture cluster-torture fuzz bench interop lint types browser clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

demo: $(READY)  ## real events arriving, a timeline in the browser (Ctrl-C stops it)
	@$(BIN)/listener demo

test: $(READY) browser  ## format, lint, every test, import contracts, types
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@# The house first: it is collected in a second, and what it finds is mended fastest.
	@$(BIN)/python -m pytest tests/architecture
	@$(BIN)/python -m pytest --ignore tests/architecture
	@$(BIN)/lint-imports --no-logo > $(VENV)/contracts.txt || { cat $(VENV)/contracts.txt; exit 1; }
	@$(BIN)/pyright --warnings

torture: $(READY)  ## kill every part at random instants under load, MINUTES=30; a figure at its end
	@$(BIN)/python -m tests.torture --minutes $(MINUTES)

cluster-torture: $(READY)  ## the same to three NATS servers and two nodes, MINUTES=30
	@$(BIN)/python -m tests.torture.shared --minutes $(MINUTES)

fuzz: $(READY)  ## a million bad requests, and the memory they leave behind (some ten minutes)
	@$(BIN)/python -m tests.fuzz.flat

bench: $(READY)  ## how fast, how large: medians beside baselines of the same run; BENCH="ingest --runs 3"
	@$(BIN)/python -m tests.benchmarks $(BENCH)

interop: $(READY)  ## exports read by pm4py and pyarrow, in an environment of their own (half a gigabyte)
	@INTEROP=1 $(BIN)/python -m pytest -s tests/interop

lint: $(READY)  ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(READY)  ## types alone
	@$(BIN)/pyright --warnings

$(READY): pyproject.toml config/constraints.txt
	@config/set-up $(PYTHON) $(VENV)
	@touch $(READY)

browser:
	@config/set-up-browser

clean:  ## forget the virtual environment and the demo's data
	rm -rf $(VENV) demo-data
