# Two commands: `make demo` (the headline table on embedded data) and `make test`.
PYTHON ?= python3
CORES ?= $(shell nproc)
BIN := .venv/bin

.PHONY: demo test test-slow lint lock

demo: .venv/installed
	$(BIN)/snakemake --cores $(CORES) results/tables/table1.csv

test: .venv/installed
	$(BIN)/pytest -m "not slow"

test-slow: .venv/installed
	$(BIN)/pytest -m slow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" snakefmt --check Snakefile workflow

# The environment: exactly the versions of the lock file, made again when it changes.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# New versions for everything that pyproject.toml allows (needs uv).
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --no-emit-index-url --no-header \
		--upgrade pyproject.toml --output-file requirements.lock
