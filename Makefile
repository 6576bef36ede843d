# Everything one does with a clone; `make help` explains it. Needs python3 (3.11 or newer), python3-venv and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-input --constraint constraints.txt
IMAGE_LOCK := k8s/requirements.txt
IMAGE_EXTRAS := scheduler vmwatch postgresql tracing
# Keeps what a command says to itself unless it fails.
QUIETLY := > $(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help run setup test unit check lint format types docs examples bench drill simulate lock audit sbom clean servers

help:  ## Explain the targets
	@echo "Leeward: scheduled jobs that stay out of the weather. What make can do:"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: $(VENV)/local.stamp  ## Install into .venv and start everything on this machine (Ctrl-C ends it)
	@$(BIN)/leeward up $(UP)

setup: $(VENV)/dev.stamp servers  ## Install all that development and the tests need

check: lint types test  ## What CI runs: lint, types, test

lint: $(VENV)/dev.stamp  ## Check style, formatting and the import contracts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Badly formatted files: make format"; exit 1; }
	@$(BIN)/lint-imports --no-logo --no-cache

format: $(VENV)/dev.stamp  ## Format the code and repair what can be repaired
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

types: $(VENV)/dev.stamp  ## Check the types (mypy, strict)
	@$(BIN)/mypy

unit: $(VENV)/dev.stamp  ## Run the unit tests: seconds, no servers
	@$(BIN)/pytest -q -n auto tests/unit

test: setup  ## Run every test: real brokers, real PostgreSQL, whole processes
	@$(BIN)/pytest -q -n auto --dist worksteal $(TESTS)

docs: $(VENV)/dev.stamp  ## Rewrite what comes from the code in docs/: tables, asyncapi.yaml
	@$(BIN)/python -m tests.parts.reference

examples: setup  ## Record anew the bus's messages that docs/asyncapi.yaml shows, from a real run
	@$(BIN)/python -m tests.parts.bus_examples
	@$(BIN)/python -m tests.parts.reference

bench: setup  ## Measure dispatch against a bare loop and its peers, in 25 minutes; BENCH=--quick in 4: docs/performance.md
	@$(BIN)/python -m tests.bench $(BENCH)

drill: setup  ## Break things while jobs run and judge what became of them: DRILL="--seeds 20", docs/reliability.md
	@$(BIN)/python -m tests.drill $(DRILL)

simulate: $(VENV)/dev.stamp  ## Take 1,000 simulated hosts through a platform update, in minutes: docs/maintenance.md
	@$(BIN)/python -m tests.simulation --write $(SIMULATE)

lock: $(VENV)/supply.stamp  ## Pin with hashes what the images install: k8s/requirements.txt, from constraints.txt
	@$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-annotate --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links $(IMAGE_EXTRAS:%=--extra %) --constraint constraints.txt \
		--output-file $(IMAGE_LOCK) pyproject.toml

audit: $(VENV)/supply.stamp  ## Ask the Python Packaging Advisory Database about what the images install; fails on a finding
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off --requirement $(IMAGE_LOCK)

sbom: $(VENV)/supply.stamp  ## Install what an image has, hashes checked, and write its CycloneDX bill: build/leeward.cdx.json
	@rm -rf build/image && $(PYTHON) -m venv build/image
	@build/image/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(IMAGE_LOCK)
	@build/image/bin/pip install --quiet --disable-pip-version-check --no-deps .
	@$(BIN)/cyclonedx-py environment build/image --pyproject pyproject.toml --output-reproducible --validate \
		--output-file build/leeward.cdx.json
	@echo "build/leeward.cdx.json"

clean:  ## Remove what make and the tools have made; the data of `make run` in .leeward stays
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

servers:
	@.ci/servers
	@.ci/azure-clients
	@.ci/azurite
	@.ci/asyncapi
	@.ci/kustomize
	@.ci/axe
	@.ci/amqp

# A stamp is newer than what was installed by it, so that a changed pyproject.toml or constraints.txt installs again.
$(VENV)/local.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing Leeward into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[local]' $(QUIETLY)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing Leeward and its development tools into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[dev]' $(QUIETLY)
	@touch $@ $(VENV)/local.stamp

$(VENV)/supply.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing what guards the supply chain into $(VENV) ..."
	@$(PIP_INSTALL) --editable '.[supply]' $(QUIETLY)
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Leeward needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
