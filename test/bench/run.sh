#!/usr/bin/env bash
# npm run bench [-- database|volume|restore|verify|synthesis]: comparisons, medians of three interleaved runs (BENCH_RUNS). Needs no cluster.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
test/testbed/up.sh --tools-only
test/testbed/peers/build-tools.sh helm restic
npm run --silent prepack
exec npx --no-install tsx test/bench/run.ts "$@"
