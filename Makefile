# Two commands for everybody: `make demo` and `make test`. Each sets up .venv by itself the first time.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
DEMO   ?= demo-output
LOWEST := .venv-lowest

# Tests of what computes nothing through a network: they say the same whatever TensorFlow's processor library does.
# All others, new ones too, run once more by `make test-numbers`.
NO_NUMBERS := plot review report exports verdicts screening test_cli*.py test_demo*.py test_recording*.py
# What `make test-lowest` tries: the shipped network, every method, a recording, a screening, a report, an export.
SELECTION := test_quality_model.py test_unfused.py contract test_recording_wfdb.py \
  screening/test_screen_recording.py report/test_report.py exports test_legacy_files.py

.PHONY: demo test test-numbers test-lowest check format lint types borders docs bench clean

demo: $(VENV)/.runtime
	$(BIN)/signalscreen demo --out $(DEMO)

# Two at a time, a file by one of them: networks are traced once for a file.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

# For the setting of TF_ENABLE_ONEDNN_OPTS that `make test` did not run under.
test-numbers: $(VENV)/.dev
	$(BIN)/python -m pytest tests -n 2 --dist loadfile $(NO_NUMBERS:%=--ignore-glob='tests/%')

# Old packages beside new ones of others: what those deprecate is none of our business.
test-lowest: $(LOWEST)/.made
	$(LOWEST)/bin/python -m pytest -n 2 --dist loadfile -p no:cacheprovider -W ignore::DeprecationWarning $(SELECTION:%=tests/%)

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
	rm -rf $(VENV) $(LOWEST) docs/_build docs/gallery demo-output

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

$(LOWEST)/.made: pyproject.toml constraints-lowest.txt | $(VENV)/bin/python
	@echo "Setting up $(LOWEST) with the lowest versions that are admitted (once, about two minutes) ..."
	$(BIN)/python -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints-lowest.txt \
	  --editable ".[netcdf,notebook,dask,review]" pytest pytest-xdist hypothesis
	@touch $@
