#!/bin/sh
# scratch.sh - how much scratch space is free. Sourced, never run.
#
# Environment (the only input):
#   WORK_DIR              scratch space shared by all steps of the run
#   SCRATCH_BYTES         size of the scratch space (bytes)

# free_bytes - free scratch space: the lower of the disk's free space and what the pod's limit leaves
free_bytes() {
	df -Pk "$WORK_DIR" >"$WORK_DIR/tmp/df"
	du -sk "$WORK_DIR" >"$WORK_DIR/tmp/du" 2>/dev/null || :
	awk -v limit="$SCRATCH_BYTES" '
		FILENAME ~ /df$/ && FNR == 2 { disk = $4 * 1024 }
		FILENAME ~ /du$/ { left = limit - $1 * 1024 }
		END { free = disk < left ? disk : left; printf "%.0f\n", (free > 0 ? free : 0) }
	' "$WORK_DIR/tmp/df" "$WORK_DIR/tmp/du"
}
