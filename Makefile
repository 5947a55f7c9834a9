# make run    installs what is missing, builds, and starts Pawl on SQLite at http://localhost:8080
# make test   installs what the tests need, builds, and runs every test
# make test-faults  the whole fault suite: fifty times kill -9, disks, files, clocks, hostile clients, attacks
# make fuzz   fuzzes what reads strangers' bytes, ten million times each (FUZZ_RUNS), with libFuzzer
# make test-ha  kills a PostgreSQL primary under load in three ways, with Patroni, and looks for what was acknowledged
# make test-citus  the conformance suite and the races of two servers on a Citus cluster, where Citus is installed
# make bench  builds a release and measures it, an hour and a half; Benchmarks/README.md explains the figures
# make dist   builds a release: a tarball and a .deb in dist/
# make versions  records the versions of the packages that were resolved as those of the next release
# make test-dist  installs both into bare Debian folders and uses them there, as root
# make docs   builds the documentation of the libraries, into .build-docs
# make lint   format and import boundaries
# make format formats all sources

SWIFT_BUILD_FLAGS = --explicit-target-dependency-import-check error
DATA = data

.PHONY: docs run build test test-faults test-ha test-citus bench fuzz dist versions test-dist lint format system-packages \
    test-packages

run: build
	@mkdir -p -m 700 $(DATA)
	@echo
	@echo "Pawl starts on SQLite in $(DATA)/. When it is ready, try it with the curl story in README.md, or open:"
	@echo "    http://localhost:8080/account    to make an account, sign in and see your devices"
	@echo "    http://localhost:8081/readyz     whether it can serve"
	@echo
	@SWIFT_BACKTRACE=enable=no exec "$$(swift build --show-bin-path)/pawl" serve --database sqlite:$(DATA)/pawl.sqlite --registration open

build: system-packages
	swift build $(SWIFT_BUILD_FLAGS)

test: test-packages
	swift build --build-tests $(SWIFT_BUILD_FLAGS)
	scripts/test-swift
	scripts/test-outside
	scripts/test-openapi
	scripts/test-js
	scripts/test-browser
	Examples/ha/run

test-faults: test-packages
	swift build --build-tests $(SWIFT_BUILD_FLAGS)
	swift test --skip-build --no-parallel \
	    --filter 'CrashTests|FileFaultTests|ProcessFaultTests|HostileClientTests|AttackTableTests'

test-ha: build
	Examples/ha/run
	Examples/ha/run node
	Examples/ha/run async

test-citus: test-packages
	scripts/test-citus

docs: build
	scripts/docs

bench: system-packages
	@scripts/install-packages jq openssl curl
	scripts/bench
	scripts/bench-postgres

fuzz: system-packages
	scripts/fuzz

dist: system-packages
	@scripts/install-packages binutils dpkg-dev git
	packaging/build

versions:
	swift package resolve
	scripts/versions accept
	git diff --stat -- packaging/versions.txt

test-dist: dist
	@scripts/install-packages debootstrap curl jq systemd strace
	packaging/test

lint:
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Examples Snippets Fuzzing Benchmarks
	scripts/check-imports

format:
	swift format format --in-place --parallel --recursive Package.swift Sources Tests Examples Snippets Fuzzing Benchmarks

system-packages:
	@scripts/install-packages libsodium-dev libsqlite3-dev libpq-dev

test-packages:
	@scripts/install-packages libsodium-dev libsqlite3-dev libpq-dev curl jq openssl python3-venv faketime util-linux \
	    nodejs chromium fonts-dejavu-core nginx postgresql patroni etcd-server
