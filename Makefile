# Needs python3 (3.11 to 3.14) with pip, make and git; no root, no Docker, no compiler, no database server.
#   SETUP=uv|pip      hold set-up to one way (without it: uv, and pip where uv cannot be had)
#   UV_DEFAULT_INDEX  for uv behind a council's own index; pip goes by its own configuration
#   ARGS="…"          handed on to `dp serve` and pytest;  SIZE=small  handed on to the benchmarks

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check bench fuzz house conserve plants lock stop clean clean-data

UV_VERSION := 0.13.9
UV := .tools/uv-$(UV_VERSION)/bin/uv
SETUP ?= auto
WORKERS ?= 2
PIP := python3 -m pip --disable-pip-version-check --quiet
PEER := 'django-hordak==2.0.0' 'psycopg[binary]==3.3.9'
CONSERVE := --kills 10000 --database-kills 1000 --cuts 10000 --mutations 10000000
STOP := import pathlib, sys; from services.shared import embedded; \
	server = embedded.running(pathlib.Path(sys.argv[1])); server and embedded.stop(server)
LOCKS := pyproject.toml uv.lock requirements.lock

export UV_PYTHON_DOWNLOADS := never
# Compiled once at set-up and kept: a start takes two seconds, and five where each one compiles everything again.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.full ## install everything, tests and checks included

run: .venv/.runtime ## start the three services, their database and the demo county
	@exec .venv/bin/dp serve $(ARGS)

test: .venv/.full ## run the tests
	@.venv/bin/python -m pytest -q -n $(WORKERS) $(ARGS)

check: .venv/.full ## formatting, lint, types and the order of the floors
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: .venv/.full ## measure; SIZE=small for a short run, PEERS=1 beside django-hordak
	@$(if $(PEERS),[ -d .peers/hordak ] || $(PIP) install --root-user-action=ignore --target .peers $(PEER))
	@.venv/bin/python -m benchmarks $(if $(SIZE),--size $(SIZE))

house: .venv/.full ## show the house in figures: lengths, knots, repetitions, files that a request enters
	@.venv/bin/python -m tests.architecture.house

fuzz: .venv/.full ## call every operation in every role, 30,000 times (ARGS="--calls 1000 --seed 2" for others)
	@.venv/bin/python -m tests.fuzz $(ARGS)

conserve: .venv/.full ## prove at length that nothing is lost or doubled (hours; ARGS="--kills 100" for less)
	@.venv/bin/python -m tests.conservation $(or $(ARGS),$(CONSERVE))

plants: .venv/.full ## plant known bugs one after the other, and show which tests catch each (ARGS="gathering" for some)
	@.venv/bin/python -m tests.plants $(ARGS)

lock: $(UV) ## renew uv.lock from pyproject.toml, and requirements.lock from it
	$(UV) lock
	$(UV) export --quiet --frozen --all-groups --no-emit-project --no-header --format requirements-txt \
		--output-file requirements.lock

stop: ## stop the embedded database (a later `make run` starts it again)
	@python3 -c '$(STOP)' "$${DP_DATA_DIR:-.data}"

clean: stop ## remove what set-up, tests and checks made; the data stay
	@rm -rf .venv .tools .peers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -e "$${DP_DATA_DIR:-.data}" ]; then \
		echo "$${DP_DATA_DIR:-.data} is kept: it holds the data, their keys and seals (make clean-data removes it)"; fi

clean-data: stop ## stop the embedded database and remove the data for good
	@rm -rf "$${DP_DATA_DIR:-.data}"

# The stamps stand in .venv, so that a second `make run` costs nothing and a removed .venv is made again.
.venv/.runtime: $(LOCKS)
	@$(call install,--no-default-groups --inexact)
	@touch $@

.venv/.full: $(LOCKS)
	@$(call install,)
	@touch .venv/.runtime $@

# `pip --target` needs neither root nor a virtual environment, and Debian's PEP 668 guard does not stand in its way.
$(UV):
	@$(PIP) install --root-user-action=ignore --target '.tools/uv-$(UV_VERSION)' 'uv==$(UV_VERSION)'

# The second try is for a proxy that inspects TLS, whose certificate only the system's store knows.
# uv is not a prerequisite of the stamps, since set-up goes on without it; pip always installs the whole lock.
define install
if [ "$(SETUP)" != pip ] && { [ -x $(UV) ] || $(MAKE) --no-print-directory $(UV); } \
	&& { $(UV) sync --quiet --frozen $(1) 2>/dev/null || UV_SYSTEM_CERTS=true $(UV) sync --quiet --frozen $(1); }; then \
	echo "set up with uv"; \
elif [ "$(SETUP)" != uv ]; then \
	echo "setting up with pip (half a minute)"; \
	[ -x .venv/bin/python ] || python3 -m venv --without-pip .venv; \
	$(PIP) --python .venv/bin/python install --require-hashes --requirement requirements.lock; \
	$(PIP) --python .venv/bin/python install --no-deps --editable .; \
	echo "set up with pip"; \
else exit 1; fi
endef
