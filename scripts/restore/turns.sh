#!/bin/sh
# turns.sh - which step may work in a pod whose containers all start at once. Sourced after common.sh, never run.
#
# Environment (the only input):
#   TURN                  name of this step's turn: publish, restore-database
#   TURN_AFTER            turn that must succeed before this one starts (default: none)
#
# Files of each turn in $WORK_DIR/turns, named after it:
#   .lock      locked while its container lives, on descriptor 9
#   .begun     its container runs; holds the name of the previous turn
#   .working   the previous turn succeeded, and its script runs
#   no suffix  how it ended: the status, then the reason if its script never ran
# A turn that began but has neither lock nor end was killed: a process cannot write anything after SIGKILL.
# Once .closed exists, no turn starts working. .working and .closed are both written under the lock of .gate.

# TURN is set by the script that sources this file.
# shellcheck disable=SC2153

# hold_turn - takes this turn's lock, then announces the turn
#
# It waits for the lock, because whoever checks the lock holds it for a moment. Child processes inherit descriptor 9, so
# those that outlive this shell must be started without it.
hold_turn() {
	turns=$WORK_DIR/turns
	mkdir -p "$turns"
	exec 9>>"$turns/$TURN.lock"
	flock 9
	write_turn "$TURN.begun" "${TURN_AFTER-}"
}

# write_turn NAME LINE... - writes a file atomically
write_turn() {
	file=$1
	shift
	printf '%s\n' "$@" >"$turns/$file.new"
	mv "$turns/$file.new" "$turns/$file"
}

# end_turn STATUS [REASON] - the first call wins
end_turn() {
	[ -n "${turns-}" ] || return 0
	[ -e "$turns/$TURN" ] || write_turn "$TURN" "$@" || log warn "cannot record how this turn ended: the other turns will treat it as killed"
}

# turn_status TURN - its status, or nothing while it runs
turn_status() {
	[ ! -e "$turns/$1" ] || sed -n 1p "$turns/$1"
}

# is_alive TURN - whether its container runs
is_alive() {
	# In a subshell, whose exit closes the descriptor and so frees the lock.
	[ ! -e "$turns/$1.lock" ] || ! (flock -n 7) 7<"$turns/$1.lock"
}

# is_over TURN - whether it ended or was killed
#
# A turn writes its end while it holds the lock, so look at the lock first and then for the end. In the other order, a
# turn that ends in between looks killed.
is_over() {
	[ ! -e "$turns/$1" ] || return 0
	[ -e "$turns/$1.begun" ] && ! is_alive "$1"
}

# how_it_ended TURN - in words, once it is over. A turn that was skipped passes on the reason of the turn that failed
how_it_ended() {
	if [ ! -e "$turns/$1" ]; then
		echo "$1 was killed"
	elif [ -n "$(sed -n 2p "$turns/$1")" ]; then
		sed -n 2p "$turns/$1"
	else
		echo "$1 ended with $(turn_status "$1")"
	fi
}

# begin_work - false if the turns are closed
begin_work() {
	exec 8>>"$turns/.gate"
	flock 8
	allowed=0
	if [ -e "$turns/.closed" ]; then allowed=1; else : >"$turns/$TURN.working"; fi
	exec 8>&-
	return "$allowed"
}

# close_turns - lets no further turn start working; false while one is working
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
