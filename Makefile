# Everything a newcomer or CI needs, on a machine with Python >= 3.10 (with pip and venv) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

# Tests start thousands of processes; where this is set, each compiles again whatever it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow test-engines check lint format docs release-check clean

demo: $(VENV)/.app
	$(BIN)/packflow demo

test: $(VENV)/.dev
	$(PYTEST) -n 2 -m "not slow and not engines"

test-slow: $(VENV)/.dev
	$(PYTEST) -n 2 --dist loadfile -m "slow and not engines"

# One after another: each starts a cluster of several processes that would otherwise wait for one another.
test-engines: $(VENV)/.dev
	$(PYTEST) -m engines --durations 10

check: lint test

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=packflow_runtime/src $(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

release-check: $(VENV)/.release
	$(BIN)/python -m release

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Packflow needs Python 3.10 or later; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/.app: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.app
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/.docs: $(VENV)/.app pyproject.toml
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

$(VENV)/.release: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group release
	touch $@
