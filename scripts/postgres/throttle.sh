#!/bin/sh
# throttle.sh - limits concurrent backups of one server to THROTTLE_SLOTS. Sourced, never run.
#
# A slot is a session-level advisory lock on that server: pg_try_advisory_lock(THROTTLE_LOCK, slot), slots counted from 1,
# in THROTTLE_DATABASE, because advisory locks are per database. A process that dies loses its session, and with it the slot.
# The lock is polled, because a waiting statement would hold back vacuum.
#
# Environment: THROTTLE_DATABASE, THROTTLE_SLOTS, THROTTLE_WAIT_SECONDS, and what postgres.sh needs.
# Gives: SLOT, WAITED (seconds), HELD (true or false).

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# "back" in ASCII; never changes, or two versions of backstay would not see each other.
THROTTLE_LOCK=1650549611
SLOT=0 WAITED=0 HELD=false holder='' asked=0

# take_slot - waits up to THROTTLE_WAIT_SECONDS for a free slot
take_slot() {
	PHASE=throttle
	open_holder
	since=$(date +%s) pause=1
	while :; do
		try_slots
		WAITED=$(($(date +%s) - since))
		[ "$SLOT" = 0 ] || break
		[ "$WAITED" -lt "$THROTTLE_WAIT_SECONDS" ] ||
			die $BUSY "$THROTTLE_SLOTS backups of $PGHOST:$PGPORT are still running after ${WAITED}s" 'spread the schedules, or raise throttle: in the values'
		[ "$WAITED" != 0 ] || log info "$THROTTLE_SLOTS backups of $PGHOST:$PGPORT are running; waiting up to ${THROTTLE_WAIT_SECONDS}s"
		run sleep "$pause"
		[ "$pause" -ge 15 ] || pause=$((pause * 2))
	done
	HELD=true
	log info "slot $SLOT of $THROTTLE_SLOTS after ${WAITED}s"
}

# open_holder - starts a psql that runs what is written to descriptor 9, until it is closed
#
# Descriptor 9 is open for reading too, so that opening and writing never block, and never fail on a dead psql.
open_holder() {
	rm -f "$TMP/throttle.in"
	mkfifo "$TMP/throttle.in"
	: >"$TMP/throttle" 2>"$TMP/throttle.err"
	exec 9<>"$TMP/throttle.in"
	PGAPPNAME="$PGAPPNAME throttle" psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
		--dbname="$(conninfo "$THROTTLE_DATABASE")" <"$TMP/throttle.in" >"$TMP/throttle" 2>"$TMP/throttle.err" 9>&- &
	holder=$!
	ask_holder "set idle_session_timeout = 0; select 'ready'"
	[ "$answer" = ready ] || refuse_holder
}

refuse_holder() {
	log error "cannot hold the throttle lock in database $THROTTLE_DATABASE"
	! grep -qE "$PASSING" "$TMP/throttle.err" || give_up "$TMP/throttle.err"
	refuse_session "$TMP/throttle.err" throttleDatabase
}

# ask_holder SQL - puts the returned row into $answer; empty when the session is lost
ask_holder() {
	asked=$((asked + 1)) answer='' patience=300
	printf '%s;\n\\echo end-%s\n' "$1" "$asked" >&9
	until grep -qx "end-$asked" "$TMP/throttle"; do
		patience=$((patience - 1))
		[ "$patience" -gt 0 ] || return 0
		! holder_ended || return 0
		run sleep 0.1
	done
	answer=$(awk -v end="end-$asked" '$0 == end { print row } { row = $0 }' "$TMP/throttle")
}

# holder_ended - kill -0 reports a process that ended but was not waited for as alive
holder_ended() {
	! grep -q '^State:.[^ZX]' "/proc/$holder/status" 2>/dev/null
}

try_slots() {
	slot=1
	while [ "$slot" -le "$THROTTLE_SLOTS" ]; do
		ask_holder "select pg_catalog.pg_try_advisory_lock($THROTTLE_LOCK, $slot)"
		[ -n "$answer" ] || refuse_holder
		if [ "$answer" = t ]; then
			SLOT=$slot
			return 0
		fi
		slot=$((slot + 1))
	done
}

# check_slot - warns if the slot was lost; the dump is good all the same
check_slot() {
	ask_holder "select count(*) from pg_catalog.pg_locks where pid = pg_catalog.pg_backend_pid() and locktype = 'advisory' and granted"
	[ "$answer" != 1 ] || return 0
	HELD=false
	log warn "lost the throttle session: for a while, more than $THROTTLE_SLOTS backups may have run against this server"
}

# release_slot - ends the session; safe to call again
release_slot() {
	[ -n "$holder" ] || return 0
	exec 9>&-
	kill "$holder" 2>/dev/null || :
	wait "$holder" 2>/dev/null || :
	holder=''
}
