# Every target sets up what it needs: uv, Python 3.13 and .venv; only Terraform has to be there.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

ARCH ?= x86_64
ROUNDS ?= 3

export UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),.tools/bin/uv)
PYTHON := .venv/bin/python
VENV := .venv/.synced
CHECKOV := .tools/checkov/.synced
CODE := $(wildcard lambda_src local scripts benchmarks tests)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(VENV) ## Write dist/*.zip and dist/manifest.json (ARCH=x86_64 or arm64)
	@$(PYTHON) -m scripts.build_zips --arch $(ARCH)

backbones: $(VENV) ## Write pretrained networks for tasks on images to dist/backbones/ (optional)
	@PYTHONPATH=lambda_src $(PYTHON) -m scripts.backbones

dist/backbones/efficientnet_lite0.onnx:
	@$(MAKE) --no-print-directory backbones

publish: build ## Copy dist/ to s3://BUCKET/PREFIX, where the module reads it
	@$(PYTHON) -m scripts.publish --bucket "$${BUCKET:?is missing: make publish BUCKET=<name> [PREFIX=<prefix>]}" --prefix "$${PREFIX-}"

# TAG is read by the shell, never by make: a tag may be named `$(shell ...)` or "; ...".
release: $(VENV) ## Write build/release, all that is published of the version TAG
	$(PYTHON) -m scripts.release --tag "$${TAG:?is missing: make release TAG=v1.2.3}"

release-digest: ## Print one hash of all that is in build/release
	@cd build/release && LC_ALL=C && sha256sum -- * | sha256sum | cut -d " " -f 1

release-output: # for later jobs of the workflow
	@echo "digest=$$($(MAKE) --no-print-directory release-digest)" >> "$$GITHUB_OUTPUT"

check-release: ## Check build/release against DIGEST, and unpack its archives to build/attested
	@test "$$($(MAKE) --no-print-directory release-digest)" = "$${DIGEST:?is missing: make check-release DIGEST=<hash>}" \
	  || { echo "build/release is not what was built" >&2; exit 1; }
	@rm -rf build/attested
	@for archive in build/release/*.zip; do \
	  architecture=$${archive##*-}; python3 -m zipfile --extract "$$archive" "build/attested/$${architecture%.zip}"; done

github-release: ## Make the release TAG of build/release on GitHub (needs gh, as its runners have it)
	@[[ "$${TAG:?is missing: make github-release TAG=v1.2.3}" =~ ^v[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "TAG should be like v1.2.3" >&2; exit 1; }
	gh release create "$$TAG" build/release/*.zip build/release/*.cdx.json build/release/SHA256SUMS --verify-tag --title "$$TAG" --notes-file build/release/notes.md

test: lint test-unit providers build ## Run everything: lint, then all tests
	$(PYTHON) -m scripts.beside tests/system tests/module

test-unit: $(VENV) ## Run the unit tests: no process, no network
	$(PYTHON) -m pytest -p no:terraform -n auto --doctest-modules tests/unit lambda_src scripts

fuzz: $(VENV) ## Run the property tests with thousands of new examples (FUZZ=path of tests; CASES=, SEED= of tests/unit/hostile)
	HYPOTHESIS_PROFILE=fuzz HOSTILE_CASES=$(or $(CASES),100000) HOSTILE_SEED=$(or $(SEED),0) $(PYTHON) -m pytest -p no:terraform -n auto $(or $(FUZZ),tests/unit/tasks/test_forms.py tests/unit/tasks/test_table_parity.py)

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

validate: terraform ## Validate the module and its examples with another version of the AWS provider (PROVIDER="< 7")
	scripts/validate.sh "$(or $(PROVIDER),5.100.0)"

docs: $(VENV) ## Write the tables in the READMEs, the options in openapi.yaml and docs/openapi.yaml
	$(PYTHON) -m scripts.docs

scan: $(CHECKOV) ## Check the Terraform code by checkov, which is downloaded for it
	.tools/checkov/bin/checkov --directory . --framework terraform --skip-download --compact --quiet \
	  --skip-path .terraform --skip-path .tools --skip-path .venv --skip-path build --skip-path dist --skip-path scripts/smoke

format: terraform $(VENV) ## Put code into the project's style
	$(PYTHON) -m ruff check --fix $(CODE)
	$(PYTHON) -m ruff format $(CODE)
	terraform fmt -recursive

lock: $(UV) ## Resolve all requirements.in again (UPGRADE=1: to the newest versions)
	scripts/lock.sh $(UV) $(if $(UPGRADE),--upgrade)

local: terraform build ## Start the local cloud and deploy to it; Ctrl-C stops it
	$(PYTHON) -m local

demo: terraform build $(if $(filter object_detection,$(TASK)),dist/backbones/efficientnet_lite0.onnx) ## Run real learning loops on the local cloud (TASK=one or more of lambda_src/tasks)
	$(PYTHON) -m local.demo $(TASK)

smoke-aws: terraform build ## Apply roots to an AWS account, use and destroy them; asks first (REGIONS="us-east-1 eu-central-1" ROOTS="quickstart public private")
	$(PYTHON) -m scripts.smoke $(if $(REGIONS),--regions $(REGIONS)) $(if $(ROOTS),--roots $(ROOTS))

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
	@TF_DATA_DIR=$(CURDIR)/build/terraform TF_PLUGIN_CACHE_DIR="$${TF_PLUGIN_CACHE_DIR:-$(CURDIR)/build/terraform-plugins}" \
	  TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1 CHECKPOINT_DISABLE=1 terraform -chdir=examples/quickstart init -backend=false -input=false -lockfile=readonly >/dev/null

terraform:
	@command -v terraform >/dev/null || { echo "terraform is missing: install Terraform 1.11 or newer and put it on PATH" >&2; exit 1; }

$(VENV): requirements-dev.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python "$$(scripts/python313.sh)" .venv
	$(UV) pip sync --quiet --require-hashes --python $(PYTHON) requirements-dev.txt
	touch $@

$(CHECKOV): scripts/tools/checkov/requirements.txt | $(UV)
	$(UV) venv --quiet --allow-existing --python "$$(scripts/python313.sh)" .tools/checkov
	$(UV) pip sync --quiet --require-hashes --python .tools/checkov/bin/python scripts/tools/checkov/requirements.txt
	touch $@

.tools/bin/uv: scripts/tools/uv/requirements.txt
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet --no-deps --only-binary :all: --require-hashes --requirement scripts/tools/uv/requirements.txt
	touch $@

.PHONY: help build backbones publish release release-digest release-output check-release github-release test fuzz faults test-unit test-module test-system lint validate docs scan format lock local demo smoke-aws bench bench-quality venv clean providers terraform
