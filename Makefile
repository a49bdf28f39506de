# The two commands of the README are `make demo` and `make test`; everything else is for people who work on mlassay.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
DIR    ?= demo
JOBS   ?= auto

.PHONY: help setup tools light-tools demo test test-ci portable dist check lint types floors docs format lock pin benchmarks clean

help:            ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

setup: $(VENV)/.ready ## .venv from the lock file, with hashes

$(VENV)/.ready: requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mlassay needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@echo "Setting up $(VENV) (a minute or two, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

tools:           ## all that the tests use beside Python: act, Gitea, Chromium, … (minutes, once)
	@$(PYTHON) -m tests.tools.install

light-tools:     # what `make test` uses: bubblewrap, strace, a C compiler, ssh-keygen, openssl
	@$(PYTHON) -m tests.tools.install light

demo: setup      ## plays one whole release in a new folder (make demo DIR=…)
	@$(BIN)/mlassay demo --dir "$(DIR)"

test: setup light-tools ## every test but those of test-ci
	@$(BIN)/python -m pytest -n $(JOBS) -m "not ci_extension"

test-ci: setup tools ## the CI extension, on real systems: runners, forges, browsers
	@$(BIN)/python -m pytest -n $(JOBS) -m ci_extension

# What needs no training; on Windows, where mlassay itself only says that it belongs into WSL, what is pure.
# A tool that exists on Linux alone is skipped here and failed there, so CI is unset.
PORTABLE := $(addprefix tests/,case config evidence files forges gates git manifest model plan policy render signers \
	statistics test_ci.py test_digest.py test_platform.py)
PORTABLE := $(if $(filter Windows_NT,$(OS)),tests/statistics tests/test_digest.py tests/test_platform.py,$(PORTABLE))

portable: setup  ## the tests that also hold on macOS and Windows
	@env -u CI $(BIN)/python -m pytest -n $(JOBS) -rs -m "not ci_extension" $(PORTABLE)

dist: setup      ## the wheel and the source archive, from this commit, with its time
	@rm -rf dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build -d dist

check: setup lint types floors docs ## lint, types, import floors, docs

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types:
	@$(BIN)/mypy

floors:
	@$(BIN)/lint-imports

docs:            ## the docs against the code
	@$(BIN)/python -m pytest tests/docs

format:          ## let ruff write what `make check` demands
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

LOCKED := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml

lock: setup      ## lock files anew (needs uv)
	$(LOCKED) --extra gates --extra keyless --extra timestamps --group dev -o requirements/dev.lock --upgrade
	$(LOCKED) --extra keyless --extra timestamps -c requirements/dev.lock -o requirements/light.lock
	$(LOCKED) --extra gates -c requirements/dev.lock -o requirements/gates.lock

pin:             ## point our own workflows and the template at this commit's actions
	@python3 actions/pin.py

benchmarks: setup ## ratios against the tools that people would use instead
	@$(BIN)/python benchmarks/bias.py
	@$(BIN)/python benchmarks/pipeline.py
	@$(BIN)/python benchmarks/ci.py

clean:
	rm -rf $(VENV) demo
