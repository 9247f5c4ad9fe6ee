# The commands of the house; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# What Node has compiled it need not compile at the next start, of which a test run has hundreds.
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/compile

PORT ?= 8080
DATA ?=
FILE ?=

# A recipe's process must not outlive make, so that Ctrl-C and kill leave nothing behind.
WITH_MAKE := exec setpriv --pdeathsig TERM

.PHONY: help setup setup-test setup-bench demo test check typecheck lint mocha bench graph clean

help: ## Show this list
	@printf 'Matinee: from a film file to a protected, adaptive stream.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  PORT=8080 DATA=.data FILE=film.mkv choose where demo listens, keeps its data, and what it imports.\n'

setup: ## Install what is missing: packages, generated code, the web client
	@scripts/setup.sh demo

setup-test:
	@scripts/setup.sh test

setup-bench:
	@scripts/setup.sh bench

demo: setup ## Start everything on one port and import a film: FILE= PORT= DATA=
	@$(WITH_MAKE) node scripts/demo.ts --port "$(PORT)" $(if $(DATA),--data "$(DATA)") $(if $(FILE),--file "$(FILE)")

test: setup-test check mocha ## Set up, check the code, and pass all tests

check: typecheck lint ## Check types, style and contracts

typecheck:
	@tsc --noEmit
	@if [ -f clients/web/tsconfig.json ]; then tsc --noEmit -p clients/web; fi

lint:
	@biome check .
	@buf lint

mocha:
	@$(WITH_MAKE) node scripts/test/run.ts

bench: setup-bench ## Measure what the project promises, as ratios
	@for bench in bench/*.ts; do case $$bench in *.test.ts) ;; *) node "$$bench" ;; esac; done

graph: ## Draw who calls whom
	@node services/main.ts --print-graph

clean: ## Remove what is generated, installed and imported
	rm -rf node_modules clients/*/node_modules films/node_modules pkg/gen clients/sdk/gen clients/web/dist .cache "$(if $(DATA),$(DATA),.data)"
