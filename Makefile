# KIMERA: what a person types. Each target is one script, so that CI and an editor can call the same.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test check fix bench lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## install what missions need on this machine, into .venv and .venv-sandbox
	@scripts/setup local

setup-dev: ## the same, with what tests and checks need
	@scripts/setup development

demo: setup ## run the example mission to its report
	@examples/run

test: setup-dev ## run all checks and all tests
	@scripts/check
	@scripts/test
	@scripts/test-infrastructure

check: setup-dev ## run the checks alone: format, style, types, import floors, contracts, secrets
	@scripts/check

fix: setup-dev ## repair format and style, then check
	@scripts/check --fix

bench: setup-dev ## measure answer quality, as the tests demand it, and print the scores
	@.venv/bin/python tests/quality/extractive/tasks.py build/quality
	@.venv/bin/kimera bench quality build/quality

lock: setup-dev ## resolve requirements/*.in into requirements/*.lock
	@scripts/lock

clean: ## remove what was built; missions under .kimera/ stay
	rm -rf .venv .venv-sandbox .venv-infrastructure .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
