#!/bin/sh
# volume-busybox.sh - how volume-tar.sh works with BusyBox and nothing else. Sourced, never run.
#
# BusyBox' tar says neither that a file changed while it read it, nor, reliably, what it could not read; so this looks at
# all files before and after, and compares the names in the archive with those that were listed.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

FIND_OPTIONS=''
SORT_OPTIONS=''
# What a command line may hold, less what the environment takes (bytes).
ARGUMENTS_MAX=1500000
# An id in a header has 24 bits; above it another owner would come back (seen with 1000650000 of OpenShift).
ID_MAX=16777215

need_tools() {
	need_cmd tar find sort xargs sha256sum mkfifo gzip stat
	version=$(tar --version 2>&1)
	version=${version%%"$NEWLINE"*}
	case $version in
	*busybox*) ;;
	*) die $WRONG_INPUT "tar: busybox is given, but this image has '$version'" 'take the image busybox, or set tar: gnu' ;;
	esac
	TOOLS="{\"busybox\":$(json_text "${version##* }")}"
}

# list_files - the names; whether all may be read and how large they are is looked up afterwards, in two goes
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

# content - CONTENT, bytes that will be read, holes too; and what the archive of BusyBox cannot hold is refused
content() {
	look_at_files "$TMP/names" "$TMP/before"
	awk -v max=$ID_MAX '($4 > max || $5 > max) { print $4 ":" $5; exit }' "$TMP/before" >"$TMP/owner"
	[ ! -s "$TMP/owner" ] || die $WRONG_INPUT "a file belongs to $(cat "$TMP/owner"), but BusyBox' tar keeps ids up to $ID_MAX" 'set tar: gnu'
	eval "$(awk '
		/^8/ { files++ }
		/^8/ && ($3 == 1 || !seen[$2]++) { bytes += $6 }
		END { printf "FILES=%.0f BYTES=%.0f\n", files, bytes }
	' "$TMP/before")"
	CONTENT=$BYTES
	split_names
}

# look_at_files NAMES FILE - a line for each name, of all that changes when a file does; names that are gone are dropped
look_at_files() {
	for attempt in 1 2 3 4 5; do
		looked=0
		# shellcheck disable=SC2016 # expanded by that shell; an applet right after xargs loses names (seen in Debian's 1.35)
		run xargs -0 -a "$1" sh -c 'stat -c "%f %d:%i %h %u %g %s %y %z" "$@"' sh >"$2" 2>"$TMP/stat.err" || looked=$?
		[ "$looked" != 0 ] || return 0
		! grep -v ': No such file or directory$' "$TMP/stat.err" >"$TMP/err" || fail_as "$TMP/err" $BAD_DATA "cannot look at the files of claim '$CLAIM'"
		# shellcheck disable=SC2016 # expanded by that shell
		run xargs -0 -a "$1" sh -c 'for file; do if [ -e "$file" ] || [ -L "$file" ]; then printf "%s\0" "$file"; fi; done' sh >"$1.present"
		mv "$1.present" "$1"
	done
	die $BAD_DATA "files go faster than they can be looked at, $attempt times" 'stop the application meanwhile, exclude: what is temporary, or set tar: gnu'
}

# split_names - what tar is given as a list, a name a line, and what as arguments: names with newlines
#
# Some builds know no list; what does not fit on a command line then is refused.
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
	[ "$length" -le $ARGUMENTS_MAX ] || die $WRONG_INPUT "$(count_names <"$TMP/arguments") names are more than the tar of this BusyBox takes" 'set tar: gnu'
}

# write_archive - to stdout
write_archive() {
	set -- --no-recursion -f -
	[ ! -s "$TMP/lines" ] || set -- "$@" -T "$TMP/lines"
	# shellcheck disable=SC2016 # expanded by that shell
	xargs -0 -a "$TMP/arguments" -n 1000000 -s $((ARGUMENTS_MAX * 2)) sh -c 'exec tar -c "$@"' sh "$@"
}

# judge_tar STATUS - what tar said, and what has changed since the names were listed: $TMP/changed and $TMP/gone
judge_tar() {
	! grep -q 'short read' "$TMP/tar.err" || fail_as "$TMP/tar.err" $BAD_DATA "a file shrank while it was read, and BusyBox' tar ends there"
	! grep -v -e ': No such file or directory$' -e ': error exit delayed from previous errors$' "$TMP/tar.err" >"$TMP/err" ||
		fail_as "$TMP/err" $BAD_DATA 'tar cannot read all files'
	[ "$1" = 0 ] || [ -s "$TMP/tar.err" ] || fail_as "$TMP/tar.err" $FAULT "tar ended with status $1"
	cp "$TMP/names" "$TMP/still"
	look_at_files "$TMP/still" "$TMP/after"
	: >"$TMP/changed"
	: >"$TMP/gone"
	as_lines <"$TMP/names" >"$TMP/names.lines"
	as_lines <"$TMP/still" >"$TMP/still.lines"
	# Both lists have one order, so one step forward in both is enough.
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

# as_lines <NAMES - a name a line
as_lines() {
	tr '\n\0' '\001\n'
}

# read_archive - from stdin to $TMP/listing
read_archive() {
	tar -t -f - >"$TMP/listing"
}

# check_listing - in the archive is what was listed, but for what changed or went; and nothing else
check_listing() {
	tr '\0' '\n' <"$TMP/names" | sed 's|/$||' | sort >"$TMP/names.lines"
	sed 's|/$||' "$TMP/listing" | sort >"$TMP/listing.lines"
	: >"$TMP/missing"
	if ! cmp -s "$TMP/names.lines" "$TMP/listing.lines"; then
		lines_without "$TMP/names.lines" "$TMP/listing.lines" >"$TMP/extra"
		lines_without "$TMP/listing.lines" "$TMP/names.lines" >"$TMP/missing"
		lines_without "$TMP/changes" "$TMP/missing" >>"$TMP/extra"
		[ -s "$TMP/missing" ] || echo 'a name more than once' >>"$TMP/extra"
		[ ! -s "$TMP/extra" ] ||
			die $BAD_DATA "the archive does not hold what was listed: $(tr '\n' '\0' <"$TMP/extra" | first_names)" 'the scratch space or the memory of this node may be bad'
	fi
	ENTRIES=$(($(count_names <"$TMP/names") - $(count_lines <"$TMP/missing")))
}

# lines_without SOME ALL - lines of ALL that SOME has not
lines_without() {
	awk 'FILENAME == ARGV[1] { some[$0]; next } !($0 in some)' "$1" "$2"
}
