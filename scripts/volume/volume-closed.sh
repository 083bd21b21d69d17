#!/bin/sh
# volume-closed.sh - makes folders without write permission writable during a swap or merge. Sourced, never run.
#
# A closed folder is one whose user may not write to it (chmod u-w): it cannot be moved, and no file can enter or leave
# it. Before any is opened, OWN records the modes: closed-out and closed-in of folders that move (see volume-swap.sh),
# closed-here of folders that stay. Entries are mode, blank and name, each ended by NUL. Each list is written only once,
# because a later attempt finds the folders open.
#
# Environment: that of volume-swap.sh.

# Statuses come from common.sh. The script that sources this file reads the variables set here. Another shell expands
# what is in single quotes.
# shellcheck disable=SC2016,SC2034,SC2086,SC2154

# note_closed NAMES FOLDER FILE - records the modes of the closed folders among NAMES in FILE
note_closed() {
	[ ! -e "$3" ] || return 0
	xargs -0 -r -a "$1" sh -c '
		folder=$1
		shift
		for name; do
			path=$folder/$name
			if [ -d "$path" ] && [ ! -L "$path" ] && [ ! -w "$path" ]; then printf "%s %s\0" "$(stat -c %a "$path")" "$name"; fi
		done' sh "$2" >"$3.new" && sync -f "$3.new" && mv -f "$3.new" "$3" && sync -f "$OWN"
}

# with_closed FILE COMMANDS FOLDER... - runs COMMANDS for each recorded folder in each FOLDER that has it: $mode, $name, $path
with_closed() {
	noted=$1 commands=$2
	shift 2
	for folder; do
		xargs -0 -r -n 1 -a "$noted" sh -c '
			mode=${2%% *} name=${2#* } path=$1/${2#* }
			if [ ! -d "$path" ] || [ -L "$path" ]; then exit 0; fi
			'"$commands" sh "$folder" || return 1
	done
}

# open_closed - opens the closed folders on both lists of a swap, wherever they are, and the folders above them
open_closed() {
	note_closed "$OWN/${LISTS}out" . "$OWN/${LISTS}closed-out" && note_closed "$OWN/${LISTS}in" "$FROM" "$OWN/${LISTS}closed-in" || return 1
	with_closed "$OWN/${LISTS}closed-out" 'chmod u+w "$path" 2>/dev/null || :' . "$TO"
	with_closed "$OWN/${LISTS}closed-in" 'chmod u+w "$path" 2>/dev/null || :' . "$FROM"
	folders_above "$OWN/${LISTS}out" "$OWN/${LISTS}in" || return 1
	open_here "$TMP/above" || return 1
	xargs -0 -r -a "$TMP/above" sh -c 'for name; do [ ! -d "$0/$name" ] || chmod u+w "$0/$name" 2>/dev/null || :; done' "$FROM"
}

# close_again OUT IN - restores the recorded modes. OUT and IN are where the folders are now
close_again() {
	{
		with_closed "$OWN/${LISTS}closed-out" 'chmod "$mode" "$path"' "$1" &&
			with_closed "$OWN/${LISTS}closed-in" 'chmod "$mode" "$path"' "$2" &&
			close_here
	} || log warn 'cannot restore the modes of all folders'
}

# folders_above NAMES... - $TMP/above: every folder on the path to one of the names, once
folders_above() {
	cat "$@" >"$TMP/below" || return 1
	xargs -0 -r -a "$TMP/below" sh -c '
		for name; do
			while :; do
				case $name in */*) name=${name%/*} ;; *) break ;; esac
				printf "%s\0" "$name"
			done
		done' sh >"$TMP/above.all" && sort -zu -o "$TMP/above" "$TMP/above.all"
}

# open_here NAMES - opens folders of the live files that stay but whose contents change
open_here() {
	note_closed "$1" . "$OWN/${LISTS}closed-here" || return 1
	with_closed "$OWN/${LISTS}closed-here" 'chmod u+w "$path" 2>/dev/null || :' .
}

close_here() {
	with_closed "$OWN/${LISTS}closed-here" 'chmod "$mode" "$path"' .
}

# open_new FOLDER - opens all folders of a merge, so that files can leave them. Those new to the live files go to closed-in
open_new() {
	if [ ! -e "$OWN/closed-in" ]; then
		xargs -0 -r -a "$TMP/new.folders" sh -c '
			for name; do if [ ! -d "$name" ] || [ -L "$name" ]; then printf "%s\0" "$name"; fi; done' sh >"$TMP/moving" || return 1
		note_closed "$TMP/moving" "$1" "$OWN/closed-in" || return 1
	fi
	find "$1" -mindepth 1 -type d ! -writable -exec chmod u+w {} +
}

close_merged() {
	with_closed "$OWN/closed-in" 'chmod "$mode" "$path"' . && close_here
}

# refuse_foreign NAMES - dies before anything changes if a closed folder belongs to another user, who alone can open it
refuse_foreign() {
	xargs -0 -r -a "$1" sh -c '
		for name; do
			if [ -d "$name" ] && [ ! -L "$name" ] && [ ! -w "$name" ] && [ "$(stat -c %u "$name")" != "$0" ]; then printf "%s\n" "$name"; fi
		done' "$(id -u)" >"$TMP/foreign" || return 1
	[ ! -s "$TMP/foreign" ] || die $NOT_ALLOWED "user $(id -u) may not write to folders of other users in claim '$CLAIM': $(first_lines "$TMP/foreign")" "$ALLOWED_HINT"
}
