#!/bin/sh
# once.sh - runs a script of the safety backup, unless an earlier attempt of the restore has already made that backup.
#
# usage: once.sh SCRIPT
# Environment (the only input; common.sh and the script list it):
#   RESTORE_ID       id of the restore
#   DATA_DIR         mount path of the claim that the script backs up (default: it backs up no files)
#   DATA_PATH        folder below DATA_DIR that is backed up
# Output: log lines on stderr, and the script's output. run/spared if the live data must not be backed up.
# Exit: the script's own status; 0 if the restore is already done (run/already), its safety backup exists (run/safe), or the
# live data is half restored. fetch.sh writes both files.
#
# A backup of half-restored files would stay the newest of its tier forever. If half of the files are missing, it would fail,
# and every further attempt with it. A database is never half restored, because one transaction swaps it.

set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/json.sh"

main() {
	need_env WORK_DIR RESTORE_ID
	[ $# = 1 ] || die $WRONG_INPUT 'expected a script to run'
	[ ! -e "$WORK_DIR/run/already" ] || leave info 'already done: nothing is replaced, so no safety backup is needed'
	[ ! -e "$WORK_DIR/run/spared" ] || leave warn "$(cat "$WORK_DIR/run/spared")"
	[ ! -e "$WORK_DIR/run/safe" ] || leave_as_safe
	! is_half_restored || leave_as_half
	# exec, so that the script gets the signals and the process group.
	exec /bin/sh "$1"
}

leave_as_safe() {
	name=$(name_in safe)
	leave info "safety backup made by an earlier attempt${name:+: $name}"
}

# is_half_restored - according to the journal that volume-swap.sh keeps in the claim
is_half_restored() {
	[ -n "${DATA_DIR-}" ] || return 1
	journal=$DATA_DIR/$DATA_PATH/.backstay-restore-$RESTORE_ID/journal
	[ -f "$journal" ] || return 1
	case $(sed -n 's/^phase //p' "$journal") in clearing | swapping | undoing | merging) ;; *) return 1 ;; esac
}

# leave_as_half - run/spared keeps the later steps from storing anything either
leave_as_half() {
	name=$(name_in outdated)
	words='no safety backup of half-restored data:'
	if [ -n "$name" ]; then words="$words $name has the data from before"; else words="$words no backup from before is stored any more"; fi
	mkdir -p "$WORK_DIR/run"
	printf '%s\n' "$words" >"$WORK_DIR/run/spared"
	leave warn "$words"
}

# name_in FILE - name of the backup in a marker that fetch.sh wrote to run/, or nothing
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
