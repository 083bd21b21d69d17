#!/usr/bin/env bash
# npm run demo: backs up and restores a real database and a real volume. Uses the cluster of KUBECONFIG if it is set,
# otherwise starts the test bed's (12 minutes the first time, then half a minute).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
own=/var/lib/backstay-testbed/kubeconfig
if [ "${KUBECONFIG:-$own}" = $own ]; then
	test/testbed/up.sh
else
	test/testbed/up.sh --tools-only
fi
exec npx --no-install tsx test/demo/demo.ts
