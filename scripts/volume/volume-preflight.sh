#!/bin/sh
# volume-preflight.sh - what volume-tar.sh looks at before it reads. Sourced, never run.
#
# Environment: DATA_DIR, DATA_PATH, CLAIM and COMPRESSION of volume-tar.sh; TMP, a folder for lists.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

READ_HINT='run as the user that owns the data (pod.runAsUser), or in a group that may read it (pod.supplementalGroups)'
# No ordinary data packs better than this; logs reach 15 times.
BEST_RATIO=20

# preflight - the folder is there, every file in it may be read, and there may be room
preflight() {
	enter
	read_patterns
	list_names
	refuse_unreadable
	check_room
}

# enter - makes the folder the working directory; the claim's own links may lead to it, but not out of the claim
enter() {
	[ -d "$DATA_DIR" ] || die $WRONG_INPUT "claim '$CLAIM' is not mounted: there is no folder $DATA_DIR" 'look at claim: of this source'
	cd "$DATA_DIR" 2>/dev/null || die $NOT_ALLOWED "user $(id -u) may not enter claim '$CLAIM'" "$READ_HINT"
	root=$(pwd -P)
	[ -d "./$DATA_PATH" ] || [ ! -x . ] || die $WRONG_INPUT "there is no folder '$DATA_PATH' in claim '$CLAIM'" "look at path: of this source; if it is there, user $(id -u) may not enter what is above it"
	cd "./$DATA_PATH" 2>/dev/null || die $NOT_ALLOWED "user $(id -u) may not enter '$DATA_PATH' of claim '$CLAIM'" "$READ_HINT"
	here=$(pwd -P)
	case $here/ in
	"${root%/}"/*) ;;
	*) die $WRONG_INPUT "'$DATA_PATH' leads out of claim '$CLAIM'" 'look at path: of this source: a link, or .. in it' ;;
	esac
	case $WORK_DIR/ in
	"${here%/}"/*) die $WRONG_INPUT "the scratch space $WORK_DIR lies inside the data" 'a backup must not hold itself' ;;
	esac
	LOST_AND_FOUND=/
	[ "$here" != "$root" ] || LOST_AND_FOUND=./lost+found
}

# refuse_unreadable - all at once and before the work; a backup that skips them would look like one
refuse_unreadable() {
	[ -s "$TMP/unreadable" ] || return 0
	die $NOT_ALLOWED "user $(id -u) may not read $(count_names <"$TMP/unreadable") of the files: $(first_names <"$TMP/unreadable")" "$READ_HINT"
}

# check_room - refuses only what can hardly fit: how well data packs is known afterwards, and a wrong refusal is a lost
# backup, while a run that was let through in vain ends at the limit below with the same status
check_room() {
	content
	free=$(free_bytes)
	needed=$CONTENT
	[ "$COMPRESSION" = none ] || needed=$((CONTENT / BEST_RATIO))
	[ "$needed" -le "$free" ] || die $NO_ROOM "$(human "$CONTENT") of data do not fit into $(human "$free") of scratch space" 'give the run more: pod.scratch.size'
	[ "$(count_names <"$TMP/names")" != 1 ] || log warn "there is nothing in '$DATA_PATH' of claim '$CLAIM': is it the right one?"
	log info "$(count_names <"$TMP/names") entries, $(human "$CONTENT") of data, $(human "$free") of scratch space free"
	# What goes over it is a plain write error: a full scratch would be an eviction without a word.
	trap '' XFSZ
	ulimit -f $((free / 512 + 1)) 2>/dev/null || :
}
