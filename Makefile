# `make try` (a picture of optical flow), `make demo` (the headline table on embedded data), `make test`.
PYTHON ?= python3
CORES ?= $(shell nproc)
PIP := .venv/bin/pip install -qq --disable-pip-version-check --no-deps
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: try demo test test-slow lint crf lock

try: .venv/installed
	@$(IN_VENV) commonfate try

demo: .venv/installed
	@$(IN_VENV) snakemake --cores $(CORES) results/tables/table1.csv

# A process a core, each with one thread: two that share the cores would wait for each other.
test: .venv/installed
	@$(IN_VENV) OMP_NUM_THREADS=1 pytest -n $(CORES) --dist loadgroup -m "not slow"

# All tables, kills, Slurm, several processes, printed commands; ARGS chooses, as pytest does.
test-slow: .venv/installed
	@$(IN_VENV) pytest -m slow $(ARGS)

lint: .venv/installed
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) snakefmt --check Snakefile workflow
	@$(IN_VENV) mypy

# The environment: exactly the versions of the lock file, made again when it changes.
.venv/installed: requirements.lock pyproject.toml
	@echo "Installing the locked versions into .venv (7 GB; a few minutes)"
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) --requirement requirements.lock
	@$(PIP) --editable .
	@touch $@

# The CRF of some rows of tables, which is compiled; without it these rows are left out.
crf: .venv/installed
	@command -v c++ >/dev/null || { echo "The CRF is compiled here and needs a C++ compiler \
	and Python's headers; on Debian or Ubuntu: sudo apt install g++ python3-dev"; exit 1; }
	@$(PIP) --requirement requirements-crf.lock

# New versions for everything that pyproject.toml allows (needs uv).
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --no-emit-index-url --no-header \
		--upgrade pyproject.toml --output-file requirements.lock
	uv pip compile --universal --python-version 3.11 --extra crf --no-emit-index-url --no-header \
		--constraint requirements.lock --no-deps pyproject.toml | grep ^pydensecrf2 \
		> requirements-crf.lock
