#!/bin/sh
# volume-tar.sh - archive the files of a volume, and prove the archive by reading it to its end.
#
# Environment (the only input; see common.sh for the rest):
#   PART                name of the part; names its facts, and its file where there are several parts
#   PART_COUNT          parts of the run (count)
#   DATA_DIR            folder where the claim is mounted, read-only
#   DATA_PATH           folder below it that is backed up; `.` is all of it
#   CLAIM               name of the claim, for messages and the manifest
#   TAR                 gnu (GNU tar, find and zstd) or busybox (BusyBox and nothing else)
#   COMPRESSION         zstd, gzip or none
#   COMPRESSION_LEVEL   1 to 19 for zstd, 1 to 9 for gzip; not with none. Some builds of BusyBox know one level only
#   INCLUDE             only these: patterns, one a line (default: all)
#   EXCLUDE             not these: patterns, one a line (default: none)
#   ON_CHANGE           a file that changes or goes while it is read: fail, or accept and count it
#   XATTRS              extended attributes user.* and security.capability: keep (GNU tar only), or none (default)
#   ACLS                access control lists: keep (GNU tar only), or none (default)
# Output: log lines on stderr, nothing on stdout. out/<name>.tar[.zst|.gz], and its facts.
# Exit: 0 taken and proved; 64 no such folder, or an include that matches nothing; 65 files changed (ON_CHANGE=fail), or
# the archive is not what was written; 73 no room; 77 a file may not be read; 70 a fault.
#
# Patterns are matched by find, the same for both tars, against the whole path below DATA_PATH:
#   name      that file or folder at the top, and all that is in it; `a/b` likewise; a leading / or ./ changes nothing
#   name/     the same, if it is a folder (a link to one is none)
#   *  ?      any characters, one character, but no /; names with a leading dot are matched too
#   [a-z]     one character out of the set, [!a-z] none out of it; never a /
#   **        between slashes, any number of folders, also none: `**/x` is x at any depth, `a/**` all that is in a, but
#             not a itself; elsewhere it is a *
#   \         takes the meaning from the character after it; { } have none
# A character is a byte. What EXCLUDE matches is left out with all that is in it, also where INCLUDE matches it, and is
# not looked at. The folders on the way to what INCLUDE matches are in the archive, without their other contents.
#
# What is in the archive: all files, folders, links (not followed), FIFOs and devices, by number of owner and group.
# Not in it: sockets (they hold no data), lost+found at the root of a volume (of the file system, and closed to all
# but root), and what restores keep at the top of DATA_PATH: folders .backstay-before-*, .backstay-restored-*,
# .backstay-undone-* and .backstay-restore-*, or a backup would hold backups. Other file systems that are mounted inside
# are in it: leaving out in silence what can be seen, such as a subvolume, would be a hole in the backup. BusyBox' tar
# keeps holes as zeros, times to the second and since 1970 only.
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/volume-preflight.sh"
. "$(dirname "$0")/volume-files.sh"
. "$(dirname "$0")/volume-pack.sh"
. "$(dirname "$0")/volume-fail.sh"
case ${TAR-} in
gnu) . "$(dirname "$0")/volume-gnu.sh" ;;
busybox) . "$(dirname "$0")/volume-busybox.sh" ;;
esac

# Statuses are numbers of common.sh.
# shellcheck disable=SC2086,SC2154

NEWLINE='
'
ROOM_HINT='give the run more scratch space: pod.scratch.size'
ALLOWED_HINT=$READ_HINT
main() {
	trap on_exit EXIT
	trap on_term TERM
	need_env ENVIRONMENT SOURCE TIER POD_UID FILENAME_TEMPLATE WORK_DIR SCRATCH_BYTES PART PART_COUNT DATA_DIR DATA_PATH CLAIM TAR COMPRESSION ON_CHANGE
	XATTRS=${XATTRS:-none} ACLS=${ACLS:-none}
	check_words
	need_tools
	choose_sha256sum
	begin_run
	part_start=$(now)
	WORK_DIR=$(cd "$WORK_DIR" && pwd -P)
	TMP=$WORK_DIR/tmp/$PART
	rm -rf "$TMP"
	mkdir "$TMP"
	export TMPDIR="$TMP"

	preflight
	take
	prove
	keep
}

# tidy - called by on_exit
tidy() {
	[ -z "${TMP-}" ] || rm -rf "$TMP"
}

