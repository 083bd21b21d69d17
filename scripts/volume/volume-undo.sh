#!/bin/sh
# volume-undo.sh - how a restore that kept the old files is undone, or ended for good. Sourced, never run.
#
# Environment: that of volume-restore.sh; with volume-swap.sh and volume-modes.sh.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

# is_named - whether RESTORE_ID is a restore that was made here; the command line gives an undo an id of its own
is_named() {
	[ -d "$OWN" ] || [ -d "$RESTORED" ]
}

# take RESTORE - becomes the restore that is undone or ended
take() {
	RESTORE_ID=$1
	OWN=.backstay-restore-$RESTORE_ID
	RESTORED=.backstay-restored-$RESTORE_ID
	read_journal "$OWN"
}

# list_kept - to $TMP/kept: when a restore put files away, and which one; the newest first
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

# swap_back - what the restore put away comes back, and what is there now is put away; of the newest, where none is named
swap_back() {
	if ! is_named; then
		list_kept
		read -r _ newest <"$TMP/kept"
		take "$newest"
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
	done) [ -n "$KEPT" ] || die $WRONG_INPUT "restore $RESTORE_ID kept nothing: it was made with mode: $MODE" 'restore the backup that was made before it, in the tier pre-restore' ;;
	swapping | merging | clearing) die $WRONG_INPUT "restore $RESTORE_ID kept nothing: it was made with mode: $MODE" 'run it again, which finishes it, or restore the backup that was made before it' ;;
	*) no_restore ;;
	esac
	[ -d "$KEPT" ] || die $WRONG_INPUT "the files from before restore $RESTORE_ID are not there: $KEPT is gone" 'restore the backup that was made before it, in the tier pre-restore'
	put_back
}

# state_of_journal - what is there before this action changes anything
state_of_journal() {
	case $JOURNAL_PHASE in
	swapping | undoing | merging | clearing) state between "restore $RESTORE_ID was stopped in the middle" ;;
	*) state old 'nothing has changed' ;;
	esac
}

# end_interrupted - a restore that was stopped in the middle is undone; a way back that was, is gone to its end
end_interrupted() {
	back=$LISTS
	if [ "$JOURNAL_PHASE/$LISTS" = swapping/back- ]; then go_on_swapping; fi
	undo_swap || die $FAULT "the old files cannot be moved back: they are in $TO" "$AGAIN_HINT"
	[ -z "$back" ] || return 0
	state new 'the files from before the restore are back'
	report "$DATA_PATH" "restore $RESTORE_ID was stopped in the middle; the files from before it are back in '$DATA_PATH' of claim $CLAIM"
}

# put_back - the same journal, the other way
put_back() {
	# Of an earlier way back that failed: what is closed may be others by now.
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

# drop_old - what restores kept beside the live files is deleted, for good: of the one that is named, or of all
drop_old() {
	if is_named; then
		drop
		report "$DATA_PATH" "what restore $RESTORE_ID kept in claim $CLAIM is deleted${KEPT:+: $KEPT}"
	fi
	list_kept
	dropped=''
	while read -r _ kept; do
		take "$kept"
		drop
		dropped=$dropped${dropped:+, }$KEPT
	done <"$TMP/kept"
	KEPT=$dropped
	report "$DATA_PATH" "what restores kept in claim $CLAIM is deleted: $dropped"
}

drop() {
	state_of_journal
	case $JOURNAL_PHASE in
	done | undone | dropping) ;;
	swapping | undoing | merging | clearing) die $WRONG_INPUT "restore $RESTORE_ID was stopped in the middle" 'run it again first' ;;
	*) [ -d "$RESTORED" ] || no_restore ;;
	esac
	[ -z "$JOURNAL_PHASE" ] || note dropping
	state new 'what the restore kept is being deleted'
	for folder in "$KEPT" "$RESTORED"; do
		[ -z "$folder" ] || ! [ -d "$folder" ] || { log info "deletes $folder" && remove "$folder"; }
	done
	[ ! -d "$OWN" ] || remove "$OWN"
	sync -f .
}

no_restore() {
	die $WRONG_INPUT "there is no restore $RESTORE_ID in '$DATA_PATH' of claim '$CLAIM'" 'look at its name; what it kept may be deleted already'
}
