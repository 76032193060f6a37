# Each target makes .venv first when it is missing. `make repro PROFILE=smoke` runs another profile; `dvc repro` takes params.yaml as it is.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROFILE ?= quick
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
	# yolov5 brings OpenCV's windows along, which want libraries of a desktop; both write the same folder, so the plain one goes last
	.venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $$(grep -o 'opencv-python-headless==[0-9.]*' settings.ini)
	touch $@

repro: $(VENV)
	alpr-nb params profile=$(PROFILE)
	dvc repro

# Two files at a time, and one thread for each: most of them wait for commands that they started.
test: export OMP_NUM_THREADS := 1
test: $(VENV)
	nbdev_test --n_workers 2 --do_print
	pytest -n 2 --dist loadfile

lab: $(VENV)
	jupyter lab --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate nbs

docs: $(VENV)
	alpr-nb docs

# Links of a notebook start in nbs/, those of a README here.
readme: $(VENV)
	jupyter nbconvert --log-level ERROR --to markdown nbs/index.ipynb --output-dir . --output README
	jupyter nbconvert --log-level ERROR --to markdown nbs/pt.ipynb --output-dir . --output README.pt
	sed -i -E 's#\]\(pt\.ipynb\)#](README.pt.md)#g; s#\]\(index\.ipynb\)#](README.md)#g; s#\]\((images/|(\w+/)*\w+\.ipynb)#](nbs/\1#g' README.md README.pt.md

notebooks: $(VENV)
	nbdev_clean
	nbdev_export

done:
