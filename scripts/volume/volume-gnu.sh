#!/bin/sh
# volume-gnu.sh - how volume-tar.sh works with GNU tar and GNU find. Sourced, never run.
#
# GNU tar keeps sparse files sparse, times to the nanosecond and any owner (posix format), and says which file changed
# while it read it. It reads the names from a list: a file that came later is not in the backup, and a folder to which
# something was added meanwhile is no change.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

. "$(dirname "$0")/volume-attributes.sh"

# posix-basic is the one syntax that BusyBox' find has too. The race is a file that goes while find looks.
FIND_OPTIONS='-regextype posix-basic -ignore_readdir_race'
# Else it takes what memory the node has, not the pod.
SORT_OPTIONS='--buffer-size=64M'
# 64 KiB at a time: a quarter fewer system calls' time than with tar's 10 KiB (0.92 s for 1.24 s on 1 GB, 20,000 files).
RECORD=128

need_tools() {
	need_cmd tar find sort xargs sha256sum mkfifo zstd gzip
	version=$(tar --version)
	version=${version%%"$NEWLINE"*}
	case $version in
	*'GNU tar'*) ;;
	*) die $WRONG_INPUT "tar: gnu is given, but this image has '$version'" 'take the image postgres, or set tar: busybox' ;;
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

# list_files - one look at every file gives its name, its size and whether it may be read
list_files() {
	find_files "$TMP/include" ! -type s -fprintf "$TMP/stats" '%y %D:%i %n %s %b\n' -print0 \
		\( -type f -o -type d \) ! -readable -fprint0 "$TMP/unreadable"
}

# content - CONTENT, bytes that will be read: without the holes of sparse files, and each file once, whatever links it has
content() {
	CONTENT=$(awk '
		# A small file may lie in its inode and hold no block.
		$1 == "f" && ($3 == 1 || !seen[$2]++) { held = $5 ? $5 * 512 : 4096; bytes += held < $4 ? held : $4 }
		END { printf "%.0f\n", bytes }
	' "$TMP/stats")
}

# write_archive - from $TMP/names to stdout; what is written, in tar's own words, goes to $TMP/written
#
# --ignore-failed-read: else a listed file that is gone (a matter of ON_CHANGE) and one that cannot be read (always a
# failure) both end with status 2. It is not ignored: judge_tar reads every word.
write_archive() {
	with_attributes tar --create --file=- --null --no-recursion --files-from="$TMP/names" \
		--format=posix --pax-option=delete=atime,delete=ctime \
		--numeric-owner --sparse --blocking-factor=$RECORD --ignore-failed-read \
		-vv --full-time --quoting-style=escape --index-file="$TMP/written"
}

# judge_tar STATUS - what tar said: $TMP/changed and $TMP/gone hold names; anything else that it says is a failure
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
	[ ! -s "$TMP/unknown" ] || log warn "the file system of claim '$CLAIM' knows no extended attributes: xattrs: false and acls: false say so"
	[ "$1" -lt 2 ] || fail_as "$TMP/tar.err" $FAULT "tar ended with status $1"
}

# read_archive - from stdin to $TMP/listing, in the same words as it was written
read_archive() {
	with_attributes tar --list --file=- --blocking-factor=$RECORD --numeric-owner -v --full-time --quoting-style=escape >"$TMP/listing"
}

# check_listing - the archive holds what tar wrote, to the owner, size, time and link, and that is all that was listed
#
# ATTRIBUTED: entries with extended attributes or ACLs.
check_listing() {
	cmp -s "$TMP/written" "$TMP/listing" || die $BAD_DATA 'the archive does not hold what tar wrote' 'the scratch space or the memory of this node may be bad'
	eval "$(awk '
		/^[-h]/ { files++ }
		/^-/ { bytes += $3 }
		$1 ~ /[*]$/ { attributed++ }
		END { printf "ENTRIES=%.0f FILES=%.0f BYTES=%.0f ATTRIBUTED=%.0f\n", NR, files, bytes, attributed }
	' "$TMP/listing")"
	expected=$(($(count_names <"$TMP/names") - $(count_lines <"$TMP/gone")))
	[ "$ENTRIES" = "$expected" ] || die $BAD_DATA "the archive has $ENTRIES entries, but $expected were listed" 'this is a mistake in backstay or in tar: please report it'
}
