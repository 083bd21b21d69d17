#!/bin/sh
# volume-verify.sh - unpack a backup of files into the scratch space, compare it with its archive, and assert what must be in it.
#
# Environment (the only input; see common.sh for WORK_DIR and SCRATCH_BYTES):
#   PART            name of the part in the manifest; in/<part>.facts is read
#   ASSERT_ENTRIES  the least number of files and folders (count; default: 0)
#   ASSERT_PATHS    files and folders that must be there, relative to the folder that was backed up, one a line
#   ASSERT_SHA256   files and what they must hold, as sha256sum prints it: `sha256  path`, one a line
# Output: log lines on stderr, nothing on stdout. verified/<part>.json: counts, and the seconds that it took.
# Exit: 0 it can be restored, and all that is asserted holds; 64 a wrong wish; 65 it cannot, or something does not hold:
# all of it is named at once; 70 a fault; 73 no room.
#
# Everything is unpacked as the user of the pod, who may give no file away. Links are kept and not followed out of the
# scratch space; device files are left out. Both are said in the log, because a restore refuses them. Extended attributes
# and ACLs are counted in the archive, and not set.
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/json.sh"
. "$(dirname "$0")/volume-pack.sh"
. "$(dirname "$0")/volume-judge.sh"
. "$(dirname "$0")/volume-unpack.sh"
. "$(dirname "$0")/volume-fail.sh"

# Statuses are numbers of common.sh.
# shellcheck disable=SC2034,SC2086,SC2154

ROOM_HINT='give the verification more room: verify.scratch.size in the values'
ALLOWED_HINT='the scratch space must belong to the user of the pod'
PATHS=''
LINKS=keep
DEVICES=skip
# They are counted in the archive; to set them the scratch space would have to know them, as a claim does.
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
	say_what_a_restore_refuses
	check_room
	unpack_into "$ROOT" --no-same-owner
	compare_content
	assert_all
	keep
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
	check_asserted
	read_paths
}

# check_asserted - what is written wrongly can never hold
check_asserted() {
	printf '%s\n' "${ASSERT_SHA256-}" >"$TMP/hashes"
	wrong=$(grep -v -e '^$' -e '^[0-9a-f]\{64\}  .' "$TMP/hashes" | head -n 1 || :)
	[ -z "$wrong" ] || die $WRONG_INPUT "ASSERT_SHA256 has the line '$wrong'" 'it is 64 hex digits, two blanks and a path'
}

# tidy - called by on_exit: other parts need the room
tidy() {
	[ -z "${ROOT-}" ] || remove_unpacked
	[ -z "${TMP-}" ] || rm -rf "$TMP"
}

# remove_unpacked - also where a folder of the backup is closed to its own user
remove_unpacked() {
	[ -d "$ROOT" ] || return 0
	chmod -R u+rwX "$ROOT" 2>/dev/null || :
	rm -rf "$ROOT"
}

say_what_a_restore_refuses() {
	[ "$LEADING_OUT" = 0 ] || log warn "$LEADING_OUT links lead out of the folder: a restore takes them with links: keep"
	[ "$DEVICE_COUNT" = 0 ] || log warn "$DEVICE_COUNT device files are in the archive, which a restore refuses"
}

check_room() {
	free=$(free_bytes)
	[ "$(needed_bytes)" -le "$free" ] || die $NO_ROOM "$(human "$(needed_bytes)") do not fit into $(human "$free") of scratch space" "$ROOM_HINT"
}

# compare_content - every file with the archive, byte by byte; owners and modes are those of this pod
compare_content() {
	log info 'comparing every file with the archive'
	chmod -R u+rwX "$ROOT"
	through compare
	grep -v -e ': Uid differs$' -e ': Gid differs$' -e ': Mode differs$' "$TMP/differs" >"$TMP/differences" || :
	grep -v -e '^tar: Exiting with failure status due to previous errors$' "$TMP/tar.err" >"$TMP/err" || :
	if [ "$DEVICE_COUNT" != 0 ]; then
		# All entries but these were counted on the disk: what is missing is a device.
		grep -v -e ': Warning: Cannot stat: No such file or directory$' "$TMP/err" >"$TMP/err.rest" || :
		mv "$TMP/err.rest" "$TMP/err"
	fi
	[ ! -s "$TMP/err" ] || fail_as "$TMP/err" $BAD_DATA 'what was unpacked cannot be compared'
	[ "$unpack_status" = 0 ] && [ "$tar_status" -le 1 ] || [ "$DEVICE_COUNT" != 0 ] ||
		fail_as "$TMP/unpack.err" $FAULT "what was unpacked cannot be compared ($COMPRESSION ended with status $unpack_status, tar with $tar_status)"
	[ ! -s "$TMP/differences" ] || die $BAD_DATA "what was unpacked is not what the archive holds: $(first_lines "$TMP/differences")" 'the scratch space of this node may be bad'
}

compare() {
	tar --compare --file=- --directory="$ROOT" --blocking-factor=$RECORD --numeric-owner >"$TMP/differs"
}

# assert_all - every assertion is tried, and all that fail are named
assert_all() {
	[ "$ALL_ENTRIES" -ge "$ASSERT_ENTRIES" ] || failed "$ALL_ENTRIES entries, and $ASSERT_ENTRIES are the least"
	assert_paths
	assert_hashes
	[ ! -s "$TMP/failed" ] || die $BAD_DATA "asserted, but not so: $(tr '\n' ';' <"$TMP/failed" | sed 's/;$//; s/;/; /g')" \
		'is it the right backup? The assertions stand under verify: in the values'
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
		find_path "$path" || failed "$path is not there"
	done <"$TMP/asserted"
}

# find_path PATH - REAL, where it lies, through links of the backup; 1 where nothing is, or it lies outside. A link that leads nowhere is there.
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
	find_path "$2" || { failed "$2 is not there" && return; }
	file=$(readlink -f -- "$REAL") || file=/
	if ! is_inside "$file" || [ ! -f "$file" ]; then
		failed "$2 is no file of the backup"
		return
	fi
	sha256sum <"$file" >"$TMP/sum"
	[ "$(cut -c 1-64 "$TMP/sum")" = "$1" ] || failed "$2 has another SHA-256: $(cut -c 1-64 "$TMP/sum")"
}

# keep - the proof, for the step that records it
keep() {
	printf '{"name":%s,"kind":"volume","method":"tar","seconds":%s,"checks":{"entries":%s,"files":%s,"bytes":%s,"paths":%s,"hashes":%s}}\n' \
		"$(json_text "$PART")" "$(($(now) - begun))" "$ALL_ENTRIES" "$REGULAR" "$ALL_BYTES" "$path_count" "$hash_count" >"$TMP/verified"
	chmod 644 "$TMP/verified"
	mv -f "$TMP/verified" "$WORK_DIR/verified/$PART.json"
	log info "verified: $ALL_ENTRIES entries, $(human "$ALL_BYTES"), $path_count paths, $hash_count hashes"
	last_words 0 "$ALL_ENTRIES entries unpacked, and every file compared with the archive" '' "\"entries\":$ALL_ENTRIES,\"bytes\":$ALL_BYTES"
}

main "$@"
