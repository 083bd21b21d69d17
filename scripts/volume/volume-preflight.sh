#!/bin/sh
# volume-preflight.sh - checks before the first byte is read: folder, permissions, scratch space. Sourced, never run.
#
# Environment: DATA_DIR, DATA_PATH, CLAIM and COMPRESSION of volume-tar.sh; TMP, a folder for lists.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

READ_HINT='run as the user that owns the data (pod.runAsUser), or in a group that may read it (pod.supplementalGroups)'
# No ordinary data compresses better than this. Logs reach 15.
BEST_RATIO=20

# preflight - dies unless the folder exists, every file is readable and the archive has a chance to fit
preflight() {
	enter
	read_patterns
	list_names
	refuse_unreadable
	check_room
}

# enter - changes to the data folder. Links of the claim may lead to it, but not out of the claim
enter() {
	[ -d "$DATA_DIR" ] || die $WRONG_INPUT "claim '$CLAIM' is not mounted: there is no folder $DATA_DIR" 'check claim: of this source'
	cd "$DATA_DIR" 2>/dev/null || die $NOT_ALLOWED "user $(id -u) may not enter claim '$CLAIM'" "$READ_HINT"
	root=$(pwd -P)
	[ -d "./$DATA_PATH" ] || [ ! -x . ] || die $WRONG_INPUT "there is no folder '$DATA_PATH' in claim '$CLAIM'" "check path: of this source, and that user $(id -u) may enter the folders above it"
	cd "./$DATA_PATH" 2>/dev/null || die $NOT_ALLOWED "user $(id -u) may not enter '$DATA_PATH' of claim '$CLAIM'" "$READ_HINT"
	here=$(pwd -P)
	case $here/ in
	"${root%/}"/*) ;;
	*) die $WRONG_INPUT "'$DATA_PATH' is outside claim '$CLAIM'" 'check path: of this source for .. and for links' ;;
	esac
	case $WORK_DIR/ in
	"${here%/}"/*) die $WRONG_INPUT "the scratch space $WORK_DIR is inside the data" 'mount it elsewhere: a backup must not contain itself' ;;
	esac
	LOST_AND_FOUND=/
	[ "$here" != "$root" ] || LOST_AND_FOUND=./lost+found
}

# refuse_unreadable - names unreadable files before the work begins. A backup without them would look complete
refuse_unreadable() {
	[ -s "$TMP/unreadable" ] || return 0
	die $NOT_ALLOWED "user $(id -u) may not read $(count_names <"$TMP/unreadable") of the files: $(first_names <"$TMP/unreadable")" "$READ_HINT"
}

# check_room - refuses only what can hardly fit. Nobody knows beforehand how well the data compresses: a wrong refusal loses
# a backup, while a run that does not fit after all ends at the limit below
check_room() {
	content
	free=$(free_bytes)
	needed=$CONTENT
	[ "$COMPRESSION" = none ] || needed=$((CONTENT / BEST_RATIO))
	[ "$needed" -le "$free" ] || refuse_room "$free" "$needed" "$(human "$CONTENT") of data does not fit into $(human "$free") of scratch space" 'give the run more scratch space: pod.scratch.size'
	[ "$(count_names <"$TMP/names")" != 1 ] || log warn "'$DATA_PATH' of claim '$CLAIM' is empty: is it the right folder?"
	log info "$(count_names <"$TMP/names") entries, $(human "$CONTENT") of data, $(human "$free") of scratch space free"
	# Writing beyond the limit is a plain write error. Full scratch space would evict the pod without a reason.
	trap '' XFSZ
	ulimit -f $((free / 512 + 1)) 2>/dev/null || :
}
