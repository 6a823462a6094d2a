# Every target sets up what it needs; the machine needs only make and Python 3.11 or newer.
# Another interpreter gets a separate environment: make test-fast PYTHON=python3.13
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv$(if $(filter command line,$(origin PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: demo test test-fast coverage slowest check bench format constraints docs clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[standin]'
	touch $@

$(VENV)/test: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[test]'
	touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[dev]'
	touch $@

$(VENV)/bench: $(VENV)/dev
	$(INSTALL) '.[bench]'
	touch $@

demo: $(VENV)/runtime  ## the mixed workload for 30 s on the embedded stand-in
	@$(BIN)/locust --headless -f locustfiles/mixed.py --standin --run-time 30s

test: $(VENV)/dev  ## all tests, real locust processes included
	$(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not e2e and not alone"
	$(BIN)/python -m pytest -q -n 16 $(E2E_RERUNS) -m "e2e and not alone"
	$(BIN)/python -m pytest -q -m alone

test-fast: $(VENV)/test  ## no real locust processes, no browser: under two minutes on two cores
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not e2e and not alone"

coverage: $(VENV)/test  ## the fast tests, and how much of each package they reach; cheap from Python 3.12 on
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not e2e and not alone" --hypothesis-profile thorough --cov --cov-report=
	$(BIN)/python -m tests.coverage_floors

slowest: $(VENV)/test  ## the forty fast tests that cost most CPU, as the table in tests/SLOWEST.md
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -p tests.slowest -m "not e2e and not alone"

check: $(VENV)/dev  ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict echo_agent.py
	$(BIN)/mypy --strict --package benchmarks
	$(BIN)/lint-imports

bench: $(VENV)/bench  ## side by side with k6: hours on a quiet machine; BENCH="append-cpu --quick" for less
	@$(BIN)/python -m benchmarks run $(BENCH)

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: $(VENV)/dev  ## the newest set that pyproject.toml allows, for every supported Python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-annotate --upgrade \
		--output-file constraints.txt pyproject.toml

SCHEMAS = fleetlm_users/cli/schema

docs: $(VENV)/runtime  ## docs/options.md and the JSON Schemas, generated from options and types
	$(BIN)/fleetlm-bench list options --markdown > docs/options.md
	$(BIN)/fleetlm-bench schema summary --generate > $(SCHEMAS)/summary-1.schema.json
	$(BIN)/fleetlm-bench schema run --generate > $(SCHEMAS)/run-1.schema.json

clean:
	rm -rf .venv .venv-* results .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
