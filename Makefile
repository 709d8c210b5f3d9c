# Everything runs in .venv; a target installs what it needs once and is quick afterwards.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BASE := $(VENV)/.installed-base
FULL := $(VENV)/.installed-full

.PHONY: help setup demo dashboard test lint types format bench docs images clean

help:
	@echo "make demo    set up, then run the whole loop on drawn phantoms with simulated models (no keys, no network)"
	@echo "make dashboard   the pages over what the demo (or your own runs) left, in a browser"
	@echo "make test    set up with all extras, then run the test suite"
	@echo "make lint | types | format | bench | docs | images | clean"

setup: $(FULL)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "spinebench needs Python 3.11, 3.12 or 3.13; found %d.%d. Name one: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(BASE): $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(FULL): $(BASE)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[local,dev]'
	@touch $@

demo: $(BASE)
	@$(BIN)/spinebench demo
	@echo "The command is $(BIN)/spinebench here; 'source $(BIN)/activate' makes it 'spinebench'."

dashboard: $(BASE)
	$(BIN)/spinebench dashboard

test: $(FULL)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(FULL)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(FULL)
	$(BIN)/mypy

format: $(FULL)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(FULL)
	$(BIN)/python benchmarks/run_all.py

docs: $(FULL)
	$(BIN)/python -m pytest -q tests/test_docs.py

# The screenshots in docs/images; needs Chromium.
images: $(FULL)
	$(BIN)/python docs/make_images.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
