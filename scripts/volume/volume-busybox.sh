#!/bin/sh
# volume-busybox.sh - volume-tar.sh with BusyBox alone. Sourced, never run.
#
# BusyBox tar does not report files that change while it reads them, and does not reliably report files that it cannot
# read. So this compares the metadata of all files before and after, and the names in the archive with the list.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

FIND_OPTIONS=''
SORT_OPTIONS=''
# Limit of a command line, minus room for the environment (bytes).
ARGUMENTS_MAX=1500000
# A header has 24 bits for an id. A larger one would restore another owner (seen with 1000650000 on OpenShift).
ID_MAX=16777215

need_tools() {
	need_cmd tar find sort xargs sha256sum mkfifo gzip stat
	version=$(tar --version 2>&1)
	version=${version%%"$NEWLINE"*}
	case $version in
	*busybox*) ;;
	*) die $WRONG_INPUT "tar: busybox is set, but the image has '$version'" 'use the image busybox, or set tar: gnu' ;;
	esac
	TOOLS="{\"busybox\":$(json_text "${version##* }")}"
}

# list_files - lists the names, then finds those that are not readable. Sizes come later, in content
list_files() {
	find_files "$TMP/include" ! -type s -print0
	# shellcheck disable=SC2016 # expanded by that shell
	run xargs -0 -r -a "$TMP/found" sh -c '
		for file; do
			if [ -L "$file" ]; then continue; fi
			if [ -d "$file" ]; then [ -r "$file" ] && [ -x "$file" ] || printf "%s\0" "$file"; fi
			if [ -f "$file" ]; then [ -r "$file" ] || printf "%s\0" "$file"; fi
		done' sh >"$TMP/unreadable"
}

# content - CONTENT, the bytes to read, holes included. Refuses owners and names that the archive cannot store
content() {
	stat_files "$TMP/names" "$TMP/before"
	awk -v max=$ID_MAX '($4 > max || $5 > max) { print $4 ":" $5; exit }' "$TMP/before" >"$TMP/owner"
	[ ! -s "$TMP/owner" ] || die $WRONG_INPUT "a file belongs to $(cat "$TMP/owner"), but BusyBox tar stores ids only up to $ID_MAX" 'set tar: gnu'
	eval "$(awk '
		/^8/ { files++ }
		/^8/ && ($3 == 1 || !seen[$2]++) { bytes += $6 }
		END { printf "FILES=%.0f BYTES=%.0f\n", files, bytes }
	' "$TMP/before")"
	CONTENT=$BYTES
	split_names
}

# stat_files NAMES FILE - one line of metadata for each name, which differs once the file has changed
#
# Names that no longer exist are removed from NAMES.
stat_files() {
	for attempt in 1 2 3 4 5; do
		stat_status=0
		# shellcheck disable=SC2016 # expanded by that shell, which is needed: xargs loses names when it calls an applet directly (seen in Debian's 1.35)
		run xargs -0 -a "$1" sh -c 'stat -c "%f %d:%i %h %u %g %s %y %z" "$@"' sh >"$2" 2>"$TMP/stat.err" || stat_status=$?
		[ "$stat_status" != 0 ] || return 0
		! grep -v ': No such file or directory$' "$TMP/stat.err" >"$TMP/err" || fail_as "$TMP/err" $BAD_DATA "cannot read the metadata of the files of claim '$CLAIM'"
		# shellcheck disable=SC2016 # expanded by that shell
		run xargs -0 -a "$1" sh -c 'for file; do if [ -e "$file" ] || [ -L "$file" ]; then printf "%s\0" "$file"; fi; done' sh >"$1.present"
		mv "$1.present" "$1"
	done
	die $BAD_DATA "files kept disappearing during $attempt attempts to stat them" 'stop the application during the backup, exclude: temporary files, or set tar: gnu'
}

