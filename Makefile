# The bench. `make demo` and `make test` need python3 (3.11 or later) with venv, and nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench format sessions docs lock clean

demo: .venv/ready
	$(BIN)/vaultdash demo --out demo-out

test: .venv/ready
	$(BIN)/python -m pytest

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

# The peers are a user's choice, so they are not in requirements.lock.
bench: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check QuantLib
	$(BIN)/python -m bench

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes the declared trading sessions again; commit what changes.
sessions: .venv/ready
	$(BIN)/python -m tools.write_sessions

# Writes docs/cli.md and the transcripts of README.md again.
docs: .venv/ready
	COLUMNS=100 $(BIN)/python -m tools.write_cli_reference
	COLUMNS=100 $(BIN)/python -m tools.write_transcripts

# Writes requirements.lock again; needs uv.
lock:
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --quiet \
		--group dev pyproject.toml -o requirements.lock

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "VaultDash needs Python 3.11 or later; this is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch .venv/ready

clean:
	rm -rf .venv build dist demo-out
