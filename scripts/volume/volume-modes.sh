#!/bin/sh
# volume-modes.sh - the modes of a restore: how unpacked files get into place. Sourced, never run.
#
# Environment: that of volume-restore.sh, whose header defines the modes. Needs volume-unpack.sh and volume-swap.sh.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

AGAIN_HINT='run the restore again: it continues where this one stopped'

# note PHASE - writes the phase to the journal, or dies
note() {
	journal "$1" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "cannot write the journal of the restore in claim '$CLAIM'"
}

# unpack_here - unpacks into FROM and flushes it to the disk. clear and fill need the recorded owner and mode of the root
unpack_here() {
	mkdir -m 700 "$FROM"
	unpack_into "$FROM" "$SAME_OWNER"
	[ "$ALL" = yes ] || as_open_as_here "$FROM"
	stat -c '%a %u:%g' "$FROM" >"$OWN/root"
	with_attributes tar --create --file="$OWN/root.tar" --directory="$FROM" --no-recursion .
	touch -r "$FROM" "$OWN/root"
	sync -f "$FROM" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "cannot flush the unpacked files to the disk of claim '$CLAIM'"
}

into_place_beside() {
	check_claim 0
	note unpacking
	unpack_here
	open_from
	trap '' TERM
	mv -T "$FROM" "$RESTORED" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "cannot rename the unpacked files to $RESTORED"
	close_beside
	state new "restored beside the live files, in $RESTORED"
	report "$RESTORED" "$ENTRIES files and folders of $BACKUP are in $RESTORED of '$DATA_PATH' in claim $CLAIM; nothing else has changed"
}

into_place_swap() {
	check_claim 0
	note unpacking
	unpack_here
	open_from
	make_lists "$OWN/out" "$OWN/in"
	TO=.backstay-before-$(stamp "$(now)")
	KEPT=$TO
	swap
}

# close_beside - restores the mode of the folder, which had to be writable for the rename, and removes OWN
close_beside() {
	if [ -f "$OWN/root" ]; then chmod "$(cut -d ' ' -f 1 "$OWN/root")" "$RESTORED"; fi
	sync -f .
	remove "$OWN"
}

# open_from - makes FROM writable, whatever mode it had in the backup: its files are about to leave it
open_from() {
	chmod u+rwx "$FROM"
}

# make_lists OUT IN - the names that leave the live files, and those that enter
make_lists() {
	if [ "$ALL" = yes ]; then
		list_live "$1"
		list_top "$FROM" "$2"
	else
		list_units "$1" "$2"
	fi
}

# swap - forwards, or if that fails, all the way back
swap() {
	note swapping
	trap '' TERM
	state between "the swap is under way: old files are in $TO, restored files in $FROM"
	log info "swapping files: the old ones move to $TO"
	if exchanged; then swapped; fi
	cp "$TMP/err" "$TMP/err.swap"
	undo_swap || die $FAULT "the swap failed, and so did the rollback: the old files are in $TO" "$AGAIN_HINT"
	fail_as "$TMP/err.swap" $FAULT 'the swap failed and was rolled back'
}

# exchanged - runs exchange. $TMP/err keeps its errors for the reason of a failure
exchanged() {
	exchange 2>"$TMP/err" || return 1
	cat "$TMP/err" >&2
}

# undo_swap - moves the old files back. The journal may fail: a full disk must not stop the rollback
undo_swap() {
	journal undoing || :
	exchange_back || return 1
	if [ -n "$LISTS" ]; then
		KEPT=$FROM LISTS=''
		note "done"
	else
		JOURNAL_PHASE=''
		remove "$OWN"
	fi
	state old 'all files were moved back'
}

# swapped - completes a swap in either direction
swapped() {
	if [ -n "$LISTS" ]; then
		remove_empty "$FROM"
		note undone
		state new "the files from before the restore are back"
		report "$DATA_PATH" "the files from before restore $RESTORE_ID are back in '$DATA_PATH' of claim $CLAIM; the restored files are in $KEPT" \
			'drop-old deletes the restored files'
	fi
	remove "$FROM"
	[ "$MODE" = swap ] || restore_root
	note "done"
	state new 'the restored files are in place'
	report_done
}

report_done() {
	text="$ENTRIES files and folders of $BACKUP are in '$DATA_PATH' of claim $CLAIM"
	if [ -n "$KEPT" ]; then
		report "$DATA_PATH" "$text; the old files are in $KEPT" 'swap-back undoes it; when all is well, drop-old deletes the old files'
	fi
	report "$DATA_PATH" "$text"
}

into_place_merge() {
	check_claim 0
	note unpacking
	unpack_here
	open_from
	list_folders "$FROM" || die $WRONG_INPUT "folders in '$DATA_PATH' of claim '$CLAIM' are in the way of files: $(tr '\0' '\n' <"$TMP/in-the-way" | head -n 3 | tr '\n' ' ')" \
		'move them away, restore with mode: swap, or leave them out of paths:'
	refuse_foreign "$TMP/folders"
	note merging
	finish_merging
}

finish_merging() {
	trap '' TERM
	state between 'some files are restored, others are not yet'
	merge "$FROM" 2>"$TMP/err" || {
		cat "$TMP/err" >&2
		die $FAULT "cannot move all restored files into place: $(head -n 3 "$TMP/err" | tr '\n' ' ')" "$AGAIN_HINT"
	}
	remove "$FROM"
	note "done"
	state new 'the restored files are in place'
	report_done
}

into_place_clear() {
	list_doomed
	measure_doomed
	check_claim "$FREED"
	refuse_undeletable
	try_attributes
	note clearing
	state between 'the old files are being deleted'
	[ "$ALL" = yes ] || { folders_above "$TMP/doomed" "$TMP/coming" && open_here "$TMP/above"; } || die $FAULT 'cannot make the folders of these files writable' "$AGAIN_HINT"
	run xargs -0 -r -a "$TMP/doomed" rm -rf -- 2>"$TMP/err" || remove_closed
	into_emptied
}

# list_doomed - $TMP/doomed: what clear deletes
list_doomed() {
	if [ "$ALL" = yes ]; then list_live "$TMP/doomed"; else list_units "$TMP/doomed" "$TMP/coming"; fi
}

# refuse_undeletable - dies before anything is deleted if a closed folder of another user would keep its files
refuse_undeletable() {
	: >"$TMP/above"
	[ "$ALL" = yes ] || folders_above "$TMP/doomed" "$TMP/coming"
	# shellcheck disable=SC2016 # expanded by that shell
	run xargs -0 -r -a "$TMP/doomed" sh -c 'for name; do [ ! -d "$name" ] || [ -L "$name" ] || find "./$name" -type d ! -writable -print0; done' >>"$TMP/above"
	refuse_foreign "$TMP/above"
}

# measure_doomed - FREED, the bytes that deleting them frees
measure_doomed() {
	FREED=0
	[ -s "$TMP/doomed" ] || return 0
	xargs -0 -a "$TMP/doomed" du -sk -- >"$TMP/du" 2>/dev/null || :
	FREED=$(awk '{ sum += $1 } END { printf "%.0f\n", sum * 1024 }' "$TMP/du")
}

# remove_closed - deletes again, after making closed folders writable
remove_closed() {
	xargs -0 -r -a "$TMP/doomed" chmod -R u+rwX -- 2>/dev/null || :
	run xargs -0 -r -a "$TMP/doomed" rm -rf -- 2>"$TMP/err" || fail_as "$TMP/err" $FAULT 'cannot delete all of the old files'
}

into_place_fill() {
	check_claim 0
	note unpacking
	into_emptied
}

# into_emptied - a swap without old files
into_emptied() {
	unpack_here
	open_from
	: >"$OWN/out"
	make_lists "$TMP/out" "$OWN/in"
	TO=$OWN/none
	note swapping
	trap '' TERM
	state between 'the restored files are being moved into place'
	if exchanged; then swapped; fi
	die $FAULT "cannot move all restored files into place: $(head -n 3 "$TMP/err" | tr '\n' ' ')" "$AGAIN_HINT"
}

# restore_root - owner, mode, time and ACLs of the folder itself, as far as this user may set them
restore_root() {
	[ "$ALL" = yes ] || return 0
	read -r root_mode root_owner <"$OWN/root"
	[ "$OWNERS" != keep ] || chown "$root_owner" . 2>/dev/null || log info "the folder itself keeps its owner $(stat -c %u:%g .)"
	# tar also sets the mode, but drops the setgid bit, which this folder may have.
	live_mode=$(stat -c %a .)
	with_attributes tar --extract --file="$OWN/root.tar" --no-same-owner 2>"$TMP/err" || :
	! grep -q 'extended attribute' "$TMP/err" || log warn "cannot restore all attributes of the folder itself: $(first_lines "$TMP/err")"
	chmod "$live_mode" . 2>/dev/null || :
	chmod "$root_mode" . 2>/dev/null || log info "the folder itself keeps its mode $(stat -c %a .)"
	touch -r "$OWN/root" . 2>/dev/null || :
}

# resume_swap - everything is unpacked, and the journal has the rest
resume_swap() {
	log info 'resuming: an earlier attempt was stopped during the swap'
	state between "stopped during the swap: old files are in $TO, restored files in $FROM"
	if exchanged; then swapped; fi
	cat "$TMP/err" >&2
	die $FAULT "the swap failed: $(head -n 3 "$TMP/err" | tr '\n' ' ')" "$AGAIN_HINT"
}

resume_merge() {
	log info 'resuming: an earlier attempt was stopped during the merge'
	[ ! -d "$FROM" ] || open_from
	finish_merging
}

# already_done - an earlier attempt has completed this restore
already_done() {
	state new 'the restored files are in place'
	into=$DATA_PATH
	if [ "$RESTORE_MODE" = beside ] && [ -d "$OWN" ]; then close_beside; fi
	if [ "$RESTORE_MODE" = beside ]; then into=$RESTORED BACKUP=$(head -n 1 "$WORK_DIR/run/backup"); fi
	report "$into" "already done: restore $RESTORE_ID is in claim $CLAIM"
}
