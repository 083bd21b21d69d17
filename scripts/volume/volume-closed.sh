#!/bin/sh
# volume-closed.sh - folders that are closed to their own user, and are opened while files change places. Sourced, never run.
#
# Such a folder can neither move elsewhere nor take or give a file. In OWN is noted, before any of them is opened, which
# modes they had: closed-out and closed-in, of what moves (see volume-swap.sh), and closed-here, of what stays where it is.
# Each is a list of mode, blank and name, ended by NUL, and is made once: a later attempt finds them opened.
#
# Environment: that of volume-swap.sh.

# Statuses are numbers of common.sh; what is set here is read by who sources this file. What stands in single quotes is
# expanded by another shell.
# shellcheck disable=SC2016,SC2034,SC2086,SC2154

# note_closed NAMES FOLDER FILE - those that may not be written to
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

# with_closed FILE COMMANDS FOLDER... - for each that is noted: $mode, $name, and $path in each folder where it is
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

# open_closed - what is on the two lists of a swap, wherever it lies, and what is above it
open_closed() {
	note_closed "$OWN/${LISTS}out" . "$OWN/${LISTS}closed-out" && note_closed "$OWN/${LISTS}in" "$FROM" "$OWN/${LISTS}closed-in" || return 1
	with_closed "$OWN/${LISTS}closed-out" 'chmod u+w "$path" 2>/dev/null || :' . "$TO"
	with_closed "$OWN/${LISTS}closed-in" 'chmod u+w "$path" 2>/dev/null || :' . "$FROM"
	folders_above "$OWN/${LISTS}out" "$OWN/${LISTS}in" || return 1
	open_here "$TMP/above" || return 1
	xargs -0 -r -a "$TMP/above" sh -c 'for name; do [ ! -d "$0/$name" ] || chmod u+w "$0/$name" 2>/dev/null || :; done' "$FROM"
}

# close_again OUT IN - what was noted, where it lies now
close_again() {
	{
		with_closed "$OWN/${LISTS}closed-out" 'chmod "$mode" "$path"' "$1" &&
			with_closed "$OWN/${LISTS}closed-in" 'chmod "$mode" "$path"' "$2" &&
			close_here
	} || log warn 'not all folders have their modes again'
}

# folders_above NAMES... - $TMP/above: each folder on the way to one of the names, once
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

# open_here NAMES - folders of the live files that stay, and whose contents change
open_here() {
	note_closed "$1" . "$OWN/${LISTS}closed-here" || return 1
	with_closed "$OWN/${LISTS}closed-here" 'chmod u+w "$path" 2>/dev/null || :' .
}

close_here() {
	with_closed "$OWN/${LISTS}closed-here" 'chmod "$mode" "$path"' .
}

# open_new FOLDER - all folders of what is merged give their files away; those that are not there yet are noted as closed-in
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

# refuse_foreign NAMES - before anything changes: a folder that is closed and somebody else's cannot be opened
refuse_foreign() {
	xargs -0 -r -a "$1" sh -c '
		for name; do
			if [ -d "$name" ] && [ ! -L "$name" ] && [ ! -w "$name" ] && [ "$(stat -c %u "$name")" != "$0" ]; then printf "%s\n" "$name"; fi
		done' "$(id -u)" >"$TMP/foreign" || return 1
	[ ! -s "$TMP/foreign" ] || die $NOT_ALLOWED "user $(id -u) may not write to folders of others in claim '$CLAIM': $(first_lines "$TMP/foreign")" "$ALLOWED_HINT"
}
