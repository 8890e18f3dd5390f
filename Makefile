# `make quickstart` and `make test` each set up all that they need.

PYTHON ?= python3
BIN := .venv/bin
export KASHIF_SEEDS ?= $(wildcard ../shared/seeds)
export KASHIF_DATA ?= $(wildcard ../shared/benchmarks)

.PHONY: quickstart test test-slow lint clean

quickstart: .venv/done
	$(BIN)/kashif corpus check annotations/seeds annotations/newsroom
	$(BIN)/kashif train train/quickstart.yaml
	$(BIN)/kashif score models/quickstart eval/heldout.yaml
	$(BIN)/kashif predict eval/example.txt --model models/quickstart --format table
	$(BIN)/kashif predict eval/example.txt --model models/quickstart --format html --output models/quickstart/example.html

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest # the models are too small for more

test-slow: .venv/done # and the property tests once more, on examples that nobody has seen
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -m 'hypothesis and not slow' --hypothesis-profile fresh

lint: .venv/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline,openvino,onnx,export,dev]'
	touch $@

clean:
	rm -rf .venv models/quickstart
