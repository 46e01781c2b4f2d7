GOLANGCI_LINT_VERSION := v2.15.0
# Tests of faults wait rather than work: in full, they run eight at a time.
FAULTS := TestChaos|TestKill|TestFrozen|TestRollingRestart|TestShutdown|TestRedis|TestClockSkew|TestOldAndNew
FAULTS := $(FAULTS)|TestStrange|TestPoison|TestPayloads|TestKeyReused|TestOneKey|TestBatch|TestReceipts|TestPosted

# Tests of scale and failovers, one at a time, as they measure; each has a form of seconds for `make test`.
SCALE := TestFailover|TestNetworkCut|TestSoak|TestMillionQueued|TestFindAmongMany

SOAK ?= 30m

# Of one package's tests, on a machine that is slow or busy: go test's own ten minutes end what only takes long there.
TIMEOUT := 45m

FUZZ ?= 100000
FUZZ_SCRIPTS ?= 5000

# Where `go install` puts programs.
GOBIN := $(or $(shell go env GOBIN),$(shell go env GOPATH)/bin)
GOLANGCI_LINT := $(GOBIN)/golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run one of everything in memory
	go run ./cmd/dyplsq demo

.PHONY: build
build: ## Build the static binary ./dyplsq
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o dyplsq ./cmd/dyplsq

.PHONY: test
test: ## Run the tests
	go test -timeout $(TIMEOUT) ./...

# The race detector has every process sleep for a second before it exits, in case another thread still races: too long for commands that
# end at once, of which the tests start some hundred.
.PHONY: race
race: ## Run the tests under the race detector, the heavy ones shortened
	GORACE="atexit_sleep_ms=50 $$GORACE" go test -race -short -timeout $(TIMEOUT) ./...

# Counted, not timed: when the time given to -fuzztime runs out, Go 1.26's coordinator now and then reports its own
# deadline as a failure (go.dev/issue/75804). Targets that ask a Redis are some hundred times slower than the others.
# A package is built once for all its targets, where `go test -fuzz` would build it for each, and only where there are some. What they
# find interesting is kept where that keeps it.
.PHONY: fuzz
fuzz: ## Run every fuzz target FUZZ (100,000) times, those of Redis scripts FUZZ_SCRIPTS (5,000) times
	@set -e; scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; corpus=$$(go env GOCACHE)/fuzz/$$(go list -m); \
	for package in $$(grep -rl --include='*_test.go' --exclude-dir=bench '^func Fuzz' * | xargs -n 1 dirname | sort -u); do \
		go test -c -fuzz . -o "$$scratch/fuzz" "./$$package"; \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$package"/*_test.go); do \
			case $$target in FuzzScripts) times=$(FUZZ_SCRIPTS);; *) times=$(FUZZ);; esac; \
			echo "== $$package $$target, $$times times"; \
			(cd "$$package" && "$$scratch/fuzz" -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime "$${times}x" \
				-test.fuzzminimizetime 100x -test.fuzzcachedir "$$corpus/$$package"); \
		done; \
	done

.PHONY: faults
faults: ## Every test of faults in full, 10,000 binds under kills among them (minutes)
	DYPLSQ_REQUIRE_REDIS=1 DYPLSQ_FAULTS=1 DYPLSQ_CHAOS_TASKS=10000 go test ./test/e2e/... -run '$(FAULTS)' -p 1 -parallel 8 -timeout 20m -v

.PHONY: scale
scale: ## Every test of scale and failovers in full, with its figures, SOAK long (30m); then the system's tests over TLS (an hour in all)
	DYPLSQ_REQUIRE_REDIS=1 DYPLSQ_SCALE=1 DYPLSQ_SOAK=$(SOAK) go test ./test/e2e/... -run '$(SCALE)' -p 1 -parallel 1 -timeout 90m -v
	DYPLSQ_REQUIRE_REDIS=1 DYPLSQ_TEST_REDIS=tls go test ./cmd/dyplsq ./test/e2e/... ./worker -timeout 20m
	$(MAKE) bench SCENARIO=scale

.PHONY: bench
bench: ## Measure dyplsq beside others (25 minutes; SCENARIO=quota ROUNDS=1 for a part)
	cd bench && go run ./speed $(if $(SCENARIO),-scenario "$(SCENARIO)") $(if $(ROUNDS),-rounds $(ROUNDS)) \
		$(if $(WRITE)$(if $(SCENARIO)$(ROUNDS),,all),-write README.md)

.PHONY: lint
lint: format-check vet golangci-lint ## Check format, go vet and golangci-lint

.PHONY: format-check
format-check: ## Check that everything is gofmt's way
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt -w these:"; echo "$$files"; exit 1; fi

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: golangci-lint
golangci-lint: tools ## Run golangci-lint
	$(GOLANGCI_LINT) run --allow-parallel-runners ./...

.PHONY: tools
tools: ## Compile the pinned golangci-lint where it is missing
	@$(GOLANGCI_LINT) version 2>/dev/null | grep -qF 'version $(GOLANGCI_LINT_VERSION:v%=%) ' || \
		go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

.PHONY: release
release: ## Build what is released into dist/: binaries, SBOMs, checksums; look for known vulnerabilities (VERSION=v0.1.0)
	deploy/release $(VERSION)

.PHONY: pin-images
pin-images: ## Pin the images of Dockerfile and docker-compose.yml by their digests (MIRROR=registry.example/hub)
	MIRROR=$(MIRROR) deploy/pin-images

.PHONY: chart
chart: ## Render the Helm chart, and write the examples in deploy/kubernetes anew
	cd deploy/check && go test . -update && go test .

.PHONY: compose
compose: ## Check docker-compose.yml, with and without the simulator
	REDIS_PASSWORD=check docker-compose config --quiet
	REDIS_PASSWORD=check docker-compose --profile sim config --quiet
	REDIS_PASSWORD=check docker-compose --profile observability config --quiet

.PHONY: ci
ci: ## Do all that the continuous integration does
	bash .ci/run
