# Two commands: `make demo` and `make test`. Both set up by themselves.
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || echo 2)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := uv==0.13.9
# Python keeps what it compiles: all jobs share it.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench clean

help: ## Show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## Make .venv with the pinned packages

.venv/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "linedrift needs Python 3.11 or newer; found $$($(PYTHON) --version). Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	@# uv takes 8 s where pip takes 40, but knows no index that pip was told of.
	{ ! $(PIP) config list | grep -q '[.]index-url=' && $(PIP) install --quiet $(UV) \
		&& $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python -r $<; } \
		|| $(PIP) install --quiet -r $<
	@touch $@

demo: setup ## Run the whole workflow on the demo bank
	@$(BIN)/python demo/run.py --cores $(CORES)

test: setup lint ## Run the checks of style and all tests
	@# By file: what a file prepares once (a bank, a whole run) is prepared once, not by every process.
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

lint: setup ## Check style, types and the workflow's form
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

bench: setup ## Measure detection, speed and memory beside the peers (ARGS="--quick")
	$(BIN)/python benchmarks/run.py $(ARGS)

clean: ## Remove what demo and bench made
	rm -rf demo/bank demo/results benchmarks/work
