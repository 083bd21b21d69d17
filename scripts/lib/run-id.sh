#!/bin/sh
# run-id.sh - the id of a run. Sourced, never run.
#
# Environment (the only input):
#   POD_UID               uid of the pod; its first 8 hex digits become the run id

# run_id - 8 letters derived from the pod's uid: unique per attempt, and never a number in YAML
run_id() {
	printf '%.8s' "$POD_UID" | tr 0-9a-f bcdfghjkmnpqrstv
	echo
}
