#!/bin/sh
# volume-undo.sh - swap-back undoes a restore that kept the old files, drop-old deletes what it kept. Sourced, never run.
#
# Environment: that of volume-restore.sh. Needs volume-swap.sh and volume-modes.sh.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

# is_named - whether RESTORE_ID is a restore in this folder. An undo from the command line has an id of its own
is_named() {
	[ -d "$OWN" ] || [ -d "$RESTORED" ]
}

# adopt RESTORE - makes it the restore to undo or to drop
adopt() {
	RESTORE_ID=$1
	OWN=.backstay-restore-$RESTORE_ID
	RESTORED=.backstay-restored-$RESTORE_ID
	read_journal "$OWN"
}

# list_kept - $TMP/kept: the time and the id of each restore that kept files, newest first
list_kept() {
	: >"$TMP/kept"
	for folder in .backstay-restore-*; do
		if [ ! -d "$folder" ] || [ -L "$folder" ]; then continue; fi
		read_journal "$folder"
		when=${KEPT:-$TO}
		case $when in
		.backstay-before-* | .backstay-undone-*) printf '%s %s\n' "${when#.backstay-??????-}" "${folder#.backstay-restore-}" >>"$TMP/kept" ;;
		esac
	done
	sort -r -o "$TMP/kept" "$TMP/kept"
	[ -s "$TMP/kept" ] || no_restore
}

# swap_back - swaps the kept files with the live ones: of the named restore, or else of the newest
swap_back() {
	if ! is_named; then
		list_kept
		read -r _ newest <"$TMP/kept"
		adopt "$newest"
		log info "the newest restore is $RESTORE_ID"
	fi
	state_of_journal
	case $JOURNAL_PHASE/$MODE in
	swapping/swap | undoing/swap) end_interrupted ;;
	esac
	case $JOURNAL_PHASE in
	undone)
		state new 'the files from before the restore are back'
		report "$DATA_PATH" "already done: restore $RESTORE_ID was swapped back"
		;;
	done) [ -n "$KEPT" ] || die $WRONG_INPUT "restore $RESTORE_ID kept no old files: it ran with mode: $MODE" 'restore its safety backup from the tier pre-restore' ;;
	swapping | merging | clearing) die $WRONG_INPUT "restore $RESTORE_ID kept no old files: it ran with mode: $MODE" 'run it again to finish it, or restore its safety backup from the tier pre-restore' ;;
	*) no_restore ;;
	esac
	[ -d "$KEPT" ] || die $WRONG_INPUT "the files from before restore $RESTORE_ID are gone: there is no folder $KEPT" 'restore its safety backup from the tier pre-restore'
	put_back
}

# state_of_journal - notes the state before this action changes anything
state_of_journal() {
	case $JOURNAL_PHASE in
	swapping | undoing | merging | clearing) state between "restore $RESTORE_ID was interrupted" ;;
	*) state old 'nothing has changed' ;;
	esac
}

# end_interrupted - finishes an interrupted swap-back, or undoes an interrupted restore
end_interrupted() {
	back=$LISTS
	if [ "$JOURNAL_PHASE/$LISTS" = swapping/back- ]; then resume_swap; fi
	undo_swap || die $FAULT "cannot move the old files back: they are in $TO" "$AGAIN_HINT"
	[ -z "$back" ] || return 0
	state new 'the files from before the restore are back'
	report "$DATA_PATH" "restore $RESTORE_ID was interrupted; the files from before it are back in '$DATA_PATH' of claim $CLAIM"
}

# put_back - swaps with the same journal, in the other direction
put_back() {
	# Left by an earlier swap-back that failed. Other folders may be closed by now.
	rm -f "$OWN"/back-closed-*
	FROM=$KEPT TO=.backstay-undone-$(stamp "$(now)") LISTS=back-
	if [ "$ALL" = yes ]; then
		list_live "$OWN/back-out"
		list_top "$FROM" "$OWN/back-in"
	else
		cp "$OWN/in" "$OWN/back-out"
		cp "$OWN/out" "$OWN/back-in"
	fi
	KEPT=$TO
	swap
}

# drop_old - deletes for good what the named restore kept beside the live files, or else what all of them kept
drop_old() {
	if is_named; then
		drop
		report "$DATA_PATH" "deleted what restore $RESTORE_ID kept in claim $CLAIM${KEPT:+: $KEPT}"
	fi
	list_kept
	dropped=''
	while read -r _ kept; do
		adopt "$kept"
		drop
		dropped=$dropped${dropped:+, }$KEPT
	done <"$TMP/kept"
	KEPT=$dropped
	report "$DATA_PATH" "deleted what restores kept in claim $CLAIM: $dropped"
}

drop() {
	state_of_journal
	case $JOURNAL_PHASE in
	done | undone | dropping) ;;
	swapping | undoing | merging | clearing) die $WRONG_INPUT "restore $RESTORE_ID was interrupted" 'run it again first, to finish it' ;;
	*) [ -d "$RESTORED" ] || no_restore ;;
	esac
	[ -z "$JOURNAL_PHASE" ] || note dropping
	state new 'what the restore kept is being deleted'
	for folder in "$KEPT" "$RESTORED"; do
		[ -z "$folder" ] || ! [ -d "$folder" ] || { log info "deleting $folder" && remove "$folder"; }
	done
	[ ! -d "$OWN" ] || remove "$OWN"
	sync -f .
}

no_restore() {
	die $WRONG_INPUT "there is no restore $RESTORE_ID in '$DATA_PATH' of claim '$CLAIM'" 'check its name; what it kept may have been deleted already'
}
