.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHAMPION := models:/cytocast@champion

# variables of the targets below, given as NAME=value on the command line
COHORT ?=
INPUT ?=
OUT ?=
CONFIG ?=
MODEL ?=
OUTCOMES ?=
JOBS ?=
AS_OF ?=
TZ_NAME ?=
FORCE ?=
SEED ?=
PRIOR ?=
PATIENTS ?=
BATCH ?=
NOW ?=
PANEL ?=
MAPPING ?=
EMIT ?=
SPREADSHEET_SAFE ?=
AGAINST ?=
PORT ?=
NEW_KEY ?=
SIGNED_BY ?=
KEY ?=
KEEP ?=
TIMES ?=
FORMAT ?=
STRICT ?=
SHOW_VALUES ?=

export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION := false

train_out = $(or $(OUT),out/$(notdir $(patsubst %/,%,$(COHORT))))
audit_out = $(or $(OUT),out/$(notdir $(patsubst %/,%,$(COHORT)))-audit)
model = $(or $(MODEL),$(CHAMPION))
force = $(if $(filter-out 0 no false,$(FORCE)),--force)
shown = $(if $(filter-out 0 no false,$(SHOW_VALUES)),--show-values)
zone = $(if $(TZ_NAME),--tz "$(TZ_NAME)")
as_of = $(if $(AS_OF),--as-of "$(AS_OF)")
signed = $(if $(SIGNED_BY),--require-signature "$(SIGNED_BY)")
configs = $(foreach file,$(CONFIG),--config "$(file)")
fitting = $(if $(OUTCOMES),--outcomes "$(OUTCOMES)") $(if $(SEED),--seed "$(SEED)") $(if $(JOBS),--jobs "$(JOBS)")

.PHONY: help demo simulate import pseudonymise audit grade train evaluate recalibrate reproduce register promote predict report monitor ui sign serve test lint typecheck faults clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## Run every step once on simulated patients [OUT=out/demo PATIENTS=300 BATCH=25 SEED= NOW= CONFIG="A B" JOBS=]
	@$(BIN)/cytocast demo $(if $(OUT),--out "$(OUT)") $(if $(PATIENTS),--patients "$(PATIENTS)") $(if $(BATCH),--batch "$(BATCH)") $(if $(NOW),--now "$(NOW)") $(configs) $(fitting)

simulate: need-OUT $(READY) ## Write a synthetic cohort: OUT=DIR [PATIENTS=400 SEED=0 BATCH=1 PANEL=research FORCE=1]
	@$(BIN)/cytocast simulate --out "$(OUT)" $(if $(PATIENTS),--patients "$(PATIENTS)") $(if $(SEED),--seed "$(SEED)") $(if $(filter-out 0 no false,$(BATCH)),--batch) $(if $(PANEL),--panel "$(PANEL)") $(force)

grade: need-COHORT need-OUT $(READY) ## Derive ASTCT grades from observations: COHORT=DIR OUT=FILE [CONFIG= TZ_NAME= SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast grade --cohort "$(COHORT)" --out "$(OUT)" $(configs) $(zone) $(shown) $(force)

audit: need-COHORT $(READY) ## List the problems of a cohort export: COHORT=DIR [OUT= CONFIG="A B" TZ_NAME= SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast audit --cohort "$(COHORT)" --out "$(audit_out)" $(configs) $(zone) $(shown) $(force)

import: need-INPUT need-OUT $(READY) ## Convert a wide sheet, OMOP or FHIR export to a cohort: INPUT=PATH OUT=DIR [MAPPING=FILE FORMAT= TZ_NAME= SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast import $(if $(FORMAT),--format "$(FORMAT)") --input "$(INPUT)" --out "$(OUT)" $(if $(MAPPING),--mapping "$(MAPPING)") $(zone) $(shown) $(force)

pseudonymise: need-INPUT need-OUT $(READY) ## Replace ids, drop names and shift dates: INPUT=PATH OUT=DIR [KEY=FILE KEEP="A B" TIMES=hours CONFIG= TZ_NAME= SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast pseudonymise --input "$(INPUT)" --out "$(OUT)" $(if $(KEY),--key "$(KEY)") $(foreach name,$(KEEP),--keep "$(name)") $(if $(TIMES),--times "$(TIMES)") $(configs) $(zone) $(shown) $(force)

