#!/usr/bin/env bash
# npm run demo: a real backup of a real database and a real volume, and both back again. Takes the cluster that
# KUBECONFIG names, and otherwise brings up the test bed's (12 minutes the first time, then half a minute).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
own=/var/lib/backstay-testbed/kubeconfig
if [ "${KUBECONFIG:-$own}" = $own ]; then
	test/testbed/up.sh
else
	test/testbed/up.sh --tools-only
fi
exec npx --no-install tsx test/demo/demo.ts
