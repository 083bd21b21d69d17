#!/bin/sh
# volume-swap.sh - files change places by renames within one file system, with a journal of them. Sourced, never run.
#
# Environment: OWN, the folder of this restore within the volume, .backstay-restore-<id>; TMP, a folder for lists. The
# folder that is restored is the working directory, $here.
#
# In OWN: `journal` and two lists of names, each ended by NUL: `out`, what gives way, and `in`, what comes. All of it is on
# the disk before the first rename. Each thing has two places (out: ./ and TO; in: FROM and ./), so what is where says what
# is left to do, forwards and backwards, whenever the power went. Nothing is copied and nothing deleted.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

# journal WORD - the phase, and what a later attempt must know; it replaces the one before in one step
#
# Phases: clearing, unpacking, swapping, undoing, merging, done, undone, dropping.
journal() {
	JOURNAL_PHASE=$1
	{
		printf 'phase %s\nbackup %s\nmode %s\npart %s\n' "$1" "$BACKUP" "$MODE" "$PART"
		printf 'from %s\nto %s\nlists %s\nkept %s\nall %s\nentries %s\nbytes %s\n' "$FROM" "$TO" "$LISTS" "$KEPT" "$ALL" "$ENTRIES" "$BYTES"
	} >"$OWN/journal.new" && sync -f "$OWN/journal.new" && mv -f "$OWN/journal.new" "$OWN/journal" && sync -f "$OWN"
}

# read_journal FOLDER - the phase in JOURNAL_PHASE, empty where there is none; the rest as journal writes it
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

# list_live FILE - what lies at the top of the folder, but for lost+found and what restores keep there
list_live() {
	find . -mindepth 1 -maxdepth 1 ! -path "$LOST_AND_FOUND" ! \( -type d \( -name '.backstay-before-*' -o \
		-name '.backstay-restored-*' -o -name '.backstay-undone-*' -o -name '.backstay-restore-*' \) \) -printf '%P\0' >"$1"
}

# list_top FOLDER FILE - the same of another folder; what would lie over lost+found does not come
list_top() {
	(cd "$1" && find . -mindepth 1 -maxdepth 1 ! -path "$LOST_AND_FOUND" -printf '%P\0') >"$2"
}

# list_units FOLDER OUT IN - of PATHS: what comes from the folder, as high up as nothing is there, and what gives way to it
list_units() {
	: >"$2"
	: >"$3"
	while IFS= read -r path; do
		unit='' rest=$path/
		while [ -n "$rest" ]; do
			unit=$unit${unit:+/}${rest%%/*}
			rest=${rest#*/}
			{ [ -d "./$unit" ] && [ ! -L "./$unit" ]; } || break
		done
		printf '%s\0' "$unit" >>"$3"
		! is_there "./$unit" || printf '%s\0' "$unit" >>"$2"
	done <"$TMP/paths.raw"
	sort -zu -o "$2" "$2"
	sort -zu -o "$3" "$3"
}

is_there() {
	[ -e "$1" ] || [ -L "$1" ]
}

# exchange - forwards: all that gives way, then all that comes. What stands in the way was put there meanwhile.
#
# TERM is not heard any more: renames are short, and whoever comes after would have to finish them.
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

# make_kept - where the old files go is open to who could see them before
make_kept() {
	mkdir -m 700 "$TO" || return 1
	as_open_as_here "$TO"
	chmod u+rwx "$TO"
}

# as_open_as_here FOLDER - to owner and mode, as far as this user may
as_open_as_here() {
	chown "$(stat -c %u:%g .)" "$1" 2>/dev/null || :
	chmod "$(stat -c %a .)" "$1" 2>/dev/null || :
}

# exchange_back - the same backwards
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

# remove_empty FOLDER - but not a file that is in it after all
remove_empty() {
	[ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || log warn "there is something left in $1"
}

# move_left LIST FROM TO - those of a list that lie in FROM and not in TO
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

# left_over LIST FROM TO - to $TMP/left, and those below a folder to $TMP/left.deep
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

# set_aside LIST FROM - a thing in the place of one that still waits in FROM is nobody's here: an application wrote it
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
	log warn "something wrote $(tr '\0' ' ' <"$TMP/strays")meanwhile: set aside in $aside"
	mkdir -p "$aside" && move_left "$TMP/strays" . "$aside"
}

# list_folders FOLDER - $TMP/folders: those of it that are there already and are merged; 1 where a folder is in the way of a file
#
# What lies behind a link of the live files is not there: the link gives way.
list_folders() {
	(cd "$1" && find . -mindepth 1 -type d -print0) >"$TMP/new.folders" || return 1
	real_folders "$TMP/new.folders" >"$TMP/folders" || return 1
	(cd "$1" && find . -mindepth 1 ! -type d -print0) >"$TMP/new.files" || return 1
	real_folders "$TMP/new.files" >"$TMP/in-the-way" || return 1
	[ ! -s "$TMP/in-the-way" ]
}

# real_folders NAMES - those that are folders here, and all above them too
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

# merge FOLDER - a rename for each file, and for each folder that is not there yet; what is done is no longer in FOLDER
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

# remove FOLDER - also where a folder in it is closed to its own user
remove() {
	rm -rf "$1" 2>/dev/null || {
		chmod -R u+rwX "$1" 2>/dev/null || :
		rm -rf "$1"
	}
}
