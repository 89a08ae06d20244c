# Everything a newcomer needs: make demo, make test. Needs Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

WEB := src/mien/app/static/index.html
.PHONY: help setup web check test test-all bids wheel demo bench docs results clean
.DEFAULT_GOAL := help

help:            ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

setup: $(STAMP)  ## make .venv and install mien with all its parts

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "mien needs Python 3.11 or newer, this is %d.%d: call make PYTHON=python3.11" % v[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	touch $@

web: $(WEB)      ## build the pages of the coding bench (needs Node.js 20 or newer)

$(WEB): $(wildcard web/*.json web/*.ts web/*.html web/src/* web/src/*/*)
	@command -v npm >/dev/null || { echo "make web needs Node.js 20 or newer (https://nodejs.org): the coding bench's pages are TypeScript" >&2; exit 1; }
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm test && npm run build

check: $(STAMP)  ## style, types and layers
	$(BIN)/ruff check src tests benchmarks docs examples
	$(BIN)/ruff format --check src tests benchmarks docs examples
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP)   ## the test suite, with every docstring example
	$(BIN)/pytest -q -n $(WORKERS) -m 'not slow' tests --doctest-modules src

test-all: $(STAMP)  ## the suite and the long proofs
	$(BIN)/pytest -q -n $(WORKERS) -o faulthandler_timeout=14400 tests --doctest-modules src

bids: $(STAMP)   ## ask the official BIDS validator about studies that mien wrote (needs Node.js)
	$(BIN)/python docs/check_bids.py

wheel: $(STAMP) $(WEB) ## build the wheel, install it into an empty environment, run the quick demo without a network
	$(BIN)/python docs/check_wheel.py

demo: $(STAMP)   ## simulate a study, reproduce the papers on it; ends with what was found
	$(BIN)/mien demo --workers $(WORKERS)

bench: $(STAMP)  ## measure against what people use today
	$(BIN)/python -m benchmarks

docs: $(STAMP)   ## build the site: build/site/index.html
	@$(BIN)/python -c 'import furo, myst_parser, sphinx' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python docs/site/build.py

results: $(STAMP) $(WEB) ## make docs/results and the pages' pictures anew from their commands (hours)
	$(BIN)/python docs/pictures/faces.py
	$(BIN)/python docs/pictures/trial.py
	$(BIN)/python docs/pictures/concordance.py
	$(BIN)/python docs/pictures/coding_bench.py
	$(BIN)/python docs/pictures/stimuli.py
	$(BIN)/python docs/pictures/presenting.py
	$(BIN)/python docs/pictures/reproduction.py
	$(BIN)/python docs/regenerate_simulated.py
	$(BIN)/python docs/regenerate_datasets.py
	$(BIN)/python docs/regenerate.py
	$(BIN)/python docs/regenerate_recognition.py
	$(BIN)/python docs/regenerate_spotting.py
	$(BIN)/python docs/regenerate_fusion.py
	$(BIN)/python docs/regenerate_methods.py
	$(BIN)/python docs/regenerate_spotting_methods.py

clean:           ## remove what is made, keep .venv
	rm -rf build dist mien-demo mien-results mien-reproduction .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
