# Everything happens in .venv, made from nothing but make and Python 3.11 or newer.
# Another interpreter: make setup PYTHON=/path/to/python3.12

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	command -v $$name >/dev/null 2>&1 || continue; \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$name; break; }; \
	done)
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz chaos hostile lint types rules smoke slo bench screens clean

help:
	@echo "make setup   .venv with treeseek and what its development needs"
	@echo "make demo    index the standard library of Python and treeseek itself, and ask questions"
	@echo "make test    all tests, with coverage"
	@echo "make fuzz    every fuzz target for 20 seconds [SECONDS=3600] [TARGET='analysis-*']; needs Linux"
	@echo "make chaos   kills, failing disks, power cuts, flipped bits: about an hour [CHAOS=--short]; needs Linux and cc"
	@echo "make hostile index files, and serve requests, that are made to do harm: some minutes [HOSTILE=--short]"
	@echo "make lint    style and format"
	@echo "make types   strict type checks"
	@echo "make rules   check the Prometheus rules and run the tests of the alerts; needs promtool"
	@echo "make smoke   a server, a Prometheus, load and trouble: does every panel show something? [SMOKE=--short]"
	@echo "make slo     measure every objective over 10,000 files: about a quarter of an hour [SLO='--files 1000']"
	@echo "make bench   how to run the benchmarks"
	@echo "make screens pictures of the web page's views [OUT=DIR]; needs chromium and chromedriver"
	@echo "make clean   remove .venv and everything made"

# The stamps make set-up run again only when the dependencies may have changed.
$(VENV)/.base: pyproject.toml
	@test -n "$(PYTHON)" || { echo "treeseek needs Python 3.11 or newer; none was found on PATH" >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "can't make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup: $(VENV)/.dev

demo: $(VENV)/.base
	$(BIN)/python examples/demo.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadgroup --cov --cov-report=term:skip-covered

SECONDS := 20
TARGET := *

fuzz: $(VENV)/.dev
	$(BIN)/python -m fuzz.run --seconds $(SECONDS) --target '$(TARGET)'

CHAOS :=

chaos: $(VENV)/.dev
	$(BIN)/python -m chaos.run $(CHAOS)

HOSTILE :=

hostile: $(VENV)/.dev
	$(BIN)/python -m hostile.run $(HOSTILE)
	$(BIN)/python -m hostile.requests $(HOSTILE)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/mypy

rules: $(VENV)/.dev
	promtool check rules deploy/prometheus/recordings.yml deploy/prometheus/alerts.yml
	cd deploy/prometheus && promtool test rules tests.yml

SMOKE :=

smoke: $(VENV)/.dev
	$(BIN)/python -m deploy.smoke $(SMOKE)

SLO :=

slo: $(VENV)/.dev
	$(BIN)/python -m benchmarks.slo $(SLO)

bench:
	@echo "speed, against peers in the same run:"
	@echo "  $(BIN)/python -m benchmarks.speed --tree DIR"
	@echo "syntax trees and their cache, against the stored ratios, or in full over trees and git histories:"
	@echo "  $(BIN)/python -m benchmarks.cst --short --check"
	@echo "  $(BIN)/python -m benchmarks.cst --tree DIR --history GITDIR --commits 200"
	@echo "what an index that follows a history reuses, and whether it equals a fresh one:"
	@echo "  $(BIN)/python -m benchmarks.replay --history GITDIR --commits 300"
	@echo "how soon a saved file is found, and what a long run costs:"
	@echo "  $(BIN)/python -m benchmarks.saves --tree DIR"
	@echo "  $(BIN)/python -m benchmarks.soak --tree DIR --minutes 30"
	@echo "how many searches a server answers while files are edited; needs wrk:"
	@echo "  $(BIN)/python -m benchmarks.load --tree DIR --uncached"
	@echo "whether an identifier that one knows is found:"
	@echo "  $(BIN)/python -m benchmarks.identifiers --tree DIR"
	@echo "how long an agent waits:"
	@echo "  $(BIN)/python -m benchmarks.agents --tree DIR"
	@echo "the other embedders, and whether they keep to their limits:"
	@echo "  $(BIN)/python -m benchmarks.embedders --tree DIR"
	@echo "how fast text becomes vectors, on one core:"
	@echo "  $(BIN)/python -m benchmarks.vectors --tree DIR"
	@echo "retrieval, over a file of judged queries:"
	@echo "  $(BIN)/python -m benchmarks.retrieval --queries FILE --repos FILE --corpus DIR --out results.jsonl"

OUT := results/screens

screens: $(VENV)/.dev
	$(BIN)/python -m benchmarks.screens --out '$(OUT)'

clean:
	rm -rf $(VENV) build dist results .coverage .hypothesis .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
