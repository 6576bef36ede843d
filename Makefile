# Everything one does with a clone; `make help` explains it. Needs python3 (3.11 or newer), python3-venv and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-input --constraint constraints.txt

# What the images install, and what builds the wheels of which the index has none: docs/howto/images.md.
IMAGES := scheduler vmwatch
SCHEDULER_EXTRAS := scheduler postgresql amqp tracing
VMWATCH_EXTRAS := vmwatch kubernetes
BUILD_TOOLS := cffi hatchling setuptools
LOCKS := $(IMAGES:%=services/%/requirements.txt) services/build-requirements.txt
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-header --no-annotate --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --constraint constraints.txt
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE_ENGINE ?= docker
IMAGE_PREFIX ?=
IMAGE_TAG ?= $(VERSION)
IMAGE_OPTIONS ?=
# Keeps what a command says to itself unless it fails.
QUIETLY := > $(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help run setup test unit check lint format types docs site dashboards previews screenshots examples bench drill simulate lock audit sbom images image-root clean servers

help:  ## Explain the targets
	@echo "Leeward: scheduled jobs that stay out of the weather. What make can do:"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(VENV)/local.stamp  ## Install into .venv and start everything on this machine (Ctrl-C ends it)
	@$(BIN)/leeward up $(UP)

setup: $(VENV)/dev.stamp servers  ## Install all that development and the tests need

check: lint types test  ## What CI runs: lint, types, test

lint: $(VENV)/dev.stamp  ## Check style, formatting and the import contracts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Badly formatted files: make format"; exit 1; }
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/hadolint --no-color $(IMAGES:%=services/%/Dockerfile)

format: $(VENV)/dev.stamp  ## Format the code and repair what can be repaired
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

types: $(VENV)/dev.stamp  ## Check the types (mypy, strict)
	@$(BIN)/mypy

unit: $(VENV)/dev.stamp  ## Run the unit tests: seconds, no servers
	@$(BIN)/pytest -q -n auto tests/unit

test: setup  ## Run every test: real brokers, real PostgreSQL, whole processes
	@$(BIN)/pytest -q -n auto --dist worksteal $(TESTS)

docs: $(VENV)/dev.stamp  ## Rewrite what comes from the code in docs/ (tables, cli-reference.md, asyncapi.yaml), and the schema of `leeward apply`
	@$(BIN)/python -m tests.parts.reference

site: setup  ## Build docs/ as a site, links checked: build/site/index.html needs no network
	@.ci/site build
	@echo "build/site/index.html"

dashboards: $(VENV)/dev.stamp  ## Write Grafana's dashboards anew from tests/dashboards: docs/howto/grafana.md
	@$(BIN)/python -m tests.dashboards

previews: setup  ## Draw the dashboards for the docs, from what a real Prometheus says of a few minutes' rehearsal
	@$(BIN)/python -m tests.dashboards.previews

screenshots: setup  ## Take the portal's pictures for README and docs, from a real `leeward up` with a rehearsed reboot
	@$(BIN)/python -m tests.screenshots

examples: setup  ## Record anew the bus's messages that docs/asyncapi.yaml shows, from a real run
	@$(BIN)/python -m tests.parts.bus_examples
	@$(BIN)/python -m tests.parts.reference

bench: setup  ## Measure dispatch against a bare loop and its peers, in 25 minutes; BENCH=--quick in 4: docs/performance.md
	@$(BIN)/python -m tests.bench $(BENCH)

drill: setup  ## Break things while jobs run and judge what became of them: DRILL="--seeds 20", docs/reliability.md
	@$(BIN)/python -m tests.drill $(DRILL)

simulate: $(VENV)/dev.stamp  ## Take 1,000 simulated hosts through a platform update, in minutes: docs/maintenance.md
	@$(BIN)/python -m tests.simulation --write $(SIMULATE)

lock: $(VENV)/supply.stamp  ## Pin with hashes what each image installs, from constraints.txt: services/*/requirements.txt
	@$(COMPILE) $(SCHEDULER_EXTRAS:%=--extra %) --output-file services/scheduler/requirements.txt pyproject.toml
	@$(COMPILE) $(VMWATCH_EXTRAS:%=--extra %) --output-file services/vmwatch/requirements.txt pyproject.toml
	@printf '%s\n' $(BUILD_TOOLS) | $(COMPILE) --output-file services/build-requirements.txt -

audit: $(VENV)/supply.stamp  ## Ask the Python Packaging Advisory Database about what the images install; fails on a finding
	@for lock in $(LOCKS); do $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
		--requirement $$lock || exit 1; done

sbom: $(VENV)/dev.stamp $(VENV)/supply.stamp  ## Carry out the images' install steps, write CycloneDX bills: build/leeward-*.cdx.json
	@$(BIN)/python -m tests.parts.image_bills

images:  ## Build the images: IMAGE_ENGINE=podman, IMAGE_PREFIX=registry/team/, IMAGE_TAG, IMAGE_OPTIONS: docs/howto/images.md
	@for service in $(IMAGES); do $(IMAGE_ENGINE) build --file services/$$service/Dockerfile \
		--tag $(IMAGE_PREFIX)leeward-$$service:$(IMAGE_TAG) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION="$$(git rev-parse HEAD)" --build-arg CREATED="$$(git log -1 --format=%cI)" \
		$(IMAGE_OPTIONS) . || exit 1; done

image-root: setup  ## Carry out the Dockerfiles in roots made with debootstrap, as there is no engine; as root, on Debian
	@$(BIN)/python -m tests.image_root

clean:  ## Remove what make and the tools have made; the data of `make run` in .leeward stays
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

servers:
	@.ci/servers
	@.ci/azure-clients
	@.ci/azurite
	@.ci/asyncapi
	@.ci/site-scripts
	@.ci/kustomize
	@.ci/axe
	@.ci/amqp
	@.ci/node-red

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
