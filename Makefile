# `make` alone lists what there is. Everything is installed into .venv and .triton of this folder.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# The tests' networks are small: on shared cores, threads that spin at barriers cost minutes and gain nothing.
TEST_THREADS := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE

SERVING_TESTS := tests/service tests/clients tests/deploy

# The viewer's types come from what the gateway says of itself.
PRINT_OPENAPI := import json; from service.app import create_app; from service.settings import Settings; \
	print(json.dumps(create_app(Settings()).openapi()))

.DEFAULT_GOAL := help
.PHONY: help serve test test-serving test-training lint format bench bench-stream soak stream-soak faults fuzz stubs web lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/.serve ## Start Triton (8000-8002) and the gateway (8080); Ctrl-C stops both
	$(BIN)/python -m deploy.serve

# The servers' tests wait as much as they compute: style, types and the training's tests have the other core, and
# yield to them. What each of the two says comes at once, when it ends.
test: $(VENV)/.dev ## Lint, type-check and run every test, with the real Triton
	$(MAKE) --no-print-directory --jobs 2 --keep-going --output-sync=target test-serving test-training

test-serving: $(VENV)/.dev ## The part of the tests that needs servers: gateway, Triton, clients, deployment
	$(TEST_THREADS) $(BIN)/python -m pytest $(SERVING_TESTS)

test-training: $(VENV)/.dev ## The other part, with style, spelling and types
	nice $(MAKE) --no-print-directory lint
	$(TEST_THREADS) nice $(BIN)/python -m pytest $(addprefix --ignore=,$(SERVING_TESTS))

lint: $(VENV)/.dev ## Check style, spelling and types; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	if command -v npm >/dev/null && [ -d clients/web/node_modules ]; then npm --prefix clients/web run --silent lint; fi

format: $(VENV)/.dev ## Mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure the servers side by side and print the table
	$(BIN)/python -m deploy.bench

bench-stream: $(VENV)/.dev ## Measure live streams, gRPC and WebSocket
	$(BIN)/python -m deploy.bench.stream

soak: $(VENV)/.dev ## Load the service for half an hour: nothing grows, nobody is refused
	$(BIN)/python -m deploy.soak --write docs/soak.md --plot docs/soak.svg

stream-soak: $(VENV)/.dev ## Overload a live stream for a minute
	SIMAHAND_SOAK_S=60 $(TEST_THREADS) $(BIN)/python -m pytest tests/service/streams/test_overload.py

faults: $(VENV)/.dev ## Break what the gateway stands on, and count what callers saw; nine minutes
	$(BIN)/python -m deploy.faults

fuzz: $(VENV)/.dev ## Try a million damaged pictures on the decoders; ten minutes on two cores
	OMP_NUM_THREADS=1 nice $(BIN)/python -m deploy.fuzz run

stubs: $(VENV)/.dev ## Make the Python classes of the gRPC messages
	$(BIN)/python -m deploy.stubs

web: $(VENV)/.serve ## Build the viewer into clients/web/dist, which is committed (needs npm)
	npm --prefix clients/web ci --no-audit --no-fund
	$(BIN)/python -c '$(PRINT_OPENAPI)' > clients/web/node_modules/openapi.json
	npm --prefix clients/web run types
	npm --prefix clients/web run build

lock: $(VENV)/.dev ## Write the versions of this environment to constraints.txt
	$(BIN)/python -m deploy.lock > constraints.txt

clean: ## Remove what these targets installed
	rm -rf $(VENV) .triton .cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# What serving needs: the gateway, the client, and torch for Triton's PyTorch backend.
$(VENV)/.serve: $(VENV)/bin/python pyproject.toml clients/python/pyproject.toml constraints.txt
	$(PIP_INSTALL) -e '.[service,embedded]' -e 'clients/python[grpc,video]'
	$(BIN)/python -m deploy.triton.install
	@touch $@

$(VENV)/.dev: $(VENV)/.serve
	$(PIP_INSTALL) -e '.[training,service,otel,embedded,bench,bulk,dev]'
	@touch $@
