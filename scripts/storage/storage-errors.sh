#!/bin/sh
# storage-errors.sh - turns what a tool said of a storage into a reason, a hint and one of our statuses. Sourced by storage.sh, never run.
#
# Environment: that of storage.sh; $S_TMP/said is what the tool wrote.

# Statuses are numbers of common.sh; hints are for the drivers too.
# shellcheck disable=SC2154,SC2034

NOT_OVERWRITTEN='nothing was overwritten; the next run uses a new name'
UPLOADS_AFRESH='without a manifest this does not count as a backup; the next run uploads again'

# explain STATUS - ends the turn with the reason why a command failed
#
# The driver knows the words of its store; those of the network and of disks are the same everywhere.
explain() {
	grep -E '(ERROR|NOTICE|CRITICAL) *: |^[a-z]*: ' "$S_TMP/said" >"$S_TMP/errors" || tail -n 1 "$S_TMP/said" >"$S_TMP/errors"
	error=$(tail -n 1 "$S_TMP/errors" | in_short)
	errors=$(cat "$S_TMP/errors")
	case $errors in
	*'No space left on device'* | *'no space left on device'* | *'isk quota exceeded'*) no_room ;;
	esac
	explain_own "$errors"
	case $errors in
	*'signed by unknown authority'* | *'certificate is valid for'*)
		fail "$WRONG_INPUT" "the certificate is not trusted: $error" "set the storage's ca to the certificate of its private CA, and its endpoint to the name in the certificate"
		;;
	*timeout* | *'timed out'* | *'deadline exceeded'* | *'no such host'* | *'connection refused'* | *unreachable* | *'connection reset'* | *EOF*)
		fail "$UNAVAILABLE" "the store does not answer: $error" 'if it answers from elsewhere, check the NetworkPolicy of this source: it lists the hosts and ports that its pods may reach'
		;;
	*) fail "$UNAVAILABLE" "the store refused: ${error:-rclone ended with status $1}" "check the store's own log" ;;
	esac
}

no_room() {
	fail "$NO_ROOM" "no room: $error" 'enlarge the storage, or keep fewer backups; nothing was pruned to make room'
}

# denied HINT
denied() {
	fail "$NOT_ALLOWED" "access denied: $error" "$1"
}

stored_already() {
	fail "$BAD_DATA" "already stored, with other content: $error" "$NOT_OVERWRITTEN"
}

# in_short - a line of rclone without the details that only its developers need
in_short() {
	sed -e 's|^[0-9/]* [0-9:]* [A-Z]* *: ||' -e 's|^ERROR *: ||' -e 's|Failed to [a-z]*\( with [0-9]* errors\)*: ||' -e 's|last error was: ||' \
		-e 's|error in ListJSON: ||' -e 's|exceeded maximum number of attempts, [0-9]*, ||' -e 's|https response error StatusCode: 0, ||' \
		-e 's|request send failed, ||' -e 's|https response error ||' -e 's|, RequestID: [^,]*||' -e 's|, HostID: [^,]*||' -e 's|?[^" ]*"|"|'
}
