# Set-up, study and tests, each with one command. `make` alone says what there is.
# For make 3.81 or newer (as on macOS) and any POSIX shell.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CORES ?= all
WORKERS ?= 2
PYTEST_ARGS ?=
STUDY := config/demo.yaml
REPORT := results/demo/report.html

# Jobs of Snakemake find this environment's programs, and take one thread each, since the jobs
# already share the cores. albumentations does not ask the network for a newer version.
WITH := PATH="$(CURDIR)/$(BIN):$$PATH" OMP_NUM_THREADS=1 NO_ALBUMENTATIONS_UPDATE=1

# Sets $found to the first fit Python. Each candidate is run, since one that is only found may be
# a stub that fails, and Debian's Python cannot make environments without its package venv.
FIT = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
FIND_PYTHON = found=; \
	for candidate in "$$PYTHON" python3.12 python3.13 python3.11 python3; do \
		if [ -n "$$candidate" ] && "$$candidate" -c '$(FIT)' >/dev/null 2>&1; then \
			found=$$candidate; break; \
		fi; \
		if [ -n "$$candidate" ] && [ "$$candidate" = "$$PYTHON" ]; then \
			echo "PYTHON=$$PYTHON is no Python 3.11 to 3.13 with venv; trying others" >&2; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "No Python 3.11, 3.12 or 3.13 with venv was found. Install one:" >&2; \
		echo "  Debian, Ubuntu   apt install python3 python3-venv" >&2; \
		echo "  Fedora           dnf install python3.12" >&2; \
		echo "  macOS            brew install python@3.12" >&2; \
		echo "  conda            conda create -n python312 python=3.12, and activate it" >&2; \
		echo "or say where one is: make PYTHON=/path/to/python3.12 ..." >&2; \
		exit 1; \
	fi

.PHONY: help setup study test test-fast browser test-browser slurm test-slurm bench lint format docs lock \
	which-python clean

help:
	@echo 'make study    set-up, then a demonstration on the built-in cohort (minutes)'
	@echo 'make test     set-up, then formatting, lint, types and all tests'
	@echo 'make test-fast  the tests that take little: under two minutes, for the inner loop'
	@echo 'make test-browser  the report in a real browser; installs chromium (Debian, Ubuntu)'
	@echo 'make test-slurm    a study on a SLURM of this machine alone; installs it (Debian, Ubuntu)'
	@echo 'make setup    set-up only: the packages of requirements.lock in $(VENV) (5 to 6 GB)'
	@echo 'make bench    all benchmarks, into docs/benchmarks.md (some two hours, quiet)'
	@echo 'make lint     formatting and lint only'
	@echo 'make format   put the formatting right'
	@echo 'make docs     write config/README.md anew from the settings'
	@echo 'make lock     compile requirements.lock anew from pyproject.toml'
	@echo 'make clean    remove $(VENV) and caches; results/ stays'
	@echo 'Choices: PYTHON=python3.12, CORES=$(CORES) (study), WORKERS=$(WORKERS) and PYTEST_ARGS= (test)'

setup: $(READY)

# The stamp comes last, so that an interrupted set-up is redone from the beginning. A finished one
# that is older than the lock is only brought up to date.
# setuptools goes first: it builds this project, and the one dependency that comes as source only,
# so that nothing is fetched that is not in the lock.
$(READY): requirements.lock pyproject.toml
	@if [ -f $(READY) ]; then \
		rm $(READY); \
	else \
		$(FIND_PYTHON); \
		echo "Setting up $(VENV) with $$found: some minutes, 5 to 6 GB"; \
		"$$found" -m venv --clear $(VENV); \
	fi
	sed -n '/^setuptools==/,/[^\\]$$/p' requirements.lock > $(VENV)/setuptools.lock
	$(BIN)/python -m pip install --require-hashes -r $(VENV)/setuptools.lock
	$(BIN)/python -m pip install --require-hashes --no-build-isolation -r requirements.lock
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	@touch $(READY)

study: $(READY)
	$(WITH) snakemake --cores $(CORES) --configfile $(STUDY)
	@echo
	@echo 'The study is finished. Open $(REPORT) in a browser;'
	@echo 'the tables and figures that it shows lie beside it in $(dir $(REPORT)).'

test: lint
	$(WITH) python -m pytest -n $(WORKERS) --dist loadfile -m 'not browser and not slurm' $(PYTEST_ARGS)

# What is slow: whole studies, and the checks of the repository itself (tests/conftest.py).
test-fast: $(READY)
	$(WITH) python -m pytest -n $(WORKERS) --dist worksteal \
		-m 'not slow and not browser and not slurm' $(PYTEST_ARGS)

# The report in a real browser. Only this target installs a system package, and only if it lacks.
browser:
	@if ! command -v chromedriver >/dev/null 2>&1 || ! command -v chromium >/dev/null 2>&1; then \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update && $$sudo apt-get install --yes chromium chromium-driver; \
	fi

test-browser: browser $(READY)
	$(WITH) python -m pytest -m browser tests/reporting/test_browser.py $(PYTEST_ARGS)

# The study on a real SLURM. Only these targets install it, and they start it for the tests alone.
SUDO = $$([ "$$(id -u)" = 0 ] || echo sudo)

slurm:
	@if ! command -v slurmctld >/dev/null 2>&1 || ! command -v munged >/dev/null 2>&1; then \
		$(SUDO) apt-get update && \
		$(SUDO) apt-get install --yes --no-install-recommends slurm-wlm munge; \
	fi

test-slurm: slurm $(READY)
	@trap '$(SUDO) tests/slurm_cluster.sh stop' EXIT; trap 'exit 130' INT TERM; \
	$(SUDO) tests/slurm_cluster.sh start && \
	$(WITH) python -m pytest -m slurm tests/workflow/test_slurm.py $(PYTEST_ARGS)

bench: $(READY)
	$(WITH) python -m benchmarks

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(WITH) snakemake --lint

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile workflow

docs: $(READY)
	$(BIN)/augtrial settings > $(VENV)/settings.md
	mv $(VENV)/settings.md config/README.md

# Versions stay where they are as far as pyproject.toml allows; delete the lock first for the
# newest ones. One lock serves all three Pythons, and it names no host.
lock:
	@$(FIND_PYTHON); "$$found" -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile pyproject.toml --extra dev --extra slurm --quiet \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make lock' --output-file requirements.lock
	rm -rf .venv-lock

which-python:
	@$(FIND_PYTHON); echo "$$found"

clean:
	rm -rf $(VENV) .venv-lock .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	find src tests workflow benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
