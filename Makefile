# One command for each thing a developer does; `make` alone lists them.
# Everything runs inside .venv, which needs only Python 3.11+ with venv; name another
# interpreter by `make setup PYTHON=python3.12`. All paths are relative, so a checkout may lie
# in a folder with spaces in its name.

PYTHON ?= python3
WORKERS ?= 2
export PYTHON

VENV := .venv/bin/python
READY := .venv/.ready
# The stamp holds the folder it was made in: an editable install does not survive a move.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
MOVED := moved
endif

# Small tensors and several workers: one thread each, and no spinning while waiting.
QUIET_THREADS := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
PYTEST := $(QUIET_THREADS) $(VENV) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup chromium check test test-slow demo bench bench-quality bench-doctor docs clean moved

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv and install gansmith with its pinned dependencies

$(READY): pyproject.toml constraints.txt scripts/setup.sh $(MOVED)
	@scripts/setup.sh
	@printf '%s' "$(CURDIR)" > $(READY)

moved:

chromium: ## bring a Chromium for the page tests where that is possible
	@scripts/chromium.sh

check: setup ## lint, format, types and the import contract (the fast checks)
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo

test: check chromium ## the checks and every test that is not a long study; what .ci/run calls
	$(PYTEST)

test-slow: setup chromium ## the long studies that `make test` leaves out, and properties on many examples
	$(QUIET_THREADS) $(VENV) -m pytest -m slow
	$(QUIET_THREADS) HYPOTHESIS_PROFILE=explore $(VENV) -m pytest -m 'hypothesis and not slow'

demo: setup ## train on the built-in digits for three minutes and write a report
	$(VENV) -m gansmith train --out runs/demo --overwrite --budget 3m --recipe images
	@echo "The report: runs/demo/report.html (open it in a browser)"

bench: setup ## speed against plain PyTorch, as ratios, into docs/performance.md (twenty minutes)
	$(VENV) benchmarks/page.py --page docs/performance.md

bench-quality: setup ## quality and the rest against the references, printed (hours)
	@set -e; for name in startup evaluation quality toys; do echo "== $$name"; $(VENV) benchmarks/$$name.py; done

bench-doctor: setup ## the failure suite: is the doctor right, how soon, and does repair help (hours)
	$(VENV) benchmarks/doctor.py --page docs/doctor/accuracy.md

docs: setup ## write the pages of the Python API into site/
	$(VENV) -m uv pip install --quiet --python $(VENV) -c constraints.txt -e '.[dev,docs]'
	rm -rf site
	$(VENV) -W "ignore:The module specification" -m pdoc --docformat google -o site $$(cd src && find gansmith -name '*.py' \
		! -name __main__.py | sed 's|/__init__\.py$$||; s|\.py$$||; s|/|.|g' | sort)
	@echo "The pages: site/index.html"

clean: ## remove .venv and everything built (runs/ stays)
	rm -rf .venv site build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	rm -rf .import_linter_cache src/*.egg-info
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
