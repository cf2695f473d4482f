# The six commands of the project. Only `setup` may need root (it installs Debian packages).
.PHONY: help setup run test bench judge lint

DATA ?= .lockstep
PORT ?= 8083

help:
	@echo 'make setup   install the Debian packages that building and testing need (may ask for root)'
	@echo 'make run     build the release binary and start "lockstep dev" on 127.0.0.1:$(PORT)'
	@echo 'make test    everything: format, lints, unit, recovery, end-to-end and conformance tests'
	@echo 'make bench   figures: CPU, rate, latency and bytes written, beside the raw disk'
	@echo 'make judge   100,000 IAM policies and requests before a second evaluator, under all laws'
	@echo 'make lint    format and clippy only'

setup:
	tests/setup

run:
	cargo build --release --locked -p server
	exec "$${CARGO_TARGET_DIR:-target}/release/lockstep" dev --listen 127.0.0.1:$(PORT) --data $(DATA)

test:
	tests/run

bench:
	cargo build --release --locked -p server -p harness
	exec "$${CARGO_TARGET_DIR:-target}/release/bench" $(BENCH)

judge:
	npm ci --prefix tests/js --prefer-offline --ignore-scripts --no-audit --no-fund --silent
	cargo build --release --locked -p harness
	exec "$${CARGO_TARGET_DIR:-target}/release/judge" --laws 100000 $(JUDGE)

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
