#!/bin/sh
# turn.sh - lets a script of a pod whose steps are started all at once run when it is its turn.
#
# usage: turn.sh SCRIPT [ARGUMENT...]
# Environment (the only input; common.sh, turns.sh and the script list the rest):
#   TURN_FREE   true: it works on nothing that the applications use, and may begin after they were started (default: false)
# Output: log lines on stderr, and what the script writes.
# Exit: the script's own status; 0 with last words where the turn before it did not end with 0: the pod fails by that one,
# and a second failed container would hide it; 70 stopped by TERM before its turn.

# Traps call functions by name.
# shellcheck disable=SC2317
set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/turns.sh"

main() {
	need_env TURN WORK_DIR
	[ $# != 0 ] || die $WRONG_INPUT 'expected a script to run'
	need_cmd flock setsid
	PHASE=$TURN
	signals=0 script_status=0
	trap on_exit EXIT
	trap on_turn_term TERM
	hold_turn

	[ -z "${TURN_AFTER-}" ] || await_turn
	# What works on nothing that the applications use is no concern of the guard's: the record of a restore may come after it.
	[ "${TURN_FREE-}" = true ] || begin_work || skip 'the guard has seen all turns end'
	perform "$@"
}

# on_turn_term - the script hears of it, and undoes what it has begun
on_turn_term() {
	signals=$((signals + 1))
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
}

# tidy - whatever happens, the others are told
tidy() {
	end_turn "$ended"
}

await_turn() {
	log info "waits for $TURN_AFTER"
	until is_over "$TURN_AFTER"; do
		not_stopped
		sleep 0.3
	done
	not_stopped
	[ "$(turn_status "$TURN_AFTER")" = 0 ] || skip "$(how_it_ended "$TURN_AFTER")"
}

not_stopped() {
	[ "$signals" = 0 ] || die $FAULT 'stopped by TERM before its turn' 'the pod was deleted, evicted or past its deadline; this step has changed nothing'
}

# skip REASON - an end like any other for those who wait for this turn, and success for Kubernetes
skip() {
	log warn "not begun: $1"
	last_words 0 "not begun: $1" '' ''
	end_turn $BUSY "$1"
	exit 0
}

# perform SCRIPT [ARGUMENT...] - as the leader of a process group, which is what on_term of a script takes itself for
#
# Without descriptor 9: a server that the script leaves behind would keep the lock.
perform() {
	log info "begins"
	setsid /bin/sh "$@" 9>&- &
	child=$!
	[ "$signals" = 0 ] || kill -TERM "$child" 2>/dev/null || :
	await_script
	child=''
	end_turn "$script_status"
	speak_for_script
	said=yes
	exit "$script_status"
}

# await_script - a signal ends wait as the script's end does; a shell that has told of an end once knows no more of it
await_script() {
	heard=''
	until [ "$heard" = "$signals" ]; do
		heard=$signals before=$script_status script_status=0
		wait "$child" || script_status=$?
	done
	[ "$script_status" != 127 ] || [ "$signals" = 0 ] || script_status=$before
}

# speak_for_script - the last words of one that was killed
speak_for_script() {
	[ "$script_status" -gt 128 ] && [ ! -s "${TERMINATION_LOG:-/dev/termination-log}" ] || return 0
	reason="killed by signal $((script_status - 128))"
	log error "$reason"
	last_words "$script_status" "$reason" 'signal 9 may mean too little memory: look at the limits of the pod' ''
}

main "$@"
