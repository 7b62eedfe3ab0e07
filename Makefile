# A thin front to CMake: `make` builds build/winnow; see CMakePresets.json for the other builds.
JOBS ?= $(shell nproc)
DEVELOPER ?= OFF
PREFIX ?= /usr/local

all: build
	@echo
	@echo "The program is build/winnow. To try next:"
	@echo "    build/winnow run examples/tickets.yaml # about a minute; ends with a table and an HTML report"
	@echo "    build/winnow --help                    # its commands; make test, make install"

deps:
	scripts/install-deps.sh build

build: deps
	cmake --preset release -DWINNOW_DEVELOPER=$(DEVELOPER) -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build --preset release --parallel $(JOBS)

demo: build
	build/winnow run examples/tickets.yaml

test: build
	ctest --preset release --parallel $(JOBS) --output-junit ctest.xml

install: build
	cmake --install build

bench: build
	bench/run.sh

check: build
	scripts/install-deps.sh check
	scripts/check-format.sh
	scripts/check-layers.sh build
	scripts/check-registries.sh
	scripts/check-symbols.sh build
	scripts/check-unused.sh build
	scripts/check-docs.sh
	scripts/check-words.py

lint: build
	scripts/install-deps.sh lint
	scripts/lint.sh build

format:
	scripts/install-deps.sh check
	scripts/check-format.sh --fix

clean:
	rm -rf build build-debug build-clang build-asan build-tsan build-fuzz

.PHONY: all deps build demo test install bench check lint format clean
