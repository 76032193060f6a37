# Each target makes .venv first when it is missing. `make repro PROFILE=smoke` runs another profile.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROFILE ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

# `make VENV=done ...` uses the environment that is active instead.
VENV ?= .venv/.installed

.PHONY: install repro test lab docs readme notebooks
install: $(VENV)

.venv/.installed: settings.ini setup.py
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check "setuptools<81" wheel
	.venv/bin/pip install --quiet --disable-pip-version-check -e '.[train,workbook,dev]'
	touch $@

repro: $(VENV)
	$(if $(PROFILE),alpr-nb params profile=$(PROFILE))
	dvc repro

test: $(VENV)
	nbdev_test --n_workers 2 --do_print
	pytest

lab: $(VENV)
	jupyter lab nbs

docs: $(VENV)
	nbdev_docs

readme: $(VENV)
	jupyter nbconvert --log-level ERROR --to markdown nbs/index.ipynb --output-dir . --output README

notebooks: $(VENV)
	nbdev_clean
	nbdev_export

done:
