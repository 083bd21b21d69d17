#!/bin/sh
# volume-verify.sh - unpack a backup of files into the scratch space, compare it with its archive, and check the assertions.
#
# Environment (the only input; see common.sh and scratch.sh for WORK_DIR and SCRATCH_BYTES):
#   PART            name of the part in the manifest; in/<part>.facts is read
#   ASSERT_ENTRIES  minimum number of files and folders (count; default: 0)
#   ASSERT_PATHS    files and folders that must exist, relative to the folder that was backed up, one a line
#   ASSERT_SHA256   files and their hashes as sha256sum prints them: `sha256  path`, one a line
# Output: log lines on stderr, nothing on stdout. verified/<part>.json: counts, and the duration in seconds.
# Exit: 0 restorable, and all assertions hold; 64 a wrong request; 65 not restorable, or assertions fail, all of them named;
# 70 a fault; 73 no room.
#
# All files are unpacked as the user of the pod, who cannot set owners. Links are kept, but never followed out of the
# scratch space, and device files are left out; the log warns of both, because a restore refuses them. Extended attributes
# and ACLs are counted in the archive but not set.
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/scratch.sh"
. "$(dirname "$0")/json.sh"
. "$(dirname "$0")/volume-pack.sh"
. "$(dirname "$0")/volume-judge.sh"
. "$(dirname "$0")/volume-unpack.sh"
. "$(dirname "$0")/volume-fail.sh"

# Statuses come from common.sh.
# shellcheck disable=SC2034,SC2086,SC2154

ROOM_HINT='give the verification more scratch space: verify.scratch.size'
ALLOWED_HINT='the scratch space must belong to the user of the pod'
PATHS=''
LINKS=keep
DEVICES=skip
# Setting them would need a scratch space with the features of the claim's file system.
ATTRIBUTES=none
XATTRS=none ACLS=none
main() {
	trap on_exit EXIT
	trap on_term TERM
	need_env WORK_DIR SCRATCH_BYTES PART
	ASSERT_ENTRIES=${ASSERT_ENTRIES:-0}
	need_number SCRATCH_BYTES ASSERT_ENTRIES
	need_unpack_tools
	prepare
	read_facts
	read_archive
	check_archive
	warn_of_refusals
	check_room
	unpack_into "$ROOT" --no-same-owner
	compare_content
	assert_all
	write_result
}

prepare() {
	umask 027
	mkdir -p "$WORK_DIR/tmp" "$WORK_DIR/restored" "$WORK_DIR/verified"
	begun=$(now)
	WORK_DIR=$(cd "$WORK_DIR" && pwd -P)
	TMP=$WORK_DIR/tmp/$PART
	ROOT=$WORK_DIR/restored/$PART
	rm -rf "$TMP"
	remove_unpacked
	mkdir "$TMP"
	mkdir -m 700 "$ROOT"
	export TMPDIR="$TMP"
	: >"$TMP/failed"
	check_hash_lines
	read_paths
}

# check_hash_lines - rejects malformed lines, which could never match
check_hash_lines() {
	printf '%s\n' "${ASSERT_SHA256-}" >"$TMP/hashes"
	wrong=$(grep -v -e '^$' -e '^[0-9a-f]\{64\}  .' "$TMP/hashes" | head -n 1 || :)
	[ -z "$wrong" ] || die $WRONG_INPUT "ASSERT_SHA256 must be lines of 64 hex digits, two blanks and a path, got '$wrong'"
}

# tidy - called by on_exit: frees the scratch space for other parts
tidy() {
	[ -z "${ROOT-}" ] || remove_unpacked
	[ -z "${TMP-}" ] || rm -rf "$TMP"
}

# remove_unpacked - deletes ROOT, even with folders that its user may not write to
remove_unpacked() {
	[ -d "$ROOT" ] || return 0
	chmod -R u+rwX "$ROOT" 2>/dev/null || :
	rm -rf "$ROOT"
}

# warn_of_refusals - what is fine here but not in a restore
warn_of_refusals() {
	[ "$LEADING_OUT" = 0 ] || log warn "links that point outside the folder ($LEADING_OUT): a restore needs links: keep"
	[ "$DEVICE_COUNT" = 0 ] || log warn "device files in the archive ($DEVICE_COUNT): a restore refuses them"
}

check_room() {
	free=$(free_bytes)
	[ "$(needed_bytes)" -le "$free" ] || die $NO_ROOM "$(human "$(needed_bytes)") does not fit into $(human "$free") of scratch space" "$ROOM_HINT"
}

