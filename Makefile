# Two commands for everybody: `make demo` and `make test`. Each sets up .venv by itself the first time.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
DEMO   ?= demo-output

.PHONY: demo test check format lint types borders docs bench clean

demo: $(VENV)/.runtime
	$(BIN)/signalscreen demo --out $(DEMO)

# Two at a time, a file by one of them: networks are traced once for a file.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: format lint types borders test docs

format: $(VENV)/.dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

borders: $(VENV)/.dev
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/.runtime
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) docs/_build docs/gallery demo-output

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "SignalScreen needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip compiles what it installs, so the first import of TensorFlow is not paid for twice.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) (once, about two minutes) ..."
	$(PIP) --editable ".[review]"
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Adding the tools for tests and checks to $(VENV) (once) ..."
	$(PIP) --editable ".[dev]"
	@touch $@
