#!/bin/sh
# scratch.sh - how much scratch space is free, and what it means if that is not enough. Sourced after common.sh, never run.
#
# Environment (the only input):
#   WORK_DIR              scratch space shared by all steps of the run
#   SCRATCH_BYTES         size of the scratch space (bytes)

# Statuses are numbers of common.sh.
# shellcheck disable=SC2154

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

# refuse_room FREE NEEDED REASON HINT - dies: retried if only the node's disk is short, final if the pod's limit is
#
# FREE is what free_bytes printed.
refuse_room() {
	! is_disk_short "$2" ||
		die "$BUSY" "the disk of the node has $(human "$1") free, and at least $(human "$2") is needed: other pods use it" \
			'set pod.scratch.request to reserve space on the node, or take the scratch from a storageClassName'
	die "$NO_ROOM" "$3" "$4"
}

# is_disk_short NEEDED - whether the disk lacks these bytes only for now, by the measurements of free_bytes: the pod may use
# them, and an empty disk would hold them
is_disk_short() {
	awk -v limit="$SCRATCH_BYTES" -v needed="$1" '
		FILENAME ~ /df$/ && FNR == 2 { size = $2 * 1024; disk = $4 * 1024 }
		FILENAME ~ /du$/ { left = limit - $1 * 1024 }
		END { exit !(disk < needed && needed <= left && needed <= size) }
	' "$WORK_DIR/tmp/df" "$WORK_DIR/tmp/du"
}
