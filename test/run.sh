#!/usr/bin/env bash
# Sets up and runs all levels of tests. Ends with a table and the number of tests that passed and failed.
#   run.sh          types, lint and format, then unit, manifests, scripts and cluster
#   run.sh --fast   unit, manifests and the fast script tests, under a minute and without a cluster
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. test/testbed/lib.sh

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
begun=$SECONDS

main() {
	local fast=
	[ "${1-}" != --fast ] || fast=1
	set_up "$fast" || exit
	[ -n "$fast" ] || level check env CHECK_RESULT="$results/check.sum" test/check.sh
	level fast vitest fast --project unit --project manifests --project scripts
	[ -n "$fast" ] || level slow vitest slow --project 'slow scripts'
	[ -n "$fast" ] || level cluster vitest cluster --project cluster
	node test/support/summary.mjs "$results" "$((SECONDS - begun))" ${fast:+'slow scripts and cluster tests did not run: npm test runs them'}
}

# The tests use the cluster of KUBECONFIG if it is set, otherwise the test bed's.
set_up() { # fast
	local own=/var/lib/backstay-testbed/kubeconfig
	if [ -n "$1" ] || [ "${KUBECONFIG:-$own}" != $own ]; then
		test/testbed/up.sh --tools-only
	else
		test/testbed/up.sh
	fi
}

# A failed level does not stop the next one, because the summary needs them all.
level() { # name command...
	local name=$1 start=$SECONDS status=0
	shift
	log "$name ..."
	"$@" || status=$?
	echo "$status" >"$results/$name.status"
	log "$name: $((SECONDS - start)) s"
}

vitest() { # name flags...
	local name=$1
	shift
	npx --no-install vitest run "$@" --reporter=default --reporter=json --outputFile.json="$results/$name.json"
}

main "$@"
