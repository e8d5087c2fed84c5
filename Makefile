# `make` lists what there is to do. A target installs what it needs into .venv, once.

PYTHON ?= $(shell scripts/find_python)
# Handed to the program or the tool: make run ARGS="--port 4000", make test ARGS="tests/test_project.py -k secret".
ARGS ?=

BIN := .venv/bin
# Of its own: what makes packages is no business of the tests, and Debian 11 has another one in the same folder.
DIST_VENV ?= .venv-dist
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help run dev test check lint format format-check typecheck imports workflows secrets bench export-spec completions \
	npm-package torture dist dist-again dist-collect dist-debian11 test-binary hooks-install hooks-uninstall lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# What failed, that is: a run that was interrupted or broken off has other exit codes, and says nothing of the rest.
ALONE := { code=$$?; [ $$code = 1 ] || exit $$code; echo "== once more, alone: what failed beside others =="; \
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures=none; }

## ---- installing ----

# The stamp, not the interpreter, tells that the environment is whole: an interrupted run leaves half of one.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "claw-socket needs Python 3.11 or later: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

# The lock serves as constraints, so that a new release of a dependency can't break a quick start.
.venv/.run: .venv/.made pyproject.toml requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-dev.lock -e .
	@touch $@

.venv/.dev: .venv/.made pyproject.toml requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/.run $@

