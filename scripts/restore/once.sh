#!/bin/sh
# once.sh - runs a script of the backup that goes before a restore, unless an attempt before this one has made that backup.
#
# usage: once.sh SCRIPT
# Environment (the only input; common.sh and the script list it):
#   RESTORE_ID       id of the restore
#   DATA_DIR         folder where the claim is mounted that the script backs up (default: it backs up no files)
#   DATA_PATH        folder below it that is backed up
# Output: log lines on stderr, and what the script writes. run/spared, where what is live must not be backed up.
# Exit: the script's own status; 0 where run/already or run/safe, which fetch.sh leaves, say that the restore was done or the
# backup is there, and where what is live is half restored.
#
# A backup of what is half restored would be the newest of its tier, for ever, and where half of it is gone it would fail,
# and with it every further attempt. Of a database there is no half: it is replaced in one transaction.

set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/json.sh"

main() {
	need_env WORK_DIR RESTORE_ID
	[ $# = 1 ] || die $WRONG_INPUT 'expected a script to run'
	[ ! -e "$WORK_DIR/run/already" ] || leave info 'already done: nothing gives way, so nothing is backed up'
	[ ! -e "$WORK_DIR/run/spared" ] || leave warn "$(cat "$WORK_DIR/run/spared")"
	[ ! -e "$WORK_DIR/run/safe" ] || leave_as_safe
	! is_half_restored || leave_as_half
	# In place of this shell: signals are the script's, and so is its process group.
	exec /bin/sh "$1"
}

leave_as_safe() {
	name=$(name_in safe)
	leave info "backed up by an attempt before this one${name:+: $name}"
}

# is_half_restored - the journal that volume-swap.sh keeps in the claim says so
is_half_restored() {
	[ -n "${DATA_DIR-}" ] || return 1
	journal=$DATA_DIR/$DATA_PATH/.backstay-restore-$RESTORE_ID/journal
	[ -f "$journal" ] || return 1
	case $(sed -n 's/^phase //p' "$journal") in clearing | swapping | undoing | merging) ;; *) return 1 ;; esac
}

# leave_as_half - the steps after this one store nothing either
leave_as_half() {
	name=$(name_in outdated)
	words='what is live is neither old nor restored, and not backed up:'
	if [ -n "$name" ]; then words="$words $name is from before that"; else words="$words no backup from before that is stored any more"; fi
	mkdir -p "$WORK_DIR/run"
	printf '%s\n' "$words" >"$WORK_DIR/run/spared"
	leave warn "$words"
}

# name_in FILE - the backup that a marker names, in the file of run/ that fetch.sh has left; empty where it names none
name_in() {
	mkdir -p "$WORK_DIR/tmp"
	[ -e "$WORK_DIR/run/$1" ] && json_flatten <"$WORK_DIR/run/$1" >"$WORK_DIR/tmp/$1.flat" || return 0
	fact name "$WORK_DIR/tmp/$1.flat"
}

leave() {
	last_words 0 "$2" '' ''
	log "$1" "$2"
	exit 0
}

main "$@"