train: need-COHORT $(READY) ## Train and evaluate a bundle on a cohort export: COHORT=DIR [OUT= CONFIG="A B" OUTCOMES=a,b PRIOR=BUNDLE JOBS= SEED= TZ_NAME= SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast train --cohort "$(COHORT)" --out "$(train_out)" $(configs) $(fitting) $(if $(PRIOR),--prior "$(PRIOR)") $(zone) $(shown) $(force)

evaluate: need-COHORT need-OUT $(READY) ## Evaluate a bundle on another cohort: COHORT=DIR OUT=DIR [MODEL= CONFIG= TZ_NAME= SIGNED_BY=KEY SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast evaluate --model "$(model)" --cohort "$(COHORT)" --out "$(OUT)" $(configs) $(zone) $(signed) $(shown) $(force)

recalibrate: need-COHORT need-OUT $(READY) ## Update the risks of a bundle to another hospital: COHORT=DIR OUT=DIR [MODEL= CONFIG= JOBS= TZ_NAME= SIGNED_BY=KEY SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast recalibrate --model "$(model)" --cohort "$(COHORT)" --out "$(OUT)" $(configs) $(if $(JOBS),--jobs "$(JOBS)") $(zone) $(signed) $(shown) $(force)

reproduce: need-COHORT $(READY) ## Train a bundle again and compare the files: COHORT=DIR [MODEL= JOBS= SHOW_VALUES=1]
	@$(BIN)/cytocast reproduce "$(model)" --cohort "$(COHORT)" $(if $(JOBS),--jobs "$(JOBS)") $(shown)

register: need-OUT $(READY) ## Log a bundle to MLflow and register it: OUT=BUNDLE
	@$(BIN)/cytocast register "$(OUT)"

promote: $(READY) ## Make the challenger champion if every gate passes [AGAINST=DIR SIGNED_BY=KEY FORCE=1]
	@$(BIN)/cytocast promote $(if $(AGAINST),--against "$(AGAINST)") $(signed) $(force)

predict: need-INPUT need-OUT $(READY) ## Score a lab batch: INPUT=PATH OUT=DIR [MODEL= AS_OF= CONFIG= TZ_NAME= EMIT=fhir STRICT=1 SPREADSHEET_SAFE=1 SIGNED_BY=KEY SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast predict --input "$(INPUT)" --out "$(OUT)" --model "$(model)" $(as_of) $(configs) $(zone) $(if $(EMIT),--emit "$(EMIT)") $(if $(filter-out 0 no false,$(STRICT)),--strict) $(if $(filter-out 0 no false,$(SPREADSHEET_SAFE)),--spreadsheet-safe) $(signed) $(shown) $(force) || { code=$$?; [ $$code -eq 4 ] || exit $$code; echo "Some patients have no estimate; see status_reason in $(OUT)/predictions.csv."; }

report: predict ## Score a lab batch and print where its pages are: INPUT=PATH OUT=DIR [as for predict]
	@echo "Open $(OUT)/report/index.html in a browser."

monitor: need-INPUT need-OUT $(READY) ## Compare batches with the training cohort: INPUT="A B" OUT=DIR [MODEL= COHORT=DIR CONFIG= TZ_NAME= SIGNED_BY=KEY SHOW_VALUES=1 FORCE=1]
	@$(BIN)/cytocast monitor $(foreach path,$(INPUT),--input "$(path)") --out "$(OUT)" --model "$(model)" $(if $(COHORT),--cohort "$(COHORT)") $(configs) $(zone) $(signed) $(shown) $(force)

ui: $(READY) ## Browse the runs of the last training, demo included [OUT=out/demo PORT=5000]
	@newest=$$(ls -t mlflow.db "$(or $(OUT),out/demo)/mlflow.db" 2>/dev/null | head -n 1); \
	store=$${MLFLOW_TRACKING_URI:-$${newest:+sqlite:///$$newest}}; \
	case "$$store" in \
	"") echo "There is no tracking store: train first (make demo), or set MLFLOW_TRACKING_URI." >&2; exit 2;; \
	http*) echo "The runs are on a server: open $$store"; exit 0;; \
	esac; \
	echo "Runs of $$store at http://127.0.0.1:$(or $(PORT),5000)"; \
	exec $(BIN)/mlflow ui --backend-store-uri "$$store" --host 127.0.0.1 --port $(or $(PORT),5000)