# What is shipped is made of what the lock has the hashes of. Without debug information, which would say where it was built.
# What building needs in its turn is there before, so that no build fetches anything that the lock does not know.
$(DIST_VENV)/.made: requirements-dist.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "claw-socket needs Python 3.11 or later: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@[ "$$(uname)" != Linux ] || pkg-config --exists libsystemd \
		|| { echo "this needs the headers of libsystemd: apt install libsystemd-dev pkg-config" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(DIST_VENV)
	awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' requirements-dist.lock >$(DIST_VENV)/setuptools.txt
	$(DIST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(DIST_VENV)/setuptools.txt
	CFLAGS="-O2 -g0" $(DIST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --use-pep517 --no-build-isolation \
		--no-cache-dir --require-hashes -r requirements-dist.lock
	@touch $@

lock: ## Resolve the locks again (ARGS=--upgrade takes new releases)
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	UV_CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--group dev --no-annotate $(ARGS) --output-file requirements-dev.lock pyproject.toml
	UV_CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--group dist --no-annotate --generate-hashes $(ARGS) --constraint requirements-dev.lock \
		--output-file requirements-dist.lock pyproject.toml

## ---- running ----

run: .venv/.run ## Serve ws://localhost:3838
	@exec $(BIN)/claw-socket $(ARGS)

dev: .venv/.dev ## Serve, and restart when the code changes
	@exec $(BIN)/watchfiles --filter python "$(BIN)/python -m clawsocket $(ARGS)" clawsocket

hooks-install: .venv/.run ## Install the hooks in Claude Code's settings
	@$(BIN)/claw-socket --install-hooks

hooks-uninstall: .venv/.run ## Remove them
	@$(BIN)/claw-socket --uninstall-hooks

bench: .venv/.dev ## Measure, against the budgets
	@$(BIN)/python benchmarks/run.py $(ARGS)

export-spec: .venv/.dev ## Write the contract, asyncapi/, and the client's types, from the code
	@$(BIN)/python -m scripts.export_spec

npm-package: .venv/.dev ## Pack the JavaScript client for npm, in build/npm
	@$(BIN)/python -m scripts.npm_package

completions: .venv/.dev ## Write what shells complete the command line by, from the code
	@$(BIN)/python -m scripts.export_completions

torture: .venv/.dev ## Kill the service 500 times while it is fed, and look whether anything is lost
	@$(BIN)/python -m tests.support.torture $(ARGS)

## ---- shipping ----

SHIPPED := requirements-dist.lock build.spec CHANGELOG.md LICENSE README.md pyproject.toml \
	$(shell find clawsocket packaging scripts/dist scripts/frozen -type f -not -name '*.pyc')

# The sums are written last: if they are newer than what all is made of, all is there.
dist/SHA256SUMS: $(SHIPPED)
	@$(MAKE) --no-print-directory $(DIST_VENV)/.made
	$(DIST_VENV)/bin/python -m scripts.dist all

dist: dist/SHA256SUMS ## Make all that is shipped, in dist/: packages, binaries, sums (they need this machine's glibc)

dist-collect: $(DIST_VENV)/.made # for a release: sums, formula and install script of downloads from several machines
	$(DIST_VENV)/bin/python -m scripts.dist collect

dist-debian11: ## The same in a Debian 11, for all since glibc 2.31, as a release is made (needs root, and time)
	rm -f dist/SHA256SUMS
	packaging/debian11.sh make --no-print-directory dist DIST_VENV=.venv-debian11 PYTHON=/opt/python/bin/python3

dist-again: dist/SHA256SUMS ## Make all that again from a clone in another folder: the sums must be the same
	rm -rf .scratch/again
	git clone --quiet . .scratch/again
	$(MAKE) --no-print-directory --directory .scratch/again dist PYTHON=$(PYTHON)
	diff dist/SHA256SUMS .scratch/again/dist/SHA256SUMS && echo "Both are the same, byte for byte."

# The end-to-end tests, but for what the binary has not, Textual and other encodings than UTF-8, and what copies its file
# alone or writes to it while it runs.
BINARY_TESTS := tests/binary tests/e2e tests/integration tests/cli tests/setup/test_keyring.py
SOURCE_ALONE := test_watch or without_colours or (line_by_line and tail) or installed_twice or \
	another_program_has_taken_over or the_terminal_does_not_have

test-binary: .venv/.dev dist/SHA256SUMS ## Run the end-to-end tests against the binary, and try the packages in a Debian without Python
	@echo "== tests of the binary =="
	@export CLAW_SOCKET_TEST_BINARY=$(CURDIR)/build/binary/claw-socket/claw-socket; $(BIN)/python -m pytest \
		$(if $(ARGS),$(ARGS),--numprocesses=3 --dist=loadfile $(BINARY_TESTS) -k "not ($(SOURCE_ALONE))" || $(ALONE))

## ---- checking ----

# One after the other, all of them even if one fails; the tests come last, so that their result ends the output.
check: .venv/.dev ## Everything that must pass before a change goes in
	@$(MAKE) --no-print-directory --keep-going --jobs=1 lint format-check typecheck imports workflows secrets test-binary test

lint: .venv/.dev ## Find mistakes
	@echo "== lint =="
	@$(BIN)/ruff check .

format: .venv/.dev ## Format the code, and mend what can be mended
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

format-check: .venv/.dev
	@echo "== format =="
	@$(BIN)/ruff format --check .

typecheck: .venv/.dev ## Check the types
	@echo "== types =="
	@$(BIN)/mypy

imports: .venv/.dev ## Check who imports whom
	@echo "== imports =="
	@$(BIN)/lint-imports --no-logo

workflows: .venv/.dev ## Check the workflow of the public host
	@echo "== workflows =="
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github/workflows

# The public host runs Gitleaks itself. Here it runs where it is installed, and its own rules of this project run always.
secrets: .venv/.dev ## Look for secrets in the files and the history
	@echo "== secrets =="
	@$(BIN)/python scripts/check_secrets.py
	@if command -v gitleaks >/dev/null; then gitleaks git --no-banner --redact .; fi

# Coverage is of the whole suite, so it isn't asked of a part. Most tests wait for something, so there are more processes
# than CPUs on a small machine. What fails beside others is told, and tried once more with the machine to itself.
test: .venv/.dev ## Run the tests (with coverage, unless ARGS names some)
	@echo "== tests =="
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--numprocesses=3 --dist=worksteal --cov --cov-report=term || $(ALONE))

clean: ## Remove what can be made again
	rm -rf .venv .venv-* build dist .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .scratch
	find clawsocket tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
