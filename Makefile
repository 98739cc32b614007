# Every target builds .venv in the checkout when it is missing.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# One thread of linear algebra: small matrices gain nothing from more, and results do not depend on the machine.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: install peers conformance test test-fast check lint types contracts dependencies docs demo bench clean

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

install: $(VENV)/.installed

# Validators of other people's formats, which ask for older packages than ours.
.venv-conformance/.installed: tests/labctl/exchange/conformance.txt
	test -x .venv-conformance/bin/python || $(PYTHON) -m venv .venv-conformance
	.venv-conformance/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

conformance: .venv-conformance/.installed

# Other people's optimizers, for benchmarks/optimizers.py alone: more than a gigabyte.
.venv-peers/.installed: benchmarks/peers.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

peers: .venv-peers/.installed

# A module stays in one process, so that what its tests share is made once; those with slow tests begin.
test: install conformance
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/docs

test-fast: install
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow"

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

contracts: install
	$(BIN)/lint-imports

dependencies: install
	$(BIN)/deptry .

# Every code block of the README and the pages is run.
docs: install
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/docs

check: lint types contracts dependencies test docs

demo: install
	$(BIN)/labctl demo

bench: install
	for name in schedule dispatch rehearsal overhead records explain foresight supervisor fault_matrix kills soak wire optimizers; do $(BIN)/python benchmarks/$$name.py || exit 1; done

# Needs a package index: the clients of others come from there, into a temporary folder.
fidelity: install
	$(BIN)/python benchmarks/fidelity.py
	$(BIN)/python benchmarks/clients.py

clean:
	rm -rf $(VENV) .venv-conformance .venv-peers .mypy_cache .ruff_cache .pytest_cache
