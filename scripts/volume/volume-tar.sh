#!/bin/sh
# volume-tar.sh - archive the files of a volume, and verify the archive by reading it to its end.
#
# Environment (the only input; see common.sh for the rest):
#   PART                name of the part; names its facts, and its file where there are several parts
#   PART_COUNT          parts of the run (count)
#   DATA_DIR            folder where the claim is mounted, read-only
#   DATA_PATH           folder below it to back up; `.` is all of it
#   CLAIM               name of the claim, for messages and the manifest
#   TAR                 gnu (GNU tar, find and zstd) or busybox (BusyBox and nothing else)
#   COMPRESSION         zstd, gzip or none
#   COMPRESSION_LEVEL   1 to 19 for zstd, 1 to 9 for gzip; not with none. Some builds of BusyBox have a single level
#   INCLUDE             patterns of the files to back up, one a line (default: all)
#   EXCLUDE             patterns of the files to leave out, one a line (default: none)
#   ON_CHANGE           when a file changes or disappears while it is read: fail, or accept and count it
#   XATTRS              extended attributes user.* and security.capability: keep (GNU tar only), or none (default)
#   ACLS                access control lists: keep (GNU tar only), or none (default)
# Output: log lines on stderr, nothing on stdout. out/<name>.tar[.zst|.gz], and its facts.
# Exit: 0 taken and verified; 64 no such folder, or an include matches nothing; 65 files changed (ON_CHANGE=fail), or the
# archive differs from what was written; 73 no room; 75 other pods use the disk of the node; 77 a file may not be read; 70 a fault.
#
# Patterns match the whole path below DATA_PATH. find does it, so they mean the same with both tars:
#   name      that file or folder at the top, with its contents; likewise `a/b`; a leading / or ./ changes nothing
#   name/     the same, but only a folder (not a link to one)
#   *  ?      any characters, or one, except /; a leading dot is a character like any other
#   [a-z]     one character of the set, [!a-z] one outside it, except /
#   **        between slashes, any number of folders, or none: `**/x` is x at any depth, `a/**` the contents of a without
#             a itself; anywhere else it is a *
#   \         makes the next character literal; { } have no meaning
# A character is a byte. EXCLUDE wins over INCLUDE and leaves out a match with its contents, unread. Folders above a match
# of INCLUDE are in the archive, without their other contents.
#
# The archive has all files, folders, links (not followed), FIFOs and devices, with numeric owners. It does not have
# sockets (no data), lost+found at the root of a volume (it belongs to the file system and only root may read it), or the
# folders of restores at the top of DATA_PATH, or else backups would contain backups: .backstay-before-*,
# .backstay-restored-*, .backstay-undone-* and .backstay-restore-*. File systems mounted below are in it, because silently
# leaving out visible files, such as a subvolume, would be a hole in the backup. BusyBox tar stores holes as zeros, and
# times in seconds from 1970 on.
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run-name.sh"
. "$(dirname "$0")/scratch.sh"
. "$(dirname "$0")/volume-preflight.sh"
. "$(dirname "$0")/volume-files.sh"
. "$(dirname "$0")/volume-pack.sh"
. "$(dirname "$0")/volume-fail.sh"
case ${TAR-} in
gnu) . "$(dirname "$0")/volume-gnu.sh" ;;
busybox) . "$(dirname "$0")/volume-busybox.sh" ;;
esac

# Statuses come from common.sh.
# shellcheck disable=SC2086,SC2154

NEWLINE='
'
ROOM_HINT='give the run more scratch space: pod.scratch.size'
ALLOWED_HINT=$READ_HINT
main() {
	trap on_exit EXIT
	trap on_term TERM
	need_env POD_UID FILENAME_TEMPLATE WORK_DIR SCRATCH_BYTES PART PART_COUNT DATA_DIR DATA_PATH CLAIM TAR COMPRESSION ON_CHANGE
	XATTRS=${XATTRS:-none} ACLS=${ACLS:-none}
	check_words
	need_tools
	choose_sha256sum
	begin_run
	part_start=$(now)
	WORK_DIR=$(cd "$WORK_DIR" && pwd -P)
	TMP=$WORK_DIR/tmp/$PART
	ARCHIVE=$TMP/archive
	rm -rf "$TMP"
	mkdir "$TMP"
	export TMPDIR="$TMP"

	preflight
	write
	verify
	hand_over
}

# tidy - called by on_exit
tidy() {
	[ -z "${TMP-}" ] || rm -rf "$TMP"
}

check_words() {
	need_number SCRATCH_BYTES PART_COUNT
	case $TAR in gnu | busybox) ;; *) die $WRONG_INPUT "TAR must be gnu or busybox, got '$TAR'" ;; esac
	case $ON_CHANGE in fail | accept) ;; *) die $WRONG_INPUT "ON_CHANGE must be fail or accept, got '$ON_CHANGE'" ;; esac
	case $TAR/$COMPRESSION in
	gnu/zstd) EXTENSION=tar.zst ;;
	gnu/gzip | busybox/gzip) EXTENSION=tar.gz ;;
	gnu/none | busybox/none) EXTENSION=tar ;;
	*) die $WRONG_INPUT "COMPRESSION '$COMPRESSION' is not supported with TAR '$TAR'" 'use zstd, gzip or none with GNU tar, and gzip or none with BusyBox' ;;
	esac
	[ "$COMPRESSION" = none ] || need_number COMPRESSION_LEVEL
	case $TAR/$XATTRS/$ACLS in
	gnu/keep/keep | gnu/keep/none | gnu/none/keep | gnu/none/none | busybox/none/none) ;;
	*) die $WRONG_INPUT "XATTRS '$XATTRS' and ACLS '$ACLS' are not supported with TAR '$TAR'" 'use keep or none with GNU tar, and none with BusyBox' ;;
	esac
}

