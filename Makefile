# install · run · test · lint · format · bench · load · docs · words. Everything lives in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests run in so many processes side by side, each with one thread for the model; 0 is this one.
TESTERS ?= 2

.PHONY: install run test lint format bench load docs words clean

install: $(VENV)/.installed

# Reinstalled only when what it is made from changes, so that a second `make run` starts at once.
$(VENV)/.installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Qwen UI needs Python 3.11 or newer. Name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

run: install
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TESTERS) --dist loadfile $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench $(ARGS)

load: $(VENV)/.installed-dev
	$(BIN)/python -m bench.load $(ARGS)

words: $(VENV)/.installed
	$(BIN)/python -m tools.catalogue

docs: $(VENV)/.installed
	$(BIN)/python -m qwen_ui.settings_page

clean:
	rm -rf $(VENV)