sign: $(READY) ## Sign a bundle, or make a key pair: MODEL=DIR KEY=FILE [FORCE=1], or NEW_KEY=FILE
	@$(BIN)/cytocast sign $(if $(MODEL),"$(MODEL)") $(if $(KEY),--key "$(KEY)") $(if $(NEW_KEY),--new-key "$(NEW_KEY)") $(force)

serve: $(READY) ## Score lab rows at http://127.0.0.1:5001/invocations [MODEL=models:/... PORT=5001 SIGNED_BY=KEY]
	@$(BIN)/cytocast serve --model "$(model)" $(if $(PORT),--port "$(PORT)") $(signed)

test: $(READY) ## Run the tests
	@$(BIN)/pytest -n auto --dist loadfile

lint: $(READY) ## Check style, format, import layers and the sections of docstrings
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pytest -n0 tests/test_docstrings.py

typecheck: $(READY) ## Check types
	@$(BIN)/mypy

faults: $(READY) ## Attack the promises of docs/reliability.md at length (hours): kills, writers, disks, strings, bytes
	@rm -rf out/faults
	@$(BIN)/python -c "from pathlib import Path; from tests.minicohort import train_bundle; train_bundle(Path('out/faults'))"
	@for attack in faults.py "faults_bundle.py out/faults/bundle" "faults_store.py --bundle out/faults/bundle" \
	  "faults_serve.py --model out/faults/bundle" faults_privacy.py "faults_strings.py --model out/faults/bundle" fuzz_inputs.py; do \
	  echo "$$attack"; $(BIN)/python benchmarks/$$attack || exit 1; done

clean: ## Remove the environment and caches; results stay
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

import: EXAMPLE = make import INPUT=exports/sheet.csv MAPPING=exports/sheet.mapping.yaml OUT=exports/2026
simulate: EXAMPLE = make simulate OUT=out/synthetic-cohort
grade: EXAMPLE = make grade COHORT=exports/2026 OUT=out/grades.csv
audit: EXAMPLE = make audit COHORT=exports/2026 CONFIG=configs/cohorts/mine.yaml
pseudonymise: EXAMPLE = make pseudonymise INPUT=exports/2026 OUT=release/2026
train: EXAMPLE = make train COHORT=exports/2026 CONFIG=configs/cohorts/mine.yaml
evaluate: EXAMPLE = make evaluate COHORT=exports/other-site OUT=out/other-site MODEL=out/2026
recalibrate: EXAMPLE = make recalibrate COHORT=exports/other-site OUT=out/other-site MODEL=out/2026
register: EXAMPLE = make register OUT=out/2026
reproduce: EXAMPLE = make reproduce COHORT=exports/2026 MODEL=out/2026
monitor: EXAMPLE = make monitor INPUT="batches/monday batches/today" OUT=out/monitor MODEL=out/2026
predict: EXAMPLE = make predict INPUT=batches/today OUT=out/today MODEL=out/2026

need-%:
	@: $(if $(strip $($*)),,$(error $* is missing; for example: $(EXAMPLE)))

# The environment: created once, and again when the requirements change.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
$(READY): pyproject.toml constraints.txt
	@if ! $(BIN)/python -c '$(SUPPORTED)' 2>/dev/null; then \
	  found=; \
	  for name in $(or $(PYTHON),python3.11 python3.12 python3.13 python3); do \
	    if "$$name" -c '$(SUPPORTED)' 2>/dev/null; then found=$$name; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Python 3.11, 3.12 or 3.13 is required$(if $(PYTHON),: $(PYTHON) is none of these); install one, or give its path: make PYTHON=/path/to/python3.11" >&2; \
	    exit 2; \
	  fi; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "Installing the pinned requirements into $(VENV); this takes a few minutes the first time." >&2
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
