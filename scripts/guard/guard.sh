#!/bin/sh
# guard.sh - stops the applications before a restore and starts them again afterwards, however the restore ends.
#
# It runs beside the steps of the restore, in the kubectl image with the shell from install-shell.sh. No other container
# of the pod has a token.
#
# Environment (the only input; common.sh, turns.sh and the other files of the guard list the rest):
#   TURN_FIRST            the turn that fetches the backup; the guard waits for it before it does anything (default: none)
#   TURN_LAST             the last turn that works on data of the applications
#   STATES                parts to restore, one per line; run/state-<part> holds the state of each
# Output: log lines on stderr, nothing on stdout.
# Exit: 0 the guard did its job, even if the restore failed, which the restore's own step reports; 10 the restore ended, but
# an application is not available; 64 refused: nothing was stopped, or everything runs again; 69 the API server does not
# answer, or pods did not end; 70 stopped by TERM before the restore; 77 its Role does not allow it.
#
# Phases: Stopping, Restoring, Starting, then Completed or Failed.

# each_application and await call functions by name, and other files read the variables set here.
# shellcheck disable=SC2034,SC2317
set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/turns.sh"
. "$(dirname "$0")/guard-cluster.sh"
. "$(dirname "$0")/guard-applications.sh"
. "$(dirname "$0")/guard-claims.sh"

main() {
	need_env WORK_DIR NAMESPACE RESTORE_ID POD_NAME TURN_LAST
	STOP_WAIT_SECONDS=${STOP_WAIT_SECONDS:-300} START_WAIT_SECONDS=${START_WAIT_SECONDS:-300}
	KUBE_WAIT_SECONDS=${KUBE_WAIT_SECONDS:-60} GRACE_SECONDS=${GRACE_SECONDS:-60}
	need_number STOP_WAIT_SECONDS START_WAIT_SECONDS KUBE_WAIT_SECONDS GRACE_SECONDS
	need_cmd kubectl flock
	TURN=guard TMP=$WORK_DIR/tmp/guard touched='' settled='' restore_phase='' earlier=''
	mkdir -p "$TMP"
	# Created now, because applications must be started again on a full disk too.
	for file in said error refused hints applications meanwhile unavailable parts; do : >"$TMP/$file"; done
	trap on_exit EXIT
	trap on_guard_term TERM
	hold_turn

	await_first
	[ ! -e "$WORK_DIR/run/already" ] || leave_as_done
	show_phase Stopping
	prepare
	stop
	show_phase Restoring
	end_turn 0
	await_restore
	bring_back
	if [ "$(turn_status "$TURN_LAST")" = 0 ]; then
		conclude Completed restored
	else
		conclude Failed "not restored: $(how_last_ended)"
	fi
}

# await_first - if the fetch fails there is nothing to restore, but an earlier attempt may have left applications stopped
await_first() {
	[ -n "${TURN_FIRST-}" ] || return 0
	until is_over "$TURN_FIRST"; do
		not_stopped
		run sleep 0.5 || :
	done
	[ "$(turn_status "$TURN_FIRST")" != 0 ] || return 0
	end_turn $BUSY "$(how_it_ended "$TURN_FIRST")"
	find_applications
	give_up 0 "nothing was stopped or restored: $(how_it_ended "$TURN_FIRST")" ''
}

# leave_as_done - nothing to restore, but the attempt that did may have been killed before it started the applications
leave_as_done() {
	end_turn 0
	find_applications
	bring_back
	conclude Completed 'already done'
}

# prepare - makes every check that can refuse the restore, before anything is stopped
prepare() {
	find_applications
	each_application refuse_managed
	each_claim refuse_strangers
	not_refused
	await_steps
}

stop() {
	each_application renew_safety
	stop_applications
	each_claim refuse_users
	not_refused
	each_application mark_restoring
}

# await_steps - keeps the applications running until every step's container runs, and so its image is pulled
await_steps() {
	[ -s "$TMP/applications" ] || return 0
	log info 'waiting until the containers of all steps run'
	next=$TURN_LAST
	while [ -n "$next" ] && [ "$next" != "$TURN" ]; do
		not_stopped
		! is_over "$next" || give_up 0 "nothing was stopped: $(how_it_ended "$next")" ''
		if [ -e "$turns/$next.begun" ]; then next=$(cat "$turns/$next.begun"); else run sleep 0.5 || :; fi
	done
}

# on_guard_term - sets what every wait checks; a running kubectl finishes first
on_guard_term() {
	[ -z "$stopped_at" ] || return 0
	stopped_at=$(date +%s)
	log warn 'TERM: the pod was deleted, evicted or past its deadline'
}

not_stopped() {
	[ -z "$stopped_at" ] || give_up $FAULT 'stopped by TERM before the restore began' 'the pod was deleted, evicted or past its deadline; nothing was restored'
}

