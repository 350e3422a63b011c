# Storehand. `make` alone lists what there is. `make demo` and `make test` install what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help install demo servers test test-long chaos lint audit format bench bench-full evaluate docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Storehand needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

# torch first and pinned, so that no range can pull another build of it.
$(VENV)/.worker: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable '.[worker,models]'
	@touch $@

$(VENV)/.dev: $(VENV)/.worker
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(VENV)/.dev ## make .venv with everything a developer needs

demo: $(VENV)/.worker ## a little bilingual shop: all five tasks through a real worker, under a minute
	@$(BIN)/storehand demo

servers: ## Redis, RabbitMQ, PostgreSQL and Prometheus for the tests: installs what is missing on Debian and Ubuntu
	@sh tests/servers/install.sh

# What measures the client's start or a free event loop runs alone, after the rest.
ALONE := tests/unit/test_aclient.py tests/project

test: $(VENV)/.dev servers ## the test suite, under ten minutes on two cores
	$(BIN)/pytest -m 'not long and not gpu' -n 3 --dist loadfile --no-loadscope-reorder $(addprefix --ignore ,$(ALONE)) tests
	$(BIN)/pytest -m 'not long and not gpu' $(ALONE)

test-long: $(VENV)/.dev servers ## the tests that take minutes: kill tables, big runs
	$(BIN)/pytest -m long

MINUTES ?= 5
chaos: $(VENV)/.dev servers ## minutes of random kills, cuts and pauses under load, then the count (MINUTES=5)
	$(BIN)/python -m tests.chaos --minutes $(MINUTES)

lint: $(VENV)/.dev ## ruff, mypy strict, pyright, import contracts, dependency audit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tests.project.audit
	$(PIP) check

audit: $(VENV)/.dev ## known vulnerabilities of the pinned versions; asks a database on the network, so no part of CI
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

format: $(VENV)/.dev ## let ruff format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## throughput and latency against named baselines, minutes; writes BENCHMARKS.md
	$(BIN)/python -m tests.bench --write BENCHMARKS.md

bench-full: $(VENV)/.dev ## the same with all sizes and contenders, under an hour; installs two of them elsewhere
	$(BIN)/python -m tests.bench --full --write BENCHMARKS.md

evaluate: $(VENV)/.dev ## how good the answers are: the checker, chat, recommendation; what needs absent data says so
	$(BIN)/python -m storehand_plugins.checks.evaluation
	$(BIN)/python -m tests.evaluation.chat
	$(BIN)/python -m tests.evaluation.recommendation

docs: $(VENV)/.dev ## regenerate the reference pages, and the chart's rules, dashboards and README
	$(BIN)/python -m tests.project.docs --write
	$(BIN)/python -m tests.project.tasks --write
	$(BIN)/python -m tests.project.rules --write
	$(BIN)/python -m tests.project.dashboards --write
	$(BIN)/python -m tests.chart.readme --write

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
