#!/bin/sh
# storage-errors.sh - what a storage has said, in our words and with a status of ours. Sourced by storage.sh, never run.
#
# Environment: that of storage.sh; $S_TMP/said is what the tool wrote.

# Statuses are numbers of common.sh.
# shellcheck disable=SC2154

# explain STATUS - why a command failed, in our words and with a status of ours
explain() {
	grep -E '(ERROR|NOTICE|CRITICAL) *: |^[a-z]*: ' "$S_TMP/said" >"$S_TMP/errors" || tail -n 1 "$S_TMP/said" >"$S_TMP/errors"
	error=$(tail -n 1 "$S_TMP/errors" | in_short)
	case $(cat "$S_TMP/errors") in
	*'No space left on device'* | *'no space left on device'* | *'isk quota exceeded'* | *StorageFull* | *QuotaExceeded* | *'StatusCode: 507'*)
		fail "$NO_ROOM" "no room: $error" 'make the storage larger, or keep less; nothing was pruned to make room'
		;;
	*NoSuchBucket* | *'directory not found'*)
		fail "$WRONG_INPUT" "no such bucket: $S_REMOTE" 'the bucket must exist: backstay never makes one'
		;;
	*AccessDenied* | *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *ExpiredToken* | *'StatusCode: 403'* | *'StatusCode: 401'* | *'ermission denied'*)
		fail "$NOT_ALLOWED" "access denied: $error" 'look at the key in the Secret and at what it may do: list, get, put and delete below the prefix'
		;;
	*'signed by unknown authority'* | *'certificate is valid for'*)
		fail "$WRONG_INPUT" "the certificate is not trusted: $error" "give the storage the ca of its private authority, and the endpoint by the certificate's name"
		;;
	*PreconditionFailed* | *'immutable file modified'* | *'File exists'*)
		fail "$BAD_DATA" "already stored, with other content: $error" 'nothing was overwritten; the next run has another name'
		;;
	*'corrupted on transfer'* | *'multipart upload corrupted'* | *BadDigest*)
		fail "$BAD_DATA" "changed on its way: $error" 'the next run uploads afresh; if it happens again, look at the network and at the memory of the node'
		;;
	*timeout* | *'timed out'* | *'deadline exceeded'* | *'no such host'* | *'connection refused'* | *unreachable* | *'connection reset'* | *EOF*)
		fail "$UNAVAILABLE" "the store does not answer: $error" 'if it answers elsewhere, look at the NetworkPolicy of this source: it names the hosts and ports that its pods may reach'
		;;
	*) fail "$UNAVAILABLE" "the store refused: ${error:-rclone ended with status $1}" "look at the store's own log" ;;
	esac
}

# in_short - a line of rclone without what only its makers need
in_short() {
	sed -e 's|^[0-9/]* [0-9:]* [A-Z]* *: ||' -e 's|^ERROR *: ||' -e 's|Failed to [a-z]*\( with [0-9]* errors\)*: ||' -e 's|last error was: ||' \
		-e 's|error in ListJSON: ||' -e 's|exceeded maximum number of attempts, [0-9]*, ||' -e 's|https response error StatusCode: 0, ||' \
		-e 's|request send failed, ||' -e 's|https response error ||' -e 's|, RequestID: [^,]*||' -e 's|, HostID: [^,]*||' -e 's|?[^" ]*"|"|'
}
