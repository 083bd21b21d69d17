#!/bin/sh
# volume-swap.sh - swaps restored and live files by renames within one file system, with a journal. Sourced, never run.
#
# Environment: OWN, the folder of this restore within the volume, .backstay-restore-<id>; TMP, a folder for lists. The
# working directory, also $here, is the folder to restore.
#
# OWN has `journal` and two lists of names, each ended by NUL: `out`, the names that leave the live files, and `in`, those
# that enter. All of it is on disk before the first rename. Each name has two places (out: ./ and TO; in: FROM and ./), so
# its place tells what is left to do, forwards or backwards, even after a power failure. Nothing is copied or deleted.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

# journal PHASE - writes the phase, and everything that a later attempt needs, in one atomic step
#
# Phases: clearing, unpacking, swapping, undoing, merging, done, undone, dropping.
journal() {
	JOURNAL_PHASE=$1
	{
		printf 'phase %s\nbackup %s\nmode %s\npart %s\n' "$1" "$BACKUP" "$MODE" "$PART"
		printf 'from %s\nto %s\nlists %s\nkept %s\nall %s\nentries %s\nbytes %s\n' "$FROM" "$TO" "$LISTS" "$KEPT" "$ALL" "$ENTRIES" "$BYTES"
	} >"$OWN/journal.new" && sync -f "$OWN/journal.new" && mv -f "$OWN/journal.new" "$OWN/journal" && sync -f "$OWN"
}

# read_journal FOLDER - sets JOURNAL_PHASE, empty without a journal, and the variables that journal writes
read_journal() {
	JOURNAL_PHASE='' BACKUP='' MODE='' FROM='' TO='' LISTS='' KEPT='' ALL='' ENTRIES=0 BYTES=0
	[ -f "$1/journal" ] || return 0
	while read -r key value; do
		case $key in
		phase) JOURNAL_PHASE=$value ;;
		backup) BACKUP=$value ;;
		mode) MODE=$value ;;
		from) FROM=$value ;;
		to) TO=$value ;;
		lists) LISTS=$value ;;
		kept) KEPT=$value ;;
		all) ALL=$value ;;
		entries) ENTRIES=$value ;;
		bytes) BYTES=$value ;;
		esac
	done <"$1/journal"
}

# list_live FILE - the names at the top of the folder, except lost+found and the folders of restores
list_live() {
	find . -mindepth 1 -maxdepth 1 ! -path "$LOST_AND_FOUND" ! \( -type d \( -name '.backstay-before-*' -o \
		-name '.backstay-restored-*' -o -name '.backstay-undone-*' -o -name '.backstay-restore-*' \) \) -printf '%P\0' >"$1"
}

# list_top FOLDER FILE - the names at the top of another folder, except one that would replace lost+found
list_top() {
	(cd "$1" && find . -mindepth 1 -maxdepth 1 ! -path "$LOST_AND_FOUND" -printf '%P\0') >"$2"
}

# list_units OUT IN - for PATHS: the topmost names that can enter as a whole, and the live ones that they replace
list_units() {
	: >"$1"
	: >"$2"
	while IFS= read -r path; do
		unit='' rest=$path/
		while [ -n "$rest" ]; do
			unit=$unit${unit:+/}${rest%%/*}
			rest=${rest#*/}
			{ [ -d "./$unit" ] && [ ! -L "./$unit" ]; } || break
		done
		printf '%s\0' "$unit" >>"$2"
		if [ -e "./$unit" ] || [ -L "./$unit" ]; then printf '%s\0' "$unit" >>"$1"; fi
	done <"$TMP/paths.raw"
	sort -zu -o "$1" "$1"
	sort -zu -o "$2" "$2"
}

# exchange - forwards: first the live files leave, then the restored ones enter. Files written meanwhile are set aside
#
# TERM is ignored from here on: renames are quick, and another attempt would have to finish them.
exchange() {
	trap '' TERM
	[ -d "$TO" ] || make_kept || return 1
	open_closed || return 1
	move_left "$OWN/${LISTS}out" . "$TO" || return 1
	set_aside "$OWN/${LISTS}in" "$FROM" || return 1
	move_left "$OWN/${LISTS}in" "$FROM" . || return 1
	close_again "$TO" .
	sync -f .
}

# make_kept - creates TO, with access for everyone who could see the old files before
make_kept() {
	mkdir -m 700 "$TO" || return 1
	as_open_as_here "$TO"
	chmod u+rwx "$TO"
}

# as_open_as_here FOLDER - gives it owner and mode of the working directory, as far as this user may
as_open_as_here() {
	chown "$(stat -c %u:%g .)" "$1" 2>/dev/null || :
	chmod "$(stat -c %a .)" "$1" 2>/dev/null || :
}

# exchange_back - backwards: the restored files leave, then the old ones enter
exchange_back() {
	trap '' TERM
	[ -d "$FROM" ] || mkdir -m 700 "$FROM" || return 1
	open_closed || return 1
	move_left "$OWN/${LISTS}in" . "$FROM" || return 1
	set_aside "$OWN/${LISTS}out" "$TO" || return 1
	move_left "$OWN/${LISTS}out" "$TO" . || return 1
	close_again . "$FROM"
	remove_empty "$TO"
	sync -f .
}

