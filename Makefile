# Two commands matter to a newcomer: `make up` shows Tiphys at work, `make test` proves it.
# Everything that a target needs is installed by this file, from package registries only.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -q
# Programs that tests need and that come as packages of Debian alone.
DEBIAN := redis-server gpg gpgconf gpg-agent ssh=openssh-client chromium
# Of the services one runs on the real control plane, and so with the adapters.
ON_CLUSTER := tests/services/sync/test_on_cluster.py

.PHONY: help build up down check test test-core test-services test-adapters test-attacks test-e2e test-faults soak bench lock protos clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tiphys needs Python 3.11 or later; set PYTHON=/path/to/python3.11")'
	@echo "installing Python packages into .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

build: .venv/.installed ## Everything, into .venv
	@$(BIN)/python tools/go_build.py engine
	@$(BIN)/python tools/go_build.py devcluster

up: build ## A control plane, Tiphys and the examples
	@$(BIN)/tiphys up

down: .venv/.installed ## Stop what `make up` started
	@$(BIN)/tiphys down

check: build ## Formatting, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/check.py

test-core: build
	@$(PYTEST) -n 2 tests/core tests/model --cov --cov-report=term --cov-fail-under=100

test-services: build
	@$(PYTEST) -n 2 tests/services tests/api tests/controllers tests/reposerver tests/cli tests/bootstrap \
	    --ignore=$(ON_CLUSTER)

test-adapters: build
	@$(BIN)/python tools/debian.py $(DEBIAN)
	@$(BIN)/python tools/node_build.py sso
	@$(BIN)/python tools/go_test.py engine
	@$(BIN)/python tools/go_test.py devcluster
	@$(PYTEST) tests/adapters tests/devcluster tests/deploy tests/tools $(ON_CLUSTER)

test-e2e: build
	@$(PYTEST) -n 2 --dist loadfile tests/e2e

test-attacks: build
	@$(BIN)/python tools/debian.py $(DEBIAN)
	@$(PYTEST) tests/attacks

test-faults: build
	@$(PYTEST) tests/faults

test: check test-core test-services test-adapters test-attacks test-e2e test-faults ## Everything that CI runs

soak: build ## What `make test` samples, whole; end to end also as three processes
	@TIPHYS_SOAK=1 $(PYTEST) tests/faults tests/e2e tests/adapters/kubectl tests/services/test_monorepo.py
	@TIPHYS_PROCESSES=three $(PYTEST) -n 2 --dist loadfile tests/e2e

bench: build ## One JSON line a scenario
	@$(BIN)/python -m bench

lock: .venv/.installed ## Resolve requirements.lock again, with hashes and without hosts
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock

protos: .venv/.installed ## Make what comes of protos/ again
	@$(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=src/tiphys/adapters/plugin/wire --pyi_out=src/tiphys/adapters/plugin/wire plugin.proto
	@$(BIN)/python tools/protos.py

clean: ## Remove .venv; the build cache stays
	@rm -rf .venv
