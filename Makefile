# `make demo` and `make test` set up what they need; both are quick when it is there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Small problems are slower on several threads.
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test check benchmark clean
help:
	@echo 'make demo       simulate three omics, find their tissue domains, write figures to demo/'
	@echo 'make test       run the tests'
	@echo 'make check      run the linter, the type checker and the examples in the documentation'
	@echo 'make benchmark  score the published preset beside bio-SMART'
	@echo 'make clean      remove the virtual environment and what was made'

demo: $(VENV)/.run
	$(BIN)/smartcore demo -o demo --force

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --doctest-modules python/smartcore

benchmark: $(VENV)/.test
	$(BIN)/python benchmarks/published.py

clean:
	rm -rf $(VENV) demo

$(VENV)/bin/python:
	sh tools/make_venv.sh $(PYTHON) $(VENV)

# torch by itself: CPU builds are found by its exact version.
$(VENV)/.run: pyproject.toml constraints.txt $(VENV)/bin/python
	$(PIP) torch==2.13.0
	$(PIP) -e .
	touch $@

# bio-SMART pins versions of its own that nothing else can live with.
$(VENV)/.test: $(VENV)/.run tools/get_mclust.sh
	sh tools/get_mclust.sh
	$(PIP) --group dev
	if command -v R >/dev/null; then $(PIP) -e '.[r]'; fi
	$(PIP) --no-deps bio-SMART==0.1.2 harmony-pytorch==0.1.8
	touch $@
