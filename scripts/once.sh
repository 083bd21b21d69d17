#!/bin/sh
# once.sh - runs a script of the backup that goes before a restore, unless an attempt before this one has made that backup.
#
# usage: once.sh SCRIPT
# Environment (the only input; common.sh and the script list it):
# Output: log lines on stderr, and what the script writes.
# Exit: the script's own status; 0 where run/safe, which fetch.sh leaves, says that the backup is there.
#
# What is live may be half restored by then: a backup of it would be the newest of its tier, for ever, and where half of
# it is gone it would fail, and with it every further attempt.

set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/json.sh"

main() {
	need_env WORK_DIR
	[ $# = 1 ] || die $WRONG_INPUT 'expected a script to run'
	[ ! -e "$WORK_DIR/run/safe" ] || leave_as_safe
	# In place of this shell: signals are the script's, and so is its process group.
	exec /bin/sh "$1"
}

leave_as_safe() {
	name=''
	mkdir -p "$WORK_DIR/tmp"
	! json_flatten <"$WORK_DIR/run/safe" >"$WORK_DIR/tmp/safe.flat" || name=$(fact name "$WORK_DIR/tmp/safe.flat")
	words="backed up by an attempt before this one${name:+: $name}"
	last_words 0 "$words" '' ''
	log info "$words"
	exit 0
}

main "$@"