# split_names - lines, the names that tar reads from a list, and arguments, those with newlines
#
# Builds without -T get every name as an argument, so too many names are refused.
split_names() {
	: >"$TMP/lines"
	: >"$TMP/arguments"
	printf '.\n' >"$TMP/one"
	if ! tar -c --no-recursion -T "$TMP/one" -f /dev/null 2>/dev/null; then
		cp "$TMP/names" "$TMP/arguments"
	elif [ "$(tr -cd '\n' <"$TMP/names" | wc -c)" = 0 ]; then
		tr '\0' '\n' <"$TMP/names" >"$TMP/lines"
	else
		# shellcheck disable=SC2016 # expanded by that shell
		run xargs -0 -a "$TMP/names" sh -c '
			newline="
"
			for file; do
				case $file in
				*"$newline"*) printf "%s\0" "$file" ;;
				*) printf "%s\n" "$file" >&3 ;;
				esac
			done' sh >"$TMP/arguments" 3>"$TMP/lines"
	fi
	length=$(($(size_of "$TMP/arguments") + 8 * $(count_names <"$TMP/arguments")))
	[ "$length" -le $ARGUMENTS_MAX ] || die $WRONG_INPUT "$(count_names <"$TMP/arguments") names are too many for the tar of this BusyBox" 'set tar: gnu'
}

# write_archive - writes the archive to stdout
write_archive() {
	set -- --no-recursion -f -
	[ ! -s "$TMP/lines" ] || set -- "$@" -T "$TMP/lines"
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -a "$TMP/arguments" -n 1000000 -s $((ARGUMENTS_MAX * 2)) sh -c 'exec tar -c "$@"' sh "$@"
}

# judge_tar STATUS - dies on errors of tar. Files that changed or disappeared since they were listed: $TMP/changed and $TMP/gone
judge_tar() {
	! grep -q 'short read' "$TMP/tar.err" || fail_as "$TMP/tar.err" $BAD_DATA "a file shrank while it was read, and BusyBox tar stops there"
	! grep -v -e ': No such file or directory$' -e ': error exit delayed from previous errors$' "$TMP/tar.err" >"$TMP/err" ||
		fail_as "$TMP/err" $BAD_DATA 'tar cannot read all files'
	[ "$1" = 0 ] || [ -s "$TMP/tar.err" ] || fail_as "$TMP/tar.err" $FAULT "tar ended with status $1"
	cp "$TMP/names" "$TMP/still"
	stat_files "$TMP/still" "$TMP/after"
	: >"$TMP/changed"
	: >"$TMP/gone"
	as_lines <"$TMP/names" >"$TMP/names.lines"
	as_lines <"$TMP/still" >"$TMP/still.lines"
	# Both lists are in the same order, so one pass over both is enough.
	awk -v dir="$TMP/" '
		BEGIN {
			there = (getline still < (dir "still.lines")) > 0
			getline after < (dir "after")
			while ((getline name < (dir "names.lines")) > 0) {
				getline before < (dir "before")
				if (!there || still != name) { print name > (dir "gone"); continue }
				if (before ~ /^8/ && before != after) print name > (dir "changed")
				there = (getline still < (dir "still.lines")) > 0
				getline after < (dir "after")
			}
		}'
}

# as_lines <NAMES - one name a line
as_lines() {
	tr '\n\0' '\001\n'
}

# list_archive - lists the archive on stdin into $TMP/listing
list_archive() {
	tar -t -f - >"$TMP/listing"
}

# check_listing - dies unless the archive has exactly the listed files, apart from those that changed or disappeared
check_listing() {
	tr '\0' '\n' <"$TMP/names" | sed 's|/$||' | sort >"$TMP/names.lines"
	sed 's|/$||' "$TMP/listing" | sort >"$TMP/listing.lines"
	: >"$TMP/missing"
	if ! cmp -s "$TMP/names.lines" "$TMP/listing.lines"; then
		lines_without "$TMP/names.lines" "$TMP/listing.lines" >"$TMP/extra"
		lines_without "$TMP/listing.lines" "$TMP/names.lines" >"$TMP/missing"
		lines_without "$TMP/changes" "$TMP/missing" >>"$TMP/extra"
		[ -s "$TMP/missing" ] || echo 'a duplicate name' >>"$TMP/extra"
		[ ! -s "$TMP/extra" ] ||
			die $BAD_DATA "the archive differs from the list of files: $(tr '\n' '\0' <"$TMP/extra" | first_names)" 'check the disk and the memory of this node'
	fi
	ENTRIES=$(($(count_names <"$TMP/names") - $(count_lines <"$TMP/missing")))
}

# lines_without SOME ALL - lines of ALL that are not in SOME
lines_without() {
	awk 'FILENAME == ARGV[1] { some[$0]; next } !($0 in some)' "$1" "$2"
}
