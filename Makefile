# Each target first creates .venv if it is missing. `make repro` runs the profile
# that conf/config.yaml names, and `make repro PROFILE=smoke` another one.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROFILE ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

# `make VENV=done ...` uses the active environment instead.
VENV ?= .venv/.installed

.PHONY: install repro test test-fast test-long fuzz lab docs readme notebooks ci-report ci-comment ci-release ci-data
install: $(VENV)

.venv/.installed: settings.ini setup.py
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check "setuptools<81" wheel
	.venv/bin/pip install --quiet --disable-pip-version-check -e '.[train,workbook,dev]'
	# yolov5 installs opencv-python, which needs libraries of a desktop. Both packages write the folder cv2: install headless last.
	.venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $$(grep -o 'opencv-python-headless==[0-9.]*' settings.ini)
	touch $@

repro: $(VENV)
	alpr-nb params $(if $(PROFILE),profile=$(PROFILE))
	dvc repro

# Tests run in two processes with one thread each, because most tests wait for commands that they start.
test test-fast test-long: export OMP_NUM_THREADS := 1
PYTEST := pytest -n 2 --dist loadfile

# Everything but the tests marked `long`: at most 12 minutes on two cores.
test: $(VENV)
	nbdev_test --n_workers 2 --do_print
	$(PYTEST)

# Without browsers, installations, trainings and DVC: at most 3 minutes on two cores.
test-fast: $(VENV)
	nbdev_test --n_workers 2 --skip_folder_re '^([_.]|training$$)'
	$(PYTEST) -m 'not (browser or install or train or graph or long)'

# What `test` leaves out: more examples for each hypothesis test, parity, load, and every command of the docs in a fresh clone.
test-long: $(VENV)
	$(PYTEST) -m 'hypothesis or long' --hypothesis-profile=long
	.ci/newcomer $(NEWCOMER)

lab: $(VENV)
	jupyter lab --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate nbs

# Damaged inputs for MINUTES minutes, each time others; `make test` tries the same ones in half a minute.
MINUTES ?= 60
fuzz: export OMP_NUM_THREADS := 1
fuzz: $(VENV)
	end=$$(( $$(date +%s) + 60*$(MINUTES) )); while [ $$(date +%s) -lt $$end ]; do \
	  pytest -x tests/project/test_fuzz.py --hypothesis-profile=long --hypothesis-seed=$$(date +%s) || exit 1; done

docs: $(VENV)
	alpr-nb docs

# Links in a notebook are relative to nbs/, those in a README to this folder.
readme: $(VENV)
	jupyter nbconvert --log-level ERROR --to markdown nbs/index.ipynb --output-dir . --output README
	jupyter nbconvert --log-level ERROR --to markdown nbs/pt.ipynb --output-dir . --output README.pt
	sed -i -E 's#\]\(pt\.ipynb\)#](README.pt.md)#g; s#\]\(index\.ipynb\)#](README.md)#g; s#\]\((images/|(\w+/)*\w+\.ipynb)#](nbs/\1#g' README.md README.pt.md

notebooks: $(VENV)
	nbdev_clean
	nbdev_export

# The steps of .github/workflows. `make ci-report BASE=main OVERRIDES='train.tasks.cr.epochs=2'` leaves reports/ci/report.md.
# The smoke profile shows that everything runs. REPORT_PROFILE=quick trains readers that can be compared.
BASE ?= main
REPORT_PROFILE ?= smoke
ci-report: $(VENV)
	BASE='$(BASE)' PROFILE='$(REPORT_PROFILE)' OVERRIDES='$(OVERRIDES)' .ci/report

ci-comment:
	if command -v cml > /dev/null; then cml comment create reports/ci/report.md; else cat reports/ci/report.md; fi

# `make ci-release TAG=truck@v1.0.0` leaves the verified bundle and its model card in dist/models.
ci-release: $(VENV)
	rm -rf dist/models && mkdir -p dist/models
	alpr-nb fetch '$(firstword $(subst @, ,$(TAG)))' --version '$(lastword $(subst @, ,$(TAG)))' --out dist/bundle
	alpr-nb card dist/bundle --out 'dist/models/$(TAG).html'
	tar -C dist -czf 'dist/models/$(TAG).tar.gz' bundle

ci-data: $(VENV)
	dvc pull --allow-missing
	dvc repro --pull --allow-missing

done:
