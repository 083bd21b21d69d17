#!/bin/sh
# volume-modes.sh - the ways in which a restored folder comes into place, and how one is undone. Sourced, never run.
#
# Environment: that of volume-restore.sh, whose header says what each mode does; with volume-unpack.sh and volume-swap.sh.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

AGAIN_HINT='run the restore again: it goes on where this one ended'

# note PHASE - in the journal
note() {
	journal "$1" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "cannot write the journal of the restore in claim '$CLAIM'"
}

# unpack_here - into a folder of ours, all of it on the disk; what the folder itself was is kept for clear and fill
unpack_here() {
	mkdir -m 700 "$FROM"
	unpack_into "$FROM" "$SAME_OWNER"
	[ "$ALL" = yes ] || as_open_as_here "$FROM"
	stat -c '%a %u:%g' "$FROM" >"$OWN/root"
	with_attributes tar --create --file="$OWN/root.tar" --directory="$FROM" --no-recursion .
	touch -r "$FROM" "$OWN/root"
	sync -f "$FROM" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "what was unpacked cannot be written to the disk of claim '$CLAIM'"
}

into_place_beside() {
	check_claim 0
	note unpacking
	unpack_here
	open_up
	trap '' TERM
	mv -T "$FROM" "$RESTORED" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "what was unpacked cannot be renamed to $RESTORED"
	close_beside
	state new "unpacked beside the old files, in $RESTORED"
	report "$RESTORED" "$ENTRIES files and folders of $BACKUP are in $RESTORED of '$DATA_PATH' in claim $CLAIM; all else is as it was"
}

into_place_swap() {
	check_claim 0
	note unpacking
	unpack_here
	open_up
	make_lists "$OWN/out" "$OWN/in"
	TO=.backstay-before-$(stamp "$(now)")
	KEPT=$TO
	swap
}

# close_beside - the folder was open to its user for the rename; with that nothing of ours is left
close_beside() {
	if [ -f "$OWN/root" ]; then chmod "$(cut -d ' ' -f 1 "$OWN/root")" "$RESTORED"; fi
	sync -f .
	remove "$OWN"
}

# open_up - the folder must give its files away, whatever mode it had
open_up() {
	chmod u+rwx "$FROM"
}

# make_lists OUT IN
make_lists() {
	if [ "$ALL" = yes ]; then
		list_live "$1"
		list_top "$FROM" "$2"
	else
		list_units "$FROM" "$1" "$2"
	fi
}

# swap - forwards, or all the way back
swap() {
	note swapping
	trap '' TERM
	state between "files change places: the old ones are in $TO, and what is to come in $FROM"
	log info "files change places, the old ones go to $TO"
	if exchanged; then swapped; fi
	cp "$TMP/err" "$TMP/err.swap"
	undo_swap || die $FAULT "files could not change places, nor back: the old ones are in $TO" "$AGAIN_HINT"
	fail_as "$TMP/err.swap" $FAULT 'files could not change places, and all are back'
}

# exchanged - what it has to say is said, and is at hand for the reason if it fails
exchanged() {
	exchange 2>"$TMP/err" || return 1
	cat "$TMP/err" >&2
}

# undo_swap - the old files into their place again; the journal says so if it can
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

# swapped - the end of a swap in either direction
swapped() {
	if [ -n "$LISTS" ]; then
		remove_empty "$FROM"
		note undone
		state new "the files from before the restore are back"
		report "$DATA_PATH" "the files from before restore $RESTORE_ID are back in '$DATA_PATH' of claim $CLAIM; those of the restore are in $KEPT" \
			'drop-old deletes those of the restore'
	fi
	remove "$FROM"
	[ "$MODE" = swap ] || restore_root
	note "done"
	state new 'the restored files are in place'
	told_done
}

# told_done - in the words of each mode
told_done() {
	text="$ENTRIES files and folders of $BACKUP are in '$DATA_PATH' of claim $CLAIM"
	if [ -n "$KEPT" ]; then
		report "$DATA_PATH" "$text; those from before are in $KEPT" 'swap-back undoes it; drop-old deletes them, when all is well'
	fi
	report "$DATA_PATH" "$text"
}

into_place_merge() {
	check_claim 0
	note unpacking
	unpack_here
	open_up
	list_folders "$FROM" || die $WRONG_INPUT "folders in '$DATA_PATH' of claim '$CLAIM' are in the way of files: $(tr '\0' '\n' <"$TMP/in-the-way" | head -n 3 | tr '\n' ' ')" \
		'move them away, restore with mode: swap, or leave them out of paths:'
	refuse_foreign "$TMP/folders"
	note merging
	finish_merging
}

finish_merging() {
	trap '' TERM
	state between 'some files are restored, others not yet'
	merge "$FROM" 2>"$TMP/err" || {
		cat "$TMP/err" >&2
		die $FAULT "not all files came into place: $(head -n 3 "$TMP/err" | tr '\n' ' ')" "$AGAIN_HINT"
	}
	remove "$FROM"
	note "done"
	state new 'the restored files are in place'
	told_done
}

into_place_clear() {
	make_units
	list_units_bytes
	check_claim "$GOES"
	refuse_kept_back
	try_attributes
	note clearing
	state between 'the old files are being deleted'
	[ "$ALL" = yes ] || { folders_above "$TMP/goes" "$TMP/comes" && open_here "$TMP/above"; } || die $FAULT 'the folders of these files cannot be opened' "$AGAIN_HINT"
	run xargs -0 -r -a "$TMP/goes" rm -rf -- 2>"$TMP/err" || remove_closed
	into_emptied
}

# make_units - $TMP/goes: what is deleted
make_units() {
	if [ "$ALL" = yes ]; then list_live "$TMP/goes"; else list_units . "$TMP/goes" "$TMP/comes"; fi
}

# refuse_kept_back - before anything is deleted: what lies in a closed folder of somebody else would stay
refuse_kept_back() {
	: >"$TMP/above"
	[ "$ALL" = yes ] || folders_above "$TMP/goes" "$TMP/comes"
	# shellcheck disable=SC2016 # expanded by that shell
	run xargs -0 -r -a "$TMP/goes" sh -c 'for name; do [ ! -d "$name" ] || [ -L "$name" ] || find "./$name" -type d ! -writable -print0; done' >>"$TMP/above"
	refuse_foreign "$TMP/above"
}

# list_units_bytes - GOES, what that frees
list_units_bytes() {
	GOES=0
	[ -s "$TMP/goes" ] || return 0
	xargs -0 -a "$TMP/goes" du -sk -- >"$TMP/du" 2>/dev/null || :
	GOES=$(awk '{ sum += $1 } END { printf "%.0f\n", sum * 1024 }' "$TMP/du")
}

# remove_closed - a folder may be closed to its own user
remove_closed() {
	xargs -0 -r -a "$TMP/goes" chmod -R u+rwX -- 2>/dev/null || :
	run xargs -0 -r -a "$TMP/goes" rm -rf -- 2>"$TMP/err" || fail_as "$TMP/err" $FAULT 'not all of the old files can be deleted'
}

into_place_fill() {
	check_claim 0
	note unpacking
	into_emptied
}

# into_emptied - nothing gives way any more
into_emptied() {
	unpack_here
	open_up
	: >"$OWN/out"
	make_lists "$TMP/out" "$OWN/in"
	TO=$OWN/none
	note swapping
	trap '' TERM
	state between 'the restored files come into place'
	if exchanged; then swapped; fi
	die $FAULT "not all files came into place: $(head -n 3 "$TMP/err" | tr '\n' ' ')" "$AGAIN_HINT"
}

# restore_root - owner, mode, time and ACLs of the folder itself, as far as this user may
restore_root() {
	[ "$ALL" = yes ] || return 0
	read -r root_mode root_owner <"$OWN/root"
	[ "$OWNERS" != keep ] || chown "$root_owner" . 2>/dev/null || log info "the folder itself stays with $(stat -c %u:%g .)"
	# tar sets the mode as well, and without the group's bit, which this folder may have had.
	live_mode=$(stat -c %a .)
	with_attributes tar --extract --file="$OWN/root.tar" --no-same-owner 2>"$TMP/err" || :
	! grep -q 'extended attribute' "$TMP/err" || log warn "the folder itself lacks attributes that it had: $(first_lines "$TMP/err")"
	chmod "$live_mode" . 2>/dev/null || :
	chmod "$root_mode" . 2>/dev/null || log info "the folder itself keeps its mode $(stat -c %a .)"
	touch -r "$OWN/root" . 2>/dev/null || :
}

# go_on_swapping - all is unpacked, and the journal knows what was meant
go_on_swapping() {
	log info "goes on: an attempt before this one was stopped while files changed places"
	state between "stopped while files changed places: the old ones are in $TO, and what is to come in $FROM"
	if exchanged; then swapped; fi
	cat "$TMP/err" >&2
	die $FAULT "files could not change places: $(head -n 3 "$TMP/err" | tr '\n' ' ')" "$AGAIN_HINT"
}

go_on_merging() {
	log info 'goes on: an attempt before this one was stopped while files came into place'
	[ ! -d "$FROM" ] || open_up
	finish_merging
}

# done_before - by an attempt before this one
done_before() {
	state new 'the restored files are in place'
	into=$DATA_PATH
	if [ "$RESTORE_MODE" = beside ] && [ -d "$OWN" ]; then close_beside; fi
	if [ "$RESTORE_MODE" = beside ]; then into=$RESTORED BACKUP=$(head -n 1 "$WORK_DIR/run/backup"); fi
	report "$into" "already done: restore $RESTORE_ID is in claim $CLAIM"
}