# remove_empty FOLDER - removes empty folders only, in case a file is left
remove_empty() {
	[ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || log warn "$1 is not empty, and is kept"
}

# move_left LIST FROM TO - moves the names that are still in FROM
move_left() {
	left_over "$1" "$2" "$3" || return 1
	[ -s "$TMP/left" ] || [ -s "$TMP/left.deep" ] || return 0
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -r -a "$TMP/left.deep" sh -c '
		from=$1 to=$2
		shift 2
		for name; do mkdir -p "$to/${name%/*}" && mv -t "$to/${name%/*}" -- "$from/$name" || exit; done' sh "$2" "$3" || return 1
	(cd "$2" && xargs -0 -r -a "$TMP/left" mv -t "$here/$3" --) || return 1
	left_over "$1" "$2" "$3" && [ ! -s "$TMP/left" ] && [ ! -s "$TMP/left.deep" ]
}

# left_over LIST FROM TO - the names that are in FROM and not in TO: $TMP/left, and $TMP/left.deep for those with a slash
left_over() {
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -r -a "$1" sh -c '
		from=$1 to=$2
		shift 2
		for name; do
			if [ -e "$to/$name" ] || [ -L "$to/$name" ]; then continue; fi
			if [ -e "$from/$name" ] || [ -L "$from/$name" ]; then :; else continue; fi
			case $name in
			*/*) printf "%s\0" "$name" >&3 ;;
			*) printf "%s\0" "$name" ;;
			esac
		done' sh "$2" "$3" >"$TMP/left" 3>"$TMP/left.deep"
}

# set_aside LIST FROM - moves away what has the name of a file still waiting in FROM: an application wrote it meanwhile
set_aside() {
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -r -a "$1" sh -c '
		from=$1
		shift
		for name; do
			if [ -e "$from/$name" ] || [ -L "$from/$name" ]; then :; else continue; fi
			if [ -e "./$name" ] || [ -L "./$name" ]; then printf "%s\0" "$name"; fi
		done' sh "$2" >"$TMP/strays" || return 1
	[ -s "$TMP/strays" ] || return 0
	aside=.backstay-undone-$(stamp "$(now)")
	log warn "an application wrote during the swap, set aside in $aside: $(tr '\0' ' ' <"$TMP/strays")"
	mkdir -p "$aside" && move_left "$TMP/strays" . "$aside"
}

# list_folders FOLDER - $TMP/folders: those that the live files have too. Fails if a live folder is in the way of a file
#
# Paths through links of the live files do not count as live: the restored folder replaces the link.
list_folders() {
	(cd "$1" && find . -mindepth 1 -type d -print0) >"$TMP/new.folders" || return 1
	real_folders "$TMP/new.folders" >"$TMP/folders" || return 1
	(cd "$1" && find . -mindepth 1 ! -type d -print0) >"$TMP/new.files" || return 1
	real_folders "$TMP/new.files" >"$TMP/in-the-way" || return 1
	[ ! -s "$TMP/in-the-way" ]
}

# real_folders NAMES - those that are live folders, reached without a link
real_folders() {
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -r -a "$1" sh -c '
		for name; do
			up=$name
			until [ "$up" = . ]; do
				[ ! -L "$up" ] || continue 2
				up=${up%/*}
			done
			if [ -d "$name" ]; then printf "%s\0" "$name"; fi
		done' sh
}

# merge FOLDER - renames each file, and each folder that the live files lack. Whatever is merged is no longer in FOLDER
merge() {
	trap '' TERM
	[ -d "$1" ] || return 0
	list_folders "$1" || return 1
	open_new "$1" || return 1
	open_here "$TMP/folders" || return 1
	printf '.\0' >"$TMP/merged"
	cat "$TMP/folders" >>"$TMP/merged"
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -r -a "$TMP/merged" sh -c '
		from=$1 list=$2
		shift 2
		for folder; do
			for file in "$from/$folder"/* "$from/$folder"/.[!.]* "$from/$folder"/..?*; do
				name=${file#"$from/"}
				if [ -d "$file" ] && [ ! -L "$file" ]; then
					if [ -d "./$name" ] && [ ! -L "./$name" ]; then continue; fi
					rm -f "./$name" || exit
				fi
				if [ -e "$file" ] || [ -L "$file" ]; then printf "%s\0" "$file"; fi
			done >"$list" || exit
			xargs -0 -r -a "$list" mv -f -t "./$folder" -- || exit
		done' sh "$1" "$TMP/batch" || return 1
	close_merged || return 1
	sync -f .
}

# remove FOLDER - deletes it, even with closed folders in it
remove() {
	rm -rf "$1" 2>/dev/null || {
		chmod -R u+rwX "$1" 2>/dev/null || :
		rm -rf "$1"
	}
}
