# shellcheck shell=bash disable=SC2034
# Paths of the test bed. Sourced by its scripts.

TESTBED=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Things that are slow to build and never change: binaries, root file systems, schemas.
CACHE=${TEST_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/backstay-testbed}
PATH=$CACHE/bin:$CACHE/cluster/bin:$PATH:/usr/sbin:/sbin
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
export PATH

log() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() {
	log "error: $*"
	exit 1
}
