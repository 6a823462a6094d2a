# Every target sets up what it needs: a machine with Python 3.11 and make is enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test check bench format docs clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: .venv/installed  ## the mixed workload for 30 s on the embedded stand-in
	@$(BIN)/locust --headless -f locustfiles/mixed.py --standin --run-time 30s

test: .venv/installed  ## all tests, real locust processes included
	$(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not alone"
	$(BIN)/python -m pytest -q -m alone

check: .venv/installed  ## style, types, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict echo_agent.py
	$(BIN)/mypy --strict --package benchmarks
	$(BIN)/lint-imports

.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

bench: .venv/bench  ## side by side with k6: hours on a quiet machine; BENCH="append-cpu --quick" for less
	@$(BIN)/python -m benchmarks run $(BENCH)

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/installed  ## the option reference, written anew from the options
	$(BIN)/fleetlm-bench list options --markdown > docs/options.md

clean:
	rm -rf .venv results .pytest_cache .mypy_cache .ruff_cache .hypothesis
