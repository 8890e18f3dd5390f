# `make quickstart` and `make test` each set up all that they need.

PYTHON ?= python3
BIN := .venv/bin
export KASHIF_SEEDS ?= $(wildcard ../shared/seeds)
export KASHIF_DATA ?= $(wildcard ../shared/benchmarks)

# How much `make stress` does: hours with these numbers (docs/reliability.md)
READERS ?= 10000000
PREDICT ?= 20000
KILLS ?= 40
FLIPS ?= 20
DOCUMENTS ?= 100000

.PHONY: quickstart test test-slow test-tools stress audit docs lint clean

quickstart: .venv/done
	$(BIN)/kashif corpus check annotations/seeds annotations/newsroom
	$(BIN)/kashif train train/quickstart.yaml
	$(BIN)/kashif score models/quickstart eval/heldout.yaml
	@echo "the same with news, the model that comes with Kashif:"
	$(BIN)/kashif score news eval/heldout.yaml
	$(BIN)/kashif predict eval/example.txt --model models/quickstart --format table
	$(BIN)/kashif predict eval/example.txt --model models/quickstart --format html --output models/quickstart/example.html

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest # the models are too small for more

test-slow: .venv/done # and the property tests once more, on examples that nobody has seen
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -m 'hypothesis and not slow and not stress and not tools' --hypothesis-profile fresh

test-tools: .venv-tools/done # formats against the packages of the tools that they are of
	OMP_NUM_THREADS=1 .venv-tools/bin/python -m pytest -m tools -rs tests/tools

stress: .venv/done .venv-stress/done
	STRESS_KILLS=$(KILLS) STRESS_FLIPS=$(FLIPS) STRESS_DOCUMENTS=$(DOCUMENTS) STRESS_PREDICT=$(PREDICT) OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -m stress -rP tests/stress
	.venv-stress/bin/python tests/stress/fuzz_readers.py .venv-stress/corpus -runs=$(READERS) -max_len=2048

audit: .venv-stress/done # of the versions that are pinned; one that could not be looked up is a failure
	.venv-stress/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

docs: .venv-docs/done # the site, in site/
	.venv-docs/bin/mkdocs build --strict --clean

lint: .venv/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline,openvino,onnx,export,dev]'
	touch $@

.venv-stress/done: constraints.txt # atheris has wheels for Linux; elsewhere it needs clang
	$(PYTHON) -m venv .venv-stress
	.venv-stress/bin/python -m pip install --quiet --constraint constraints.txt numpy pydantic PyYAML regex
	.venv-stress/bin/python -m pip install --quiet atheris==3.0.0 pip-audit
	touch $@

# What is in .venv is seen from .venv-tools too, torch among it; only what the tools add is installed.
.venv-tools/done: tests/tools/requirements.txt .venv/done
	$(PYTHON) -m venv --clear .venv-tools
	.venv-tools/bin/python -m pip install --quiet --no-deps --requirement tests/tools/requirements.txt
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> $$(.venv-tools/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/kashif.pth
	touch $@

.venv-docs/done: Makefile
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet mkdocs==1.6.1 mkdocs-material==9.6.14
	touch $@

clean:
	rm -rf .venv .venv-stress .venv-docs .venv-tools site models/quickstart
