#!/usr/bin/env bash
# Checks types, lint and format of the whole project. Names the checks that failed; the exit status is their number.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. test/testbed/lib.sh

passed=0 failed=0

check() { # name command...
	local name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok   $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name: $*"
	fi
}

test/testbed/debian.sh shellcheck && test/testbed/peers/build-tools.sh shfmt || exit

mapfile -t shell < <(find scripts test .ci -type f \( -name '*.sh' -o -path '.ci/*' \) | sort)
check types npx --no-install tsc -p .
check lint npx --no-install biome check .
check shellcheck shellcheck "${shell[@]}"
check shfmt shfmt -d "${shell[@]}"
[ -z "${CHECK_RESULT-}" ] || echo "$passed $failed" >"$CHECK_RESULT"
exit "$failed"
