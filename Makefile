# The only place where commands are written down. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test test-live test-slow chaos bench bench-quick bench-peers bench-engines schema lint audit train evaluate messages lock
PYTHON := .venv/bin/python

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## start Kadr at http://127.0.0.1:8080/ and keep it running until Ctrl-C: make run [ENGINE=litert]
	@sh bin/setup requirements$(if $(filter litert,$(ENGINE)),-litert).txt
	@exec $(if $(ENGINE),env KADR_ENGINE=$(ENGINE)) $(PYTHON) -m launcher

test: ## run the tests, but for those below
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m pytest --numprocesses 2 --dist loadfile -m "not live and not slow"

test-live: ## run those that start the whole service, Chromium or a benchmark
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m pytest --numprocesses 2 --dist loadfile -m "live and not slow"

test-slow: ## run those that take longest: all again on PostgreSQL, training, chaos
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m pytest --numprocesses 2 --dist loadfile -m slow

chaos: ## kill, freeze and starve the service for ten minutes: make chaos [SEED=1] [MINUTES=10] [DATABASE=postgresql]
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m tests.chaos --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10) --database $(or $(DATABASE),sqlite)

bench: ## measure the service against its own network: make bench [ONLY="serving photos"] [ENGINE=litert]
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m benchmarks $(if $(ENGINE),--engine $(ENGINE)) $(if $(ONLY),--only $(ONLY))

bench-quick: ## its first two parts in about two minutes, with small numbers
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m benchmarks --quick --only serving steps

schema: ## send many more random requests and hold the answers against the schema: make schema [N=50]
	@sh bin/setup requirements-dev.txt
	SCHEMA_EXAMPLES=$(or $(N),50) $(PYTHON) -m pytest tests/live/test_schema.py

lint: ## check style, types, imports between the folders, and that no migration is missing
	@sh bin/setup requirements-dev.txt
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(PYTHON) manage.py makemigrations --check --dry-run

audit: ## look the locked requirements up among the known vulnerabilities
	@sh bin/setup requirements.txt
	@exec $(PYTHON) bin/audit

train: ## train a model: make train RECIPE=airbench94 [DATA=cifar10.npz] [EXTRA=more.npz] [RESUME=1]
	@sh bin/setup requirements.txt
	$(PYTHON) -m ml.train $(RECIPE) $(if $(DATA),--data $(DATA)) $(if $(EXTRA),--extra $(EXTRA)) $(if $(RESUME),--resume)

evaluate: ## measure every model that ships on the test set: make evaluate [DATA=cifar10.npz]
	@sh bin/setup requirements-dev.txt
	@exec $(PYTHON) -m ml.evaluate $(if $(DATA),--data $(DATA))

bench-peers: ## ask Kadr, LitServe, BentoML and FastAPI the same; they get an environment of their own
	@sh bin/setup requirements.txt
	@exec $(PYTHON) -m benchmarks.peers

bench-engines: ## run the networks by ONNX Runtime, OpenVINO and LiteRT too, in an environment of their own
	@sh bin/setup requirements.txt
	@exec $(PYTHON) -m benchmarks.engines

messages: ## collect the texts to translate and compile their translations
	@sh bin/setup requirements.txt
	$(PYTHON) manage.py makemessages --all --no-location --no-wrap
	$(PYTHON) manage.py compilemessages --ignore .venv

lock: ## compile the hashed requirement files from pyproject.toml
	$(eval COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-config --custom-compile-command "make lock" pyproject.toml)
	$(COMPILE) -o requirements-web.txt
	$(COMPILE) --extra worker --extra embedded -o requirements.txt
	$(COMPILE) --extra worker --extra embedded --extra litert -o requirements-litert.txt
	$(COMPILE) --extra gpu -o requirements-gpu.txt
	$(COMPILE) --extra worker --extra embedded --extra litert --extra dev -o requirements-dev.txt
