#!/bin/sh
# volume-gnu.sh - volume-tar.sh with GNU tar and GNU find. Sourced, never run.
#
# GNU tar keeps sparse files sparse, times to the nanosecond and any owner (posix format), and reports files that change
# while it reads them. It reads the names from a list, so files created later are not in the backup, and a folder that
# gains files meanwhile does not count as changed.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

. "$(dirname "$0")/volume-attributes.sh"

# BusyBox find has no other syntax than posix-basic. The race: a file disappears while find runs.
FIND_OPTIONS='-regextype posix-basic -ignore_readdir_race'
# Without it, sort sizes its buffer by the memory of the node, not of the pod.
SORT_OPTIONS='--buffer-size=64M'
# 64 KiB a record is a quarter faster than tar's 10 KiB (0.92 s instead of 1.24 s for 1 GB in 20,000 files).
RECORD=128

need_tools() {
	need_cmd tar find sort xargs sha256sum mkfifo zstd gzip
	version=$(tar --version)
	version=${version%%"$NEWLINE"*}
	case $version in
	*'GNU tar'*) ;;
	*) die $WRONG_INPUT "tar: gnu is set, but the image has '$version'" 'use the image postgres, or set tar: busybox' ;;
	esac
	tar_version=${version##* }
	case $COMPRESSION in
	zstd)
		version=$(zstd --version)
		version=${version##* v}
		TOOLS="{\"tar\":$(json_text "$tar_version"),\"zstd\":$(json_text "${version%%,*}")}"
		;;
	gzip)
		version=$(gzip --version)
		version=${version%%"$NEWLINE"*}
		TOOLS="{\"tar\":$(json_text "$tar_version"),\"gzip\":$(json_text "${version##* }")}"
		;;
	none) TOOLS="{\"tar\":$(json_text "$tar_version")}" ;;
	esac
}

# list_files - one pass over the files gives names, sizes and what is not readable
list_files() {
	find_files "$TMP/include" ! -type s -fprintf "$TMP/stats" '%y %D:%i %n %s %b\n' -print0 \
		\( -type f -o -type d \) ! -readable -fprint0 "$TMP/unreadable"
}

# content - CONTENT, the bytes to read: without holes of sparse files, and each hard-linked file once
content() {
	CONTENT=$(awk '
		# A small file may be stored in its inode and use no block.
		$1 == "f" && ($3 == 1 || !seen[$2]++) { held = $5 ? $5 * 512 : 4096; bytes += held < $4 ? held : $4 }
		END { printf "%.0f\n", bytes }
	' "$TMP/stats")
}

# write_archive - archives $TMP/names to stdout, and writes tar's own list of the entries to $TMP/written
#
# --ignore-failed-read: without it, a listed file that disappeared (ON_CHANGE decides) and one that cannot be read (always
# a failure) both give status 2. Nothing is ignored, because judge_tar reads every message.
write_archive() {
	with_attributes tar --create --file=- --null --no-recursion --files-from="$TMP/names" \
		--format=posix --pax-option=delete=atime,delete=ctime \
		--numeric-owner --sparse --blocking-factor=$RECORD --ignore-failed-read \
		-vv --full-time --quoting-style=escape --index-file="$TMP/written"
}

# judge_tar STATUS - sorts the messages of tar: names go to $TMP/changed and $TMP/gone, any other message is a failure
judge_tar() {
	: >"$TMP/changed"
	: >"$TMP/gone"
	: >"$TMP/err"
	: >"$TMP/unknown"
	awk -v changed="$TMP/changed" -v gone="$TMP/gone" -v unknown="$TMP/unknown" -v other="$TMP/err" '
		{ name = $0; sub(/^[^:]*tar: /, "", name) }
		sub(/: file changed as we read it$/, "", name) { print name >changed; next }
		sub(/: File shrank by [0-9]+ bytes?; padding with zeros$/, "", name) { print name >changed; next }
		sub(/: File removed before we read it$/, "", name) { print name >gone; next }
		sub(/: Warning: Cannot (stat|open|readlink): No such file or directory$/, "", name) { print name >gone; next }
		/: Warning: Cannot [a-z]*listxattr[a-z]*: Operation not supported$/ { print >unknown; next }
		{ print >other }
	' "$TMP/tar.err"
	[ ! -s "$TMP/err" ] || fail_as "$TMP/err" $BAD_DATA 'tar cannot read all files'
	[ ! -s "$TMP/unknown" ] || log warn "the file system of claim '$CLAIM' has no extended attributes: set xattrs: false and acls: false"
	[ "$1" -lt 2 ] || fail_as "$TMP/tar.err" $FAULT "tar ended with status $1"
}

# list_archive - lists the archive on stdin into $TMP/listing, in the format of $TMP/written
list_archive() {
	with_attributes tar --list --file=- --blocking-factor=$RECORD --numeric-owner -v --full-time --quoting-style=escape >"$TMP/listing"
}

# check_listing - dies unless the archive has exactly the entries that tar wrote, to owner, size, time and link, and no
# listed file is missing
#
# Sets ENTRIES, FILES, BYTES and ATTRIBUTED (entries with extended attributes or ACLs).
check_listing() {
	cmp -s "$TMP/written" "$TMP/listing" || die $BAD_DATA 'the archive differs from what tar wrote' 'check the disk and the memory of this node'
	eval "$(awk '
		/^[-h]/ { files++ }
		/^-/ { bytes += $3 }
		$1 ~ /[*]$/ { attributed++ }
		END { printf "ENTRIES=%.0f FILES=%.0f BYTES=%.0f ATTRIBUTED=%.0f\n", NR, files, bytes, attributed }
	' "$TMP/listing")"
	expected=$(($(count_names <"$TMP/names") - $(count_lines <"$TMP/gone")))
	[ "$ENTRIES" = "$expected" ] || die $BAD_DATA "the archive has $ENTRIES entries, but $expected were listed" 'this is a bug in backstay or tar: please report it'
}