check_words() {
	need_number SCRATCH_BYTES PART_COUNT
	case $TAR in gnu | busybox) ;; *) die $WRONG_INPUT "TAR is '$TAR'" 'it is gnu or busybox' ;; esac
	case $ON_CHANGE in fail | accept) ;; *) die $WRONG_INPUT "ON_CHANGE is '$ON_CHANGE'" 'it is fail or accept' ;; esac
	case $TAR/$COMPRESSION in
	gnu/zstd) EXTENSION=tar.zst ;;
	gnu/gzip | busybox/gzip) EXTENSION=tar.gz ;;
	gnu/none | busybox/none) EXTENSION=tar ;;
	*) die $WRONG_INPUT "TAR is '$TAR', COMPRESSION is '$COMPRESSION'" 'GNU tar goes with zstd, gzip and none, BusyBox with gzip and none' ;;
	esac
	[ "$COMPRESSION" = none ] || need_number COMPRESSION_LEVEL
	case $TAR/$XATTRS/$ACLS in
	gnu/keep/keep | gnu/keep/none | gnu/none/keep | gnu/none/none | busybox/none/none) ;;
	*) die $WRONG_INPUT "TAR is '$TAR', XATTRS is '$XATTRS', ACLS is '$ACLS'" 'both are keep or none, and BusyBox can keep neither' ;;
	esac
}

# take - tar and the compressor side by side; both ends are heard
take() {
	log info "writing a tar, $COMPRESSION${COMPRESSION_LEVEL:+ level $COMPRESSION_LEVEL}"
	open_pipe
	(
		exec >&5 4<&- 5>&- 2>"$TMP/tar.err"
		write_archive
	) &
	left=$!
	(
		exec <&4 4<&- 5>&- >"$TMP/archive" 2>"$TMP/pack.err"
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

# judge_changes - files that changed or went while they were read
judge_changes() {
	sort -u "$TMP/changed" "$TMP/gone" >"$TMP/changes"
	CHANGED=$(count_lines <"$TMP/changes")
	[ "$CHANGED" != 0 ] || return 0
	first=$(tr '\n' '\0' <"$TMP/changes" | first_names)
	[ "$ON_CHANGE" = accept ] || die $BAD_DATA "$CHANGED of the files changed or went while they were read: $first" \
		'write onChange: accept if the application can do with that, exclude: them, or stop it meanwhile'
	log warn "$CHANGED of the files changed or went while they were read: $first"
}

# prove - the archive as it lies on the disk is read to its end, and hashed at the same time
prove() {
	$SHA256SUM <"$TMP/archive" >"$TMP/sha256" 2>"$TMP/hash.err" &
	hasher=$!
	open_pipe
	(
		exec <"$TMP/archive" >&5 4<&- 5>&- 2>"$TMP/unpack.err"
		unpack
	) &
	left=$!
	(
		exec <&4 4<&- 5>&- 2>"$TMP/read.err"
		read_archive
	) &
	right=$!
	close_pipe
	join "$left"
	unpack_status=$joined
	join "$right"
	read_status=$joined
	join "$hasher"
	[ "$joined" = 0 ] || fail_as "$TMP/hash.err" $BAD_DATA 'the archive cannot be hashed'
	[ "$unpack_status" = 0 ] || fail_as "$TMP/unpack.err" $BAD_DATA "the archive cannot be read to its end ($COMPRESSION ended with status $unpack_status)"
	[ "$read_status" = 0 ] || fail_as "$TMP/read.err" $BAD_DATA "the archive cannot be read to its end (tar ended with status $read_status)"
	check_listing
}

# keep - under its final name, with its facts: from here on the next step may have it
keep() {
	if [ "$PART_COUNT" = 1 ]; then file=$NAME.$EXTENSION; else file=$NAME.$PART.$EXTENSION; fi
	sha256=$(cut -c 1-64 "$TMP/sha256")
	bytes=$(size_of "$TMP/archive")
	mv -f "$TMP/archive" "$WORK_DIR/out/$file"
	facts >"$TMP/facts"
	printf '%s  %s\n' "$sha256" "$file" >"$TMP/sums"
	mv -f "$TMP/sums" "$WORK_DIR/facts/$PART.sums"
	mv -f "$TMP/facts" "$WORK_DIR/facts/$PART.json"
	log info "took $file: $ENTRIES entries, $(human "$BYTES") of data, $(human "$bytes") packed"
	last_words 0 "claim $CLAIM archived and read to its end" '' "\"bytes\":$bytes,\"file\":$(json_text "$file")"
}

# facts - this part of the manifest
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

# first_names <NAMES - the first three names of a list with NULs, fit for a log
first_names() {
	tr '\0\001-\037\177' '\n?' | awk 'NR <= 3 { print (NR > 1 ? ", " : "") $0 } NR == 4 { print ", ..." }' | tr -d '\n'
}

main "$@"
