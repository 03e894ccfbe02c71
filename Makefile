# roost. `make run` starts a home and a backup here; `make test` is all that a
# change must pass. Both need Go and nothing else: what is missing is fetched.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: build run test lint vet bench bench-go soak fuzz-short tools help

LINT_VERSION := v2.15.0
LINT_DIR := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/roost/golangci-lint-$(LINT_VERSION)
LINT := $(LINT_DIR)/golangci-lint

# How long each: make fuzz-short FUZZTIME=1m, make soak SOAK=1h.
FUZZTIME ?= 10s
SOAK ?= 30m

build: ## the program, as bin/roost
	go build -trimpath -o bin/roost ./cmd/roost

run: build ## a home (london, 127.0.0.11) and a backup (paris, 127.0.0.12) with sample phones, in ./run
	./bin/roost demo

test: tools lint vet ## lint, vet and all tests with the race detector
	@echo "test: go test -race ./..."
	@go test -race -timeout 13m -json ./... 2>&1 | go run .ci/summary.go
	@echo "test: what the race detector makes too slow or too large: thousands of seeds, every state of two phones and any number of faults, memory a connection and a record"
	@go test -timeout 5m -json ./resilience/mirror/sim 2>&1 | go run .ci/summary.go
	@ROOST_FAR_WALK=1 go test -timeout 10m -json -run TestWalk ./resilience 2>&1 | go run .ci/summary.go
	@go test -timeout 2m -json -run Memory ./signaling/sip ./signaling/sip/flow ./media/relay ./resilience/mirror ./registrar 2>&1 | go run .ci/summary.go

lint: $(LINT) ## the linters and import walls of .golangci.yml
	$(LINT) run ./...

vet:
	go vet ./...

# Built once a version, about 1.5 minutes on two cores, and kept outside of the tree.
$(LINT):
	@echo "lint: building golangci-lint $(LINT_VERSION) into $(LINT_DIR)"
	@mkdir -p $(LINT_DIR)
	GOBIN=$(LINT_DIR) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

bench: build ## roost beside Kamailio and a bare responder, into docs/performance.md; PART=register,memory,storm,media,calls
	go build -trimpath -o bin/bench ./cmd/roost/bench
	./bin/bench -roost bin/roost -write docs/performance.md -part "$(PART)"

bench-go: ## the Go benchmarks of all packages
	go test -run '^$$' -bench . -benchmem -timeout 1h ./...

soak: ## the tests named Soak, for SOAK=30m each
	ROOST_SOAK=$(SOAK) go test -count=1 -v -timeout 24h -run Soak ./...

fuzz-short: ## each fuzz target for FUZZTIME=10s
	@for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "fuzz: $$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

tools: ## the programs that interoperability tests need, by apt-get where this is root
	@.ci/tools

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12