# compare_content - compares every file with the archive, byte by byte. Owners and modes differ, because this pod set them
compare_content() {
	log info 'comparing every file with the archive'
	chmod -R u+rwX "$ROOT"
	through compare
	grep -v -e ': Uid differs$' -e ': Gid differs$' -e ': Mode differs$' "$TMP/differs" >"$TMP/differences" || :
	grep -v -e '^tar: Exiting with failure status due to previous errors$' "$TMP/tar.err" >"$TMP/err" || :
	if [ "$DEVICE_COUNT" != 0 ]; then
		# All other entries have been counted on disk, so a missing file is a device.
		grep -v -e ': Warning: Cannot stat: No such file or directory$' "$TMP/err" >"$TMP/err.rest" || :
		mv "$TMP/err.rest" "$TMP/err"
	fi
	[ ! -s "$TMP/err" ] || fail_as "$TMP/err" $BAD_DATA 'cannot compare the unpacked files with the archive'
	[ "$unpack_status" = 0 ] && [ "$tar_status" -le 1 ] || [ "$DEVICE_COUNT" != 0 ] ||
		fail_as "$TMP/unpack.err" $FAULT "cannot compare the unpacked files with the archive ($COMPRESSION ended with status $unpack_status, tar with $tar_status)"
	[ ! -s "$TMP/differences" ] || die $BAD_DATA "the unpacked files differ from the archive: $(first_lines "$TMP/differences")" 'check the disk of this node'
}

compare() {
	tar --compare --file=- --directory="$ROOT" --blocking-factor=$RECORD --numeric-owner >"$TMP/differs"
}

# assert_all - tries every assertion, and dies with the names of all that failed
assert_all() {
	[ "$ALL_ENTRIES" -ge "$ASSERT_ENTRIES" ] || failed "$ALL_ENTRIES entries, expected at least $ASSERT_ENTRIES"
	assert_paths
	assert_hashes
	[ ! -s "$TMP/failed" ] || die $BAD_DATA "assertions failed: $(tr '\n' ';' <"$TMP/failed" | sed 's/;$//; s/;/; /g')" \
		'check that this is the right backup, and check the assertions under verify: in the values'
}

failed() {
	log error "$1"
	printf '%s\n' "$1" >>"$TMP/failed"
}

assert_paths() {
	path_count=0
	printf '%s\n' "${ASSERT_PATHS-}" >"$TMP/asserted"
	while IFS= read -r path; do
		[ -n "$path" ] || continue
		path_count=$((path_count + 1))
		find_path "$path" || failed "$path does not exist"
	done <"$TMP/asserted"
}

# find_path PATH - sets REAL, its place after following links of the backup. Fails if it does not exist or is outside
#
# A broken link exists.
find_path() {
	folder=$(dirname -- "./$1")
	folder=$(readlink -f -- "$ROOT/$folder") || return 1
	is_inside "$folder" || return 1
	REAL=$folder/$(basename -- "$1")
	[ ! -L "$REAL" ] || return 0
	[ -e "$REAL" ]
}

is_inside() {
	case $1/ in
	"$ROOT"/*) ;;
	*) return 1 ;;
	esac
}

assert_hashes() {
	hash_count=0
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		hash_count=$((hash_count + 1))
		assert_hash "${line%%  *}" "${line#*  }"
	done <"$TMP/hashes"
}

# assert_hash SHA256 PATH
assert_hash() {
	find_path "$2" || { failed "$2 does not exist" && return; }
	file=$(readlink -f -- "$REAL") || file=/
	if ! is_inside "$file" || [ ! -f "$file" ]; then
		failed "$2 is not a file in the backup"
		return
	fi
	sha256sum <"$file" >"$TMP/sum"
	[ "$(cut -c 1-64 "$TMP/sum")" = "$1" ] || failed "$2 has a different SHA-256: $(cut -c 1-64 "$TMP/sum")"
}

# write_result - for the step that records the verification
write_result() {
	printf '{"name":%s,"kind":"volume","method":"tar","seconds":%s,"checks":{"entries":%s,"files":%s,"bytes":%s,"paths":%s,"hashes":%s}}\n' \
		"$(json_text "$PART")" "$(($(now) - begun))" "$ALL_ENTRIES" "$REGULAR" "$ALL_BYTES" "$path_count" "$hash_count" >"$TMP/verified"
	chmod 644 "$TMP/verified"
	mv -f "$TMP/verified" "$WORK_DIR/verified/$PART.json"
	log info "verified: $ALL_ENTRIES entries, $(human "$ALL_BYTES"), $path_count paths, $hash_count hashes"
	last_words 0 "$ALL_ENTRIES entries unpacked, and every file compared with the archive" '' "\"entries\":$ALL_ENTRIES,\"bytes\":$ALL_BYTES"
}

main "$@"