# await_restore - waits until the last step is over and no step works; after TERM, as long as the grace period allows
#
# The last step may be killed while an earlier one works.
await_restore() {
	until [ -n "$stopped_at" ] || is_over "$TURN_LAST"; do run sleep 0.5 || :; done
	until close_turns; do
		if [ -n "$stopped_at" ] && [ "$(date +%s)" -ge "$(last_moment)" ]; then
			log warn 'a step is still working, and the grace period leaves no more time'
			break
		fi
		run sleep 0.5 || :
	done
}

# half_restored_parts - parts that are half restored
half_restored_parts() {
	printf '%s\n' "${STATES-}" >"$TMP/parts"
	while read -r part; do
		[ -n "$part" ] || continue
		state=$(presumed_state)
		[ ! -s "$WORK_DIR/run/state-$part" ] || read -r state _ <"$WORK_DIR/run/state-$part" || :
		case $state in old | new) ;; *) printf '%s ' "$part" ;; esac
	done <"$TMP/parts"
}

# presumed_state - of a part without a state: untouched, unless an earlier attempt had started on it
presumed_state() {
	if [ "$(turn_status "$TURN_LAST")" = 0 ] || [ -e "$WORK_DIR/run/already" ]; then
		echo new
	elif [ -n "$earlier" ]; then
		echo between
	else
		echo old
	fi
}

# bring_back - starts the stopped applications, unless a part is half restored and so must not be used
bring_back() {
	settled=yes stays='' unavailable=''
	[ -n "$touched" ] || return 0
	stays=$(half_restored_parts)
	stays=${stays% }
	if [ -n "$stays" ]; then
		log error "applications stay stopped: half restored: $stays"
		return 0
	fi
	show_phase Starting
	start_applications || return 0
	await_available || unavailable=$(in_one "$TMP/unavailable")
}

# await_available - like await, but TERM ends it without an error: everything is started
await_available() {
	since=$(date +%s)
	until all_available; do
		[ -z "$stopped_at" ] || return 0
		[ $(($(date +%s) - since)) -lt "$START_WAIT_SECONDS" ] || return 1
		run sleep 2 || :
	done
}

how_last_ended() {
	if is_over "$TURN_LAST"; then how_it_ended "$TURN_LAST"; else echo "$TURN_LAST was still working"; fi
}

# conclude PHASE OUTCOME - reports how the restore ended and whether the applications run
conclude() {
	show_phase "$1"
	[ -z "$stays" ] || leave 0 "$2; half restored: $stays; $(stopped_words)" "$STOPPED_HINT"
	# While no application runs, another restore loses nothing.
	[ -z "$not_started" ] || leave "$([ -n "$started" ] && echo $DEGRADED || echo $UNAVAILABLE)" "$2, but not started: $not_started" "$STOPPED_HINT"
	[ -z "$unavailable" ] || leave $DEGRADED "$2, but not available after ${START_WAIT_SECONDS}s: $unavailable" 'look at its pods; the restore itself is not retried'
	[ ! -s "$TMP/meanwhile" ] || leave $DEGRADED "$2, but something else started: $(in_one "$TMP/meanwhile")" \
		'it ran while its data was replaced: check what it wrote, and pause whatever started it'
	leave 0 "$2${started:+; started: $started}" ''
}

STOPPED_HINT='the next attempt of the Job continues; if there is none, apply the restore again. The annotation backstay.dev/replicas has the replica count'

stopped_words() {
	echo "stopped: $(awk -F '|' '{ printf "%s%s %s/%s", (NR > 1 ? ", " : ""), $2, $1, $3 }' "$TMP/applications")"
}

# give_up STATUS REASON [HINT] - ends the guard before the restore begins
give_up() {
	[ -z "$settled" ] || leave "$1" "$2" "${3-}"
	gave_status=$1 gave_reason=$2 gave_hint=${3-}
	end_turn "$gave_status" "$gave_reason"
	bring_back
	show_phase Failed
	[ -z "$stays$not_started" ] || gave_reason="$gave_reason; $(stopped_words)" gave_hint="$gave_hint; $STOPPED_HINT"
	leave "$gave_status" "$gave_reason" "$gave_hint"
}

# leave STATUS REASON HINT - with the phase of the restore in the last words
leave() {
	trap '' TERM
	if [ "$1" = 0 ]; then log info "$2"; else log error "$2"; fi
	[ -z "${3-}" ] || log hint "$3"
	last_words "$1" "$2" "${3-}" "\"restorePhase\":\"$restore_phase\""
	said=yes
	exit "$1"
}

# tidy - starts the applications again after an unexpected failure too
tidy() {
	end_turn "$ended"
	[ -n "${settled-yes}" ] || bring_back
}

main "$@"
