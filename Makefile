# Two commands matter: `make book` builds the book, `make test` tests it and the package. `make help` lists the rest.

VENV := .venv
RUN := $(VENV)/bin/
INSTALLED := $(VENV)/.installed

# The tier in which chapters run: fast (minutes, two cores) or full (a GPU).
BRIDGESEG_TIER ?= fast
export BRIDGESEG_TIER

# Test workers. Each runs torch on one thread, so that they do not take the cores from one another.
WORKERS ?= 2
NOTEBOOKS := $(sort $(wildcard book/*.ipynb))
ifneq ($(word 2,$(NOTEBOOKS)),)
SPREAD_NOTEBOOKS := OMP_NUM_THREADS=1
SPREAD_ARGUMENTS := -n $(WORKERS) --dist loadscope
endif

# Whatever the site is made from. `inputs` also changes when a file goes away or the data appear.
SOURCES := $(shell find book bridgeseg -type f ! -name '*.pyc' ! -path '*/.*' 2>/dev/null | LC_ALL=C sort) _config.yml _toc.yml
SITE := _build/html/.complete

.DEFAULT_GOAL := help
.PHONY: help book student test lint unit notebooks lab address prepare bundle unbundle clean force
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

book: $(SITE) ## run the chapters and build _build/html/index.html
	@echo "The book is built: _build/html/index.html"

student: $(INSTALLED) ## make the student's and the teacher's edition of each chapter
	$(RUN)python tests/book/editions.py make

test: lint unit notebooks ## check the style and types, test the package, every notebook and the built site

lint: $(INSTALLED) ## ruff (lint and format) and mypy
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy

unit: $(INSTALLED) $(SITE) ## the tests of the package, of the repository and of the built site
	OMP_NUM_THREADS=1 $(RUN)python -m pytest -q -n $(WORKERS) --dist loadscope tests

notebooks: $(INSTALLED) prepare ## run every cell of every notebook (nbval)
	$(SPREAD_NOTEBOOKS) $(RUN)python -m pytest -q $(SPREAD_ARGUMENTS) --nbval-lax --nbval-current-env \
	    --nbval-cell-timeout=600 $(NOTEBOOKS)

lab: $(INSTALLED) ## open the chapters in JupyterLab
	$(RUN)jupyter lab --notebook-dir=book

address: $(INSTALLED) ## write the address that _config.yml names wherever it is repeated
	$(RUN)python tests/book/repository_address.py --write

prepare: $(INSTALLED) ## train, once, what the chapters load
	@if [ -f bridgeseg/teaching/cache.py ]; then $(RUN)python -m bridgeseg.teaching.cache prepare; fi

BUNDLE ?= _build/bridgeseg-bundle.zip
# Sets of pictures that a bundle leaves out: the photographs are the reader's own, and serve one figure.
WITHOUT ?= photos

bundle: notebooks ## run the chapters, and pack what they train and the real pictures into one file
	@mkdir -p _build
	$(RUN)python -m bridgeseg.teaching.bundle pack "$(BUNDLE)" $(if $(WITHOUT),--without $(WITHOUT))

unbundle: $(INSTALLED) ## put back what a bundle holds: make unbundle BUNDLE=FILE
	$(RUN)python -m bridgeseg.teaching.bundle unpack "$(BUNDLE)"

clean: ## remove what was built (not .venv, not what was trained)
	rm -rf _build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(SITE): $(INSTALLED) $(SOURCES) requirements.txt _build/inputs tests/book/check_site.py
	@$(MAKE) --no-print-directory prepare
	rm -rf _build/html _build/.doctrees
	$(RUN)jupyter-book build . --all -W --keep-going
	@$(RUN)python tests/book/check_site.py _build/html
	@touch $@

_build/inputs: force
	@mkdir -p _build
	@printf '%s\n' "$(BRIDGESEG_TIER) $(BRIDGESEG_DATA) $(BRIDGESEG_WEIGHTS)" $(SOURCES) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The environment: made once, brought up to date when the requirements change. An environment that stands is kept.
$(INSTALLED): requirements.txt pyproject.toml
	@PYTHON="$(PYTHON)" VENV=$(VENV) sh .ci/environment
	@touch $@
