# `make demo` and `make test` set up what they need; both are quick when it is there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A second environment, for a Python that has no NumPy 1.
PYTHON313 ?= python3.13
VENV313 ?= .venv313
# A third one with NumPy 2 and spatialdata.
VENV_SPATIALDATA ?= .venv-spatialdata
PIP_INSTALL := -m pip install --retries 10 --quiet --disable-pip-version-check -c constraints.txt
PIP := $(BIN)/python $(PIP_INSTALL)
# Small problems are slower on several threads.
export OMP_NUM_THREADS ?= 1

# A Python that has the package, and a torch that sees the GPU.
GPU_PYTHON ?= $(BIN)/python

# What R needs to find the package and its Python.
R_LIBRARY := $(abspath $(VENV))/R-library
R_ENV := R_LIBS=$(R_LIBRARY) RETICULATE_PYTHON=$(abspath $(VENV))/bin/python
# The vignettes are built with the tarball; R CMD check runs their code again.
R_CHECK_OPTIONS ?= --no-manual --no-build-vignettes
R_SOURCES := DESCRIPTION NAMESPACE $(wildcard R/*.R) $(wildcard inst/*)

.PHONY: help demo demo-python demo-r test test-python test-r test-spatialdata test-hostile
.PHONY: test-seurat5 test-seurat5-python313 bare-debian check check-r architecture benchmark
.PHONY: gpu-check clean
help:
	@echo 'make demo          simulate omics, find their domains, write figures to demo/: from Python,'
	@echo '                   and from Seurat where R has it (demo-python, demo-r: one of them)'
	@echo 'make test          run the tests (test-python, test-r: some of them)'
	@echo 'make test-spatialdata'
	@echo '                   run those of SpatialData, in an environment that has NumPy 2'
	@echo 'make test-hostile  read twenty thousand damaged inputs, and kill fifty runs'
	@echo 'make test-seurat5  run those of R in a Debian 13 with R 4.5 and Seurat 5 (needs root)'
	@echo 'make test-seurat5-python313'
	@echo '                   the same on the Python 3.13 that PYTHON313 names, with NumPy 2'
	@echo 'make bare-debian   type README'\''s lines for R in a Debian 12 that has nothing (root)'
	@echo 'make check         check style, types, order of imports, docs/architecture.md, and the examples'
	@echo '                   in the documentation'
	@echo 'make check-r       build the R package with its vignettes, and check it'
	@echo 'make architecture  write the tables of docs/architecture.md and draw its figure, from the code'
	@echo 'make benchmark     score the presets beside bio-SMART'
	@echo 'make gpu-check     compare a GPU with the CPU, and take its time beside bio-SMART; GPU_PYTHON names'
	@echo '                   another Python, whose torch sees the GPU; no GPU: nothing to do'
	@echo 'make clean         remove the virtual environment and what was made'

demo: demo-python
	@if sh tools/setup_r.sh look; then $(MAKE) --no-print-directory demo-r; \
	else echo 'The R way needs R and Seurat: make demo-r installs or names what is missing.'; fi

demo-python: $(VENV)/.run
	$(BIN)/smartcore demo -o demo --force

demo-r: $(VENV)/.r
	$(R_ENV) Rscript tools/demo.R demo

test: test-python
	$(MAKE) --no-print-directory test-r

test-python: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-r: $(VENV)/.r
	cd tests && $(R_ENV) SMART_REQUIRE_PYTHON=true NOT_CRAN=true Rscript ../tools/test_r.R

# No bridge to R in that environment: what is compared with R is compared in the other.
test-spatialdata: $(VENV_SPATIALDATA)/.test
	SMART_REQUIRE_R= SMART_REQUIRE_SPATIALDATA=true $(VENV_SPATIALDATA)/bin/python -m pytest -n 2 -m spatialdata

test-hostile: $(VENV)/.test
	SMART_HOSTILE=10 $(BIN)/python -m pytest -n 2 tests/python/test_hostile.py
	$(BIN)/python tools/kill_runs.py --fills $$(if [ "$$(id -u)" = 0 ]; then echo 10; else echo 0; fi)

test-seurat5: $(VENV)/.test
	sh tools/seurat5.sh $(BIN)/python

test-seurat5-python313: $(VENV313)/.run
	sh tools/seurat5.sh $(VENV313)/bin/python

bare-debian:
	sh tools/bare_debian.sh

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/architecture --check
	$(BIN)/python -m pytest --doctest-modules python/smartcore

check-r: $(VENV)/.test
	sh tools/setup_r.sh check
	rm -rf build/r
	$(R_ENV) SMART_REQUIRE_PYTHON=true sh tools/build_r.sh --vignettes build/r
	$(R_ENV) SMART_REQUIRE_PYTHON=true sh tools/check_r.sh build/r/SpatialSMART_*.tar.gz $(R_CHECK_OPTIONS)

architecture: $(VENV)/.test
	$(BIN)/python tools/architecture

benchmark: $(VENV)/.test
	$(BIN)/python benchmarks/published.py

gpu-check: $(if $(filter $(BIN)/python,$(GPU_PYTHON)),$(VENV)/.test)
	env -u OMP_NUM_THREADS PYTHONPATH=python $(GPU_PYTHON) tools/gpu_check.py

clean:
	rm -rf $(VENV) $(VENV313) $(VENV_SPATIALDATA) demo build

$(VENV)/bin/python:
	sh tools/make_venv.sh $(PYTHON) $(VENV)

$(VENV313)/bin/python:
	sh tools/make_venv.sh $(PYTHON313) $(VENV313)

$(VENV_SPATIALDATA)/bin/python:
	sh tools/make_venv.sh $(PYTHON) $(VENV_SPATIALDATA)

# torch by itself: CPU builds are found by its exact version.
$(VENV)/.run $(VENV313)/.run: %/.run: pyproject.toml constraints.txt %/bin/python
	$*/bin/python $(PIP_INSTALL) torch==2.13.0
	$*/bin/python $(PIP_INSTALL) -e .
	touch $@

# bio-SMART pins versions of its own that nothing else can live with.
$(VENV)/.test: $(VENV)/.run tools/setup_r.sh
	sh tools/setup_r.sh || echo 'Tests that compare with R are skipped where it is not.'
	$(PIP) --group dev
	if command -v R >/dev/null; then $(PIP) -e '.[r]'; fi
	$(PIP) --no-deps bio-SMART==0.1.2 harmony-pytorch==0.1.8
	touch $@

$(VENV)/.r: $(VENV)/.run $(R_SOURCES) tools/setup_r.sh
	sh tools/setup_r.sh
	mkdir -p $(R_LIBRARY)
	R CMD INSTALL --no-test-load --library=$(R_LIBRARY) . >$(VENV)/R-install.log 2>&1 || \
		{ cat $(VENV)/R-install.log; exit 1; }
	touch $@

# The pins of constraints.txt, but with the NumPy that later Pythons get.
$(VENV_SPATIALDATA)/.test: pyproject.toml constraints.txt $(VENV_SPATIALDATA)/bin/python
	sed '/^numpy==1/d; s/^\(numpy==2[^;]*\);.*/\1/' constraints.txt > $(@D)/constraints.txt
	$(@D)/bin/python $(subst constraints.txt,$(@D)/constraints.txt,$(PIP_INSTALL)) torch==2.13.0
	$(@D)/bin/python $(subst constraints.txt,$(@D)/constraints.txt,$(PIP_INSTALL)) -e . --group spatialdata
	touch $@
