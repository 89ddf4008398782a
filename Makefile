# make demo    a simulated press travels the whole path; needs no hardware and no settings
# make test    the test suite
# All else (lint, types, benchmarks, ...) is for people who change flicbridge.

VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
SOURCES = flicbridge tests benchmarks examples
PYTEST_ARGS ?=

# The tests start flicbridge hundreds of times: it is compiled once, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test e2e lint types check format texts lock fuzz chaos benchmarks dist deb packages systemd clean

demo: $(READY)
	$(BIN)/flicbridge simulate examples/scenarios/aggression.toml

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(READY)
	$(BIN)/mypy

check: lint types test

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Real BlueZ in a QEMU guest, real alerts: five minutes. E2E_ACCEL=kvm where that works.
e2e: $(READY)
	$(BIN)/python -m tests.e2e.prepare
	$(BIN)/python -m pytest tests/e2e --maxfail 3 --junit-xml build/e2e/results.xml $(PYTEST_ARGS)

# A minute of hostile bytes against the button session.
FUZZ_SECONDS ?= 60
fuzz: $(READY)
	$(BIN)/python tests/fuzz/fuzz_flic2_session.py $(FUZZ_SECONDS)

# Thousands of killed bridges, a lost power line, and what became of the presses: ten minutes, Linux only.
# CHAOS=short for a minute's worth.
CHAOS ?=
chaos: $(READY)
	CHAOS=$(CHAOS) $(BIN)/python -m tests.chaos

benchmarks: $(READY)
	$(BIN)/python benchmarks/press_to_wire.py
	$(BIN)/python benchmarks/reconnect.py
	$(BIN)/python benchmarks/outbox.py
	$(BIN)/python benchmarks/footprint.py

# The translation catalogue: collect the texts from the code, merge them, compile.
LOCALE = flicbridge/texts/locale
texts: $(READY)
	mkdir -p build
	$(BIN)/pybabel -q extract --project flicbridge --version "" --add-location file --width 110 \
	    --output-file build/flicbridge.pot flicbridge
	$(BIN)/pybabel -q update --domain flicbridge --input-file build/flicbridge.pot --output-dir $(LOCALE) \
	    --width 110 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile --domain flicbridge --directory $(LOCALE)

# Newer versions of what we depend on. The lock files name versions and hashes, and no registry.
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-header
lock: $(READY)
	$(LOCK) pyproject.toml -o .ci/lock/core.txt
	$(LOCK) --all-extras --group dev pyproject.toml -o .ci/lock/dev.txt

# Wheel and sdist.
dist: $(READY)
	$(BIN)/python -m hatchling build

# The Debian package for Debian 13 and Raspberry Pi OS of that base. ARCH=arm64 for a Raspberry Pi, from any machine.
ARCH ?=
deb: $(READY)
	PYTHON=$(BIN)/python systemd/debian/build $(ARCH)

# Packages are built, installed, started, upgraded and removed: four minutes, Debian on x86-64, root, debootstrap.
packages: $(READY)
	$(BIN)/python -m pytest tests/packages --ignore tests/packages/booted $(PYTEST_ARGS)

# The package on a Debian that systemd boots, in a QEMU guest with a simulated adapter: four minutes. It needs what
# `packages` and `e2e` need.
systemd: $(READY)
	$(BIN)/python -m tests.e2e.prepare
	$(BIN)/python -m pytest tests/packages/booted -x --junit-xml build/systemd/results.xml $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) .venv-* dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The environment: everything at the versions and with the hashes of the lock file, then flicbridge itself.
$(READY): .ci/lock/dev.txt pyproject.toml .ci/find-python
	@python="$$(.ci/find-python)" && echo "Setting up $(VENV) with $$("$$python" --version)" && \
	    "$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/lock/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
