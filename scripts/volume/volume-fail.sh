#!/bin/sh
# volume-fail.sh - derives status and hint of a failure from a tool's error messages. Sourced, never run.
#
# Environment: ROOM_HINT and ALLOWED_HINT, the hints for a full disk and for missing permissions; WORK_DIR.

# Statuses come from common.sh.
# shellcheck disable=SC2086,SC2154

# fail_as FILE STATUS WHAT - dies with the status that the error messages in FILE mean, or else with STATUS
#
# On a full disk FILE may be empty, because the tool could not write its message either.
fail_as() {
	head -n 20 "$1" | while IFS= read -r line; do log error "$line"; done
	why="$3: $(sed '/^$/d' "$1" | head -n 3 | tr '\n' ' ')"
	[ -s "$1" ] || why="$3: no error message"
	if grep -qE 'No space left|File too large|[Qq]uota exceeded|Wrote only' "$1" || { ! [ -s "$1" ] && scratch_is_full; }; then
		die $NO_ROOM "$why" "$ROOM_HINT"
	elif grep -qE 'Permission denied|Operation not permitted|Read-only file system' "$1"; then
		die $NOT_ALLOWED "$why" "$ALLOWED_HINT"
	fi
	case $why in
	*'status 137'*) die "$2" "$why" 'the kernel killed it, most likely at the memory limit: raise pod.resources.limits.memory' ;;
	*) die "$2" "$why" "see the log for the tool's messages" ;;
	esac
}

scratch_is_full() {
	left=$(df -Pk "$WORK_DIR" | awk 'NR == 2 { print $4 }')
	[ "${left:-0}" -lt 64 ]
}
