#!/bin/sh
# turns.sh - who is at work in a pod whose steps are started all at once. Sourced after common.sh, never run.
#
# Environment (the only input):
#   TURN                  name of this step among the pod's turns: publish, restore-database
#   TURN_AFTER            turn that must have ended with 0 before this one begins (default: none)
#
# In $WORK_DIR/turns of each turn, named after it:
#   .lock      locked for as long as its container lives, on descriptor 9
#   .begun     the container runs; holds the name of the turn before it
#   .working   the turn before it ended well, and its script runs
#   no suffix  how it ended: the status, and in a second line the reason if its script never ran
# A turn that has begun, holds no lock and has no end was killed: nobody can write an end after SIGKILL.
# Whoever has made .closed lets no further turn begin its work. Both look under the lock of .gate.

# TURN is set by who sources this file.
# shellcheck disable=SC2153

# hold_turn - takes this turn's lock, then says that it has begun
#
# Whoever looks whether the lock is free has it for a moment, so it is waited for. Processes inherit descriptor 9:
# what outlives this shell must be started without it.
hold_turn() {
	turns=$WORK_DIR/turns
	mkdir -p "$turns"
	exec 9>>"$turns/$TURN.lock"
	flock 9
	write_turn "$TURN.begun" "${TURN_AFTER-}"
}

# write_turn NAME LINE... - a file that is there whole or not at all
write_turn() {
	file=$1
	shift
	printf '%s\n' "$@" >"$turns/$file.new"
	mv "$turns/$file.new" "$turns/$file"
}

# end_turn STATUS [REASON] - the first end that is written stays
end_turn() {
	[ -n "${turns-}" ] || return 0
	[ -e "$turns/$TURN" ] || write_turn "$TURN" "$@" || log warn "cannot write how this turn ended: the others take it for killed"
}

# turn_status TURN - how it ended; empty where it has not
turn_status() {
	[ ! -e "$turns/$1" ] || sed -n 1p "$turns/$1"
}

# is_alive TURN - its container runs
is_alive() {
	# In a subshell: the descriptor, and with it the lock, is gone with it.
	[ ! -e "$turns/$1.lock" ] || ! (flock -n 7) 7<"$turns/$1.lock"
}

# is_over TURN - it ended, or was killed
#
# An end is written while the lock is held, so it is looked for after the lock: the other way round a turn that ends
# in between looks killed.
is_over() {
	[ ! -e "$turns/$1" ] || return 0
	[ -e "$turns/$1.begun" ] && ! is_alive "$1"
}

# how_it_ended TURN - in words, of one that is over; of one that never began, what stopped the turn before it
how_it_ended() {
	if [ ! -e "$turns/$1" ]; then
		echo "$1 was killed"
	elif [ -n "$(sed -n 2p "$turns/$1")" ]; then
		sed -n 2p "$turns/$1"
	else
		echo "$1 ended with $(turn_status "$1")"
	fi
}

# begin_work - false where the turns are closed already
begin_work() {
	exec 8>>"$turns/.gate"
	flock 8
	allowed=0
	if [ -e "$turns/.closed" ]; then allowed=1; else : >"$turns/$TURN.working"; fi
	exec 8>&-
	return "$allowed"
}

# close_turns - from here on no turn begins its work; false while one is at it
close_turns() {
	exec 8>>"$turns/.gate"
	flock 8
	quiet=0
	for working in "$turns"/*.working; do
		[ -e "$working" ] || continue
		other=${working##*/}
		is_over "${other%.working}" || quiet=1
	done
	[ "$quiet" != 0 ] || : >"$turns/.closed"
	exec 8>&-
	return "$quiet"
}