# write - runs tar and the compressor side by side, and checks the status of both
write() {
	log info "writing a tar, $COMPRESSION${COMPRESSION_LEVEL:+ level $COMPRESSION_LEVEL}"
	open_pipe
	(
		exec >&5 4<&- 5>&- 2>"$TMP/tar.err"
		write_archive
	) &
	left=$!
	(
		exec <&4 4<&- 5>&- >"$ARCHIVE" 2>"$TMP/pack.err"
		pack
	) &
	right=$!
	close_pipe
	join "$left"
	tar_status=$joined
	join "$right"
	[ "$joined" = 0 ] || fail_as "$TMP/pack.err" $FAULT "cannot write the archive ($COMPRESSION ended with status $joined)"
	judge_tar "$tar_status"
	judge_changes
}

# judge_changes - fails or warns, by ON_CHANGE, if files changed or disappeared while they were read
judge_changes() {
	sort -u "$TMP/changed" "$TMP/gone" >"$TMP/changes"
	CHANGED=$(count_lines <"$TMP/changes")
	[ "$CHANGED" != 0 ] || return 0
	first=$(tr '\n' '\0' <"$TMP/changes" | first_names)
	[ "$ON_CHANGE" = accept ] || die $BAD_DATA "$CHANGED of the files changed or disappeared while they were read: $first" \
		'set onChange: accept if the application tolerates it, exclude: the files, or stop the application during the backup'
	log warn "$CHANGED of the files changed or disappeared while they were read: $first"
}

# verify - reads the archive back from the disk to its end, and hashes it at the same time
verify() {
	$SHA256SUM <"$ARCHIVE" >"$TMP/sha256" 2>"$TMP/hash.err" &
	hasher=$!
	through list_archive
	join "$hasher"
	[ "$joined" = 0 ] || fail_as "$TMP/hash.err" $BAD_DATA 'the archive cannot be hashed'
	[ "$unpack_status" = 0 ] || fail_as "$TMP/unpack.err" $BAD_DATA "the archive cannot be read to its end ($COMPRESSION ended with status $unpack_status)"
	[ "$tar_status" = 0 ] || fail_as "$TMP/tar.err" $BAD_DATA "the archive cannot be read to its end (tar ended with status $tar_status)"
	check_listing
}

# hand_over - gives the archive its final name, and writes its facts: from here on the next step finds it
hand_over() {
	if [ "$PART_COUNT" = 1 ]; then file=$NAME.$EXTENSION; else file=$NAME.$PART.$EXTENSION; fi
	sha256=$(cut -c 1-64 "$TMP/sha256")
	bytes=$(size_of "$ARCHIVE")
	mv -f "$ARCHIVE" "$WORK_DIR/out/$file"
	facts >"$TMP/facts"
	printf '%s  %s\n' "$sha256" "$file" >"$TMP/sums"
	mv -f "$TMP/sums" "$WORK_DIR/facts/$PART.sums"
	mv -f "$TMP/facts" "$WORK_DIR/facts/$PART.json"
	log info "wrote $file: $ENTRIES entries, $(human "$BYTES") of data, $(human "$bytes") compressed"
	last_words 0 "claim $CLAIM is archived, and the archive was read to its end" '' "\"bytes\":$bytes,\"file\":$(json_text "$file")"
}

# facts - prints this part of the manifest
facts() {
	level=
	[ "$COMPRESSION" = none ] || level=",\"level\":$COMPRESSION_LEVEL"
	printf '{"name":%s,"kind":"volume","method":"tar","start":"%s","end":"%s",\n' "$(json_text "$PART")" "$(iso "$part_start")" "$(iso "$(now)")"
	printf '"format":"tar","compression":{"method":"%s"%s},"encryption":null,"tools":%s,\n' "$COMPRESSION" "$level" "$TOOLS"
	attributes=''
	[ "$XATTRS/$ACLS" = none/none ] || attributes=",\"attributed\":$ATTRIBUTED"
	printf '"volume":{"claim":%s,"path":%s,"entries":%s,"files":%s,"bytes":%s,"changed":%s%s},\n' \
		"$(json_text "$CLAIM")" "$(json_text "$DATA_PATH")" "$ENTRIES" "$FILES" "$BYTES" "$CHANGED" "$attributes"
	printf '"files":[{"name":"%s","role":"artifact","bytes":%s,"sha256":"%s"}]}\n' "$file" "$bytes" "$sha256"
}

count_names() {
	tr -cd '\0' | wc -c
}

count_lines() {
	wc -l
}

# first_names <NAMES - the first three of the names that end with NUL, printable in one line
first_names() {
	tr '\0\001-\037\177' '\n?' | awk 'NR <= 3 { print (NR > 1 ? ", " : "") $0 } NR == 4 { print ", ..." }' | tr -d '\n'
}

main "$@"
