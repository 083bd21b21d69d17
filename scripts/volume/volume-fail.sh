#!/bin/sh
# volume-fail.sh - a run ends as what a tool said means. Sourced, never run.
#
# Environment: ROOM_HINT and ALLOWED_HINT, what helps where there is no room, or a file may not be read or written; WORK_DIR.

# Statuses are numbers of common.sh.
# shellcheck disable=SC2086,SC2154

# fail_as FILE STATUS WHAT - ends as what a tool wrote into the file means; on a full disk it could not write even that
fail_as() {
	head -n 20 "$1" | while IFS= read -r line; do log error "$line"; done
	why="$3: $(sed '/^$/d' "$1" | head -n 3 | tr '\n' ' ')"
	[ -s "$1" ] || why="$3, and nothing was said"
	if grep -qE 'No space left|File too large|[Qq]uota exceeded|Wrote only' "$1" || { ! [ -s "$1" ] && scratch_is_full; }; then
		die $NO_ROOM "$why" "$ROOM_HINT"
	elif grep -qE 'Permission denied|Operation not permitted|Read-only file system' "$1"; then
		die $NOT_ALLOWED "$why" "$ALLOWED_HINT"
	fi
	case $why in
	*'status 137'*) die "$2" "$why" 'it was killed, which the kernel does at the memory limit: pod.resources.limits.memory' ;;
	*) die "$2" "$why" 'the log has what the tool said' ;;
	esac
}

scratch_is_full() {
	left=$(df -Pk "$WORK_DIR" | awk 'NR == 2 { print $4 }')
	[ "${left:-0}" -lt 64 ]
}
