#!/bin/sh
# turn.sh - runs a script when its turn comes, in a pod whose containers all start at once.
#
# usage: turn.sh SCRIPT [ARGUMENT...]
# Environment (the only input; common.sh, turns.sh and the script list the rest):
#   TURN_FREE   true: the script touches nothing that the applications use, and may start after they do (default: false)
# Output: log lines on stderr, and the script's output.
# Exit: the script's own status; 0 with last words if the previous turn failed: that container already fails the pod, and a
# second failed container would hide it; 70 stopped by TERM before its turn.

# Traps call these functions by name.
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
	# The guard only waits for work on data of the applications. A restore may be recorded after it is done.
	[ "${TURN_FREE-}" = true ] || begin_work || skip 'the guard has closed all turns'
	perform "$@"
}

# on_turn_term - passes TERM on to the script, which undoes its work
on_turn_term() {
	signals=$((signals + 1))
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
}

# tidy - tells the other turns, however this one ends
tidy() {
	end_turn "$ended"
}

await_turn() {
	log info "waiting for $TURN_AFTER"
	until is_over "$TURN_AFTER"; do
		not_stopped
		sleep 0.3
	done
	not_stopped
	[ "$(turn_status "$TURN_AFTER")" = 0 ] || skip "$(how_it_ended "$TURN_AFTER")"
}

not_stopped() {
	[ "$signals" = 0 ] || die $FAULT 'stopped by TERM before its turn' 'the pod was deleted, evicted or past its deadline; this step changed nothing'
}

# skip REASON - ends the turn for those who wait for it, and succeeds for Kubernetes
skip() {
	log warn "skipped: $1"
	last_words 0 "skipped: $1" '' ''
	end_turn $BUSY "$1"
	exit 0
}

# perform SCRIPT [ARGUMENT...] - as leader of a process group, which on_term of a script relies on
#
# Without descriptor 9: a server left behind by the script would hold the lock.
perform() {
	log info "starting"
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

# await_script - a signal interrupts wait, so it is called again. Once a shell has reported a status, it forgets it
await_script() {
	heard=''
	until [ "$heard" = "$signals" ]; do
		heard=$signals before=$script_status script_status=0
		wait "$child" || script_status=$?
	done
	[ "$script_status" != 127 ] || [ "$signals" = 0 ] || script_status=$before
}

# speak_for_script - writes the last words of a script that was killed
speak_for_script() {
	[ "$script_status" -gt 128 ] && [ ! -s "${TERMINATION_LOG:-/dev/termination-log}" ] || return 0
	reason="killed by signal $((script_status - 128))"
	log error "$reason"
	last_words "$script_status" "$reason" 'signal 9 often means out of memory: raise pod.resources.limits.memory' ''
}

main "$@"
