# Two commands do everything on a machine with Python and nothing else:
#   make demo    install into ./.venv, train a small model with a bug, write its report
#   make test    install the development tools, then every check that a change must pass

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint types imports unit clean

VENV := .venv
BIN := $(VENV)/bin
# Your own python3 first; name another one with `make PYTHON=/path/to/python test`.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
# The constraints pin every package, so that a test that passed here passes there.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check \
	--retries 10 --timeout 60 --constraint constraints.txt --editable

help:  ## what can be made (this text)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.runtime  ## watch a small training whose loss compares a tensor with itself; write its report
	@$(BIN)/collapse-doctor demo aliased-loop

test: lint types imports unit  ## every check that a change must pass

lint: $(VENV)/.dev  ## style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev  ## types, strictly
	$(BIN)/mypy

imports: $(VENV)/.dev  ## imports run one way
	$(BIN)/lint-imports

# One thread per worker: the workers already share the cores among themselves.
unit: export OMP_NUM_THREADS := 1
unit: $(VENV)/.dev  ## the tests
	$(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist loadscope

clean:  ## remove the environment, the caches and the demo's reports
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -f collapse-doctor-*.html
	find collapse_doctor tests -type d -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.created:
	@for python in $(PYTHONS); do \
		if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null; then \
			echo "Creating $(VENV) with $$("$$python" --version) ($$(command -v "$$python"))"; \
			"$$python" -m venv $(VENV) && touch $@; exit; \
		fi; \
	done; \
	echo "make: expected Python 3.11 or newer with venv, found none among: $(PYTHONS)." \
		"Install one (on Debian and Ubuntu: apt install python3-venv)," \
		"or name one: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; \
	exit 1

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing collapse-doctor and what it needs (PyTorch is large: about a minute)"
	@$(PIP_INSTALL) .
	@touch $@

# reptrix is an oracle of the tests. It asks for torchvision, which nothing in it imports.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.created
	@echo "Installing collapse-doctor and its development tools (PyTorch is large: about a minute)"
	@$(PIP_INSTALL) '.[dev]'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps reptrix==0.1.0
	@touch $@ $(VENV)/.runtime
