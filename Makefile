# Every target sets up what it needs: uv, Python 3.13 and .venv; only Terraform has to be there.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

ARCH ?= x86_64
ROUNDS ?= 3
UV_VERSION := 0.13.9
CHECKOV_VERSION := 3.3.30

export UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),.tools/bin/uv)
PYTHON := .venv/bin/python
VENV := .venv/.synced
CODE := $(wildcard lambda_src local scripts benchmarks tests)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(VENV) ## Write dist/*.zip and dist/manifest.json (ARCH=x86_64 or arm64)
	@$(PYTHON) -m scripts.build_zips --arch $(ARCH)

backbones: $(VENV) ## Write pretrained networks for tasks on images to dist/backbones/ (optional)
	@$(PYTHON) -m scripts.backbones

dist/backbones/efficientnet_lite0.onnx:
	@$(MAKE) --no-print-directory backbones

publish: build ## Copy dist/ to s3://BUCKET/PREFIX, where the module reads it
	@$(PYTHON) -m scripts.publish --bucket "$(or $(BUCKET),$(error BUCKET is missing: make publish BUCKET=<name> [PREFIX=<prefix>]))" --prefix "$(PREFIX)"

release: $(VENV) ## Write build/release, all that is published of the version TAG
	$(PYTHON) -m scripts.release --tag "$(or $(TAG),$(error TAG is missing: make release TAG=v1.2.3))"

github-release: ## Make the release TAG of build/release on GitHub (needs gh, as its runners have it)
	gh release create "$(TAG)" build/release/*.zip build/release/SHA256SUMS --verify-tag --title "$(TAG)" --notes-file build/release/notes.md

test: lint test-unit providers build ## Run everything: lint, then all tests
	$(PYTHON) -m scripts.beside tests/system tests/module

test-unit: $(VENV) ## Run the unit tests: no process, no network
	$(PYTHON) -m pytest -p no:terraform -n auto --doctest-modules tests/unit lambda_src scripts

fuzz: $(VENV) ## Run the property tests with thousands of new examples (FUZZ=path of tests)
	HYPOTHESIS_PROFILE=fuzz $(PYTHON) -m pytest -p no:terraform -n auto $(or $(FUZZ),tests/unit/tasks/test_forms.py tests/unit/tasks/test_table_parity.py)

faults: $(VENV) ## Inject faults into every call of S3, one by one and then at random (RUNS=100 schedules from SEED=1)
	$(PYTHON) -m tests.faults --runs $(or $(RUNS),100) --seed $(or $(SEED),1)

test-module: providers build ## Run the tests of the Terraform modules
	$(PYTHON) -m pytest tests/module

test-system: providers build ## Run the tests of the real zips on the local cloud
	$(PYTHON) -m pytest tests/system

lint: terraform $(VENV) ## Check style, types, Terraform formatting and generated docs
	$(PYTHON) -m ruff check $(CODE)
	$(PYTHON) -m ruff format --check $(CODE)
	$(PYTHON) -m mypy $(CODE)
	terraform fmt -check -diff -recursive
	$(PYTHON) -m scripts.docs --check

docs: $(VENV) ## Write the tables in the READMEs and docs/openapi.yaml
	$(PYTHON) -m scripts.docs

scan: $(VENV) ## Check the Terraform code by checkov, which is downloaded for it
	$(UV) tool run --python $(PYTHON) checkov==$(CHECKOV_VERSION) --directory . --framework terraform --skip-download --compact --quiet \
	  --skip-path .terraform --skip-path .tools --skip-path .venv --skip-path build --skip-path dist

format: terraform $(VENV) ## Put code into the project's style
	$(PYTHON) -m ruff check --fix $(CODE)
	$(PYTHON) -m ruff format $(CODE)
	terraform fmt -recursive

lock: $(UV) ## Resolve requirements.in again (UPGRADE=1: to the newest versions)
	scripts/lock.sh $(UV) $(if $(UPGRADE),--upgrade)

local: terraform build ## Start the local cloud and deploy to it; Ctrl-C stops it
	$(PYTHON) -m local

demo: terraform build $(if $(filter object_detection,$(TASK)),dist/backbones/efficientnet_lite0.onnx) ## Run real learning loops on the local cloud (TASK=one or more of lambda_src/tasks)
	$(PYTHON) -m local.demo $(TASK)

bench: terraform build ## Compare speed, memory, size and cost with rivals (ROUNDS=3)
	PYTHONPATH=lambda_src $(PYTHON) -m benchmarks.serving --rounds $(ROUNDS)
	$(PYTHON) -m benchmarks.data_processing --rounds $(ROUNDS)
	$(PYTHON) -m benchmarks.training --rounds $(ROUNDS)
	$(PYTHON) -m benchmarks.deployment

bench-quality: terraform build ## Compare scores with plain references on the same splits (DATA=folder of public data)
	$(PYTHON) -m benchmarks.quality $(if $(DATA),--data "$(DATA)")

venv: $(VENV) ## Create or update .venv

clean: ## Remove everything that make has made
	rm -rf .tools .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +

providers: terraform # into Terraform's cache, which takes one writer at a time
	@mkdir -p build/terraform-plugins
	@TF_DATA_DIR=build/terraform TF_PLUGIN_CACHE_DIR="$${TF_PLUGIN_CACHE_DIR:-$(CURDIR)/build/terraform-plugins}" \
	  TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1 CHECKPOINT_DISABLE=1 terraform init -backend=false -input=false >/dev/null

terraform:
	@command -v terraform >/dev/null || { echo "terraform is missing: install Terraform 1.11 or newer and put it on PATH" >&2; exit 1; }

$(VENV): requirements-dev.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python "$$(scripts/python313.sh)" .venv
	$(UV) pip sync --quiet --require-hashes --python $(PYTHON) requirements-dev.txt
	touch $@

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet uv==$(UV_VERSION)

.PHONY: help build backbones publish release github-release test fuzz faults test-unit test-module test-system lint docs scan format lock local demo bench bench-quality venv clean providers terraform
