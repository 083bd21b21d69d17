#!/bin/sh
# publish.sh - store what the steps before have taken: upload, compare, manifest last, then prune and report.
#
# Environment (the only input; common.sh, storage.sh, manifest.sh, retention.sh and prune.sh list the rest):
#   FOLDER                     folder of this source and tier below a storage's prefix: shop/daily
#   PIN                        true: a .keep marker is written beside the manifest, so retention keeps it (default: false)
#   MARKER_PATH                path of a restore's markers below a storage's prefix, without their endings: <path>.safety
#                              says that what is live is backed up (default: it is no backup that goes before a restore)
#   RESTORE_ID                 id of that restore (default: none)
#   JOB_UID                    uid of the Job whose attempts need not back up once more (default: none)
# Output: log lines on stderr, nothing on stdout.
# Exit: 0 stored everywhere; 10 stored in the primary, but a copy failed, or a storage took the backup and not its marker;
# when the primary failed, by its reason: 64 no such bucket, or the folder is another's; 65 the data is not what was
# taken; 69 the store does not answer; 73 no room; 77 access denied.
#
# A backup exists in a storage once its manifest is there. It is written last, after everything else was compared,
# and only if nothing has that name. Storages are independent: each gets the same files, fails alone, and is pruned
# only if it committed; first all of them are given the backup, then the first one is pruned.

# Functions are called by name through each_storage.
# shellcheck disable=SC2317
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/storage.sh"
. "$(dirname "$0")/storage-owner.sh"
. "$(dirname "$0")/retention.sh"
. "$(dirname "$0")/prune.sh"
. "$(dirname "$0")/manifest.sh"

main() {
	need_env ENVIRONMENT SOURCE TIER POD_UID POD_NAME FILENAME_TEMPLATE WORK_DIR NAMESPACE FOLDER SPEC_HASH STORAGE_COUNT
	need_storages
	need_cmd rclone timeout sync
	tending=''
	trap on_exit EXIT
	trap stopped TERM
	begin_run
	rclone_defaults
	rm -rf "$WORK_DIR"/tmp/storage-*

	inspect
	compose >"$WORK_DIR/tmp/manifest.json"
	each_storage store
	tending=yes
	each_storage tend
	report
}

# stopped - TERM: the storage whose turn it is cleans up, then the log says how far we came
stopped() {
	trap '' TERM
	stop_child
	[ -z "$tending" ] || report
	on_term
}

# store - one storage's turn: all that makes a backup of it
store() {
	make_folder "$FOLDER"
	own "${FOLDER%/*}/owner.json"
	need_room
	upload "$FOLDER" "$WORK_DIR/tmp/names"
	[ "$S_READ_BACK" != true ] || read_back
	look "$FOLDER" "$WORK_DIR/tmp/names"
	compare
	commit "$FOLDER/$NAME.manifest.json"
	[ "${PIN-}" != true ] || pin "$FOLDER/$NAME.keep"
	[ -z "${MARKER_PATH-}" ] || mark "$MARKER_PATH.safety"
}

# need_room - before the first byte: half a backup helps nobody, and other backups need the room too
need_room() {
	room >"$S_TMP/room"
	[ -s "$S_TMP/room" ] || return 0
	read -r free used <"$S_TMP/room"
	total=$(total_bytes)
	[ "$free" -gt "$total" ] ||
		fail "$NO_ROOM" "no room: $(human "$free") are free and $(human "$total") are needed" 'enlarge the storage, or keep fewer backups; nothing was pruned to make room'
}

# read_back - everything once more, over the network
read_back() {
	try rclone hashsum sha256 "$S_REMOTE/$FOLDER" --files-from-raw "$WORK_DIR/tmp/names" --no-traverse --download >"$S_TMP/read" || explain "$?"
	sort "$S_TMP/read" >"$S_TMP/read.sorted"
	cmp -s "$S_TMP/read.sorted" "$WORK_DIR/tmp/now" ||
		fail "$BAD_DATA" 'what was read back is not what was uploaded' 'the store, its cache or the network changes bytes; without a manifest it does not count as a backup'
}

# compare - what the storage has just said against what was taken; the first difference of each file is named
compare() {
	expected >"$S_TMP/expected"
	wrong=$(awk -v sums="$(compared_by)" '
		function differs(what, is, should) { print $1 " has the " what " " is " and not " should "; " }
		BEGIN { count = split(sums, sum, " ") }
		FILENAME == ARGV[1] { bytes[$1] = $2; for (i = 1; i <= count; i++) stored[$1, i] = $(2 + i); next }
		!($1 in bytes) { print $1 " is not there; "; next }
		bytes[$1] != $2 { differs("size", bytes[$1], $2); next }
		{ for (i = 1; i <= count; i++) if (stored[$1, i] != $(2 + i)) { differs(sum[i], stored[$1, i], $(2 + i)); next } }
	' "$S_TMP/stored" "$S_TMP/expected")
	[ -z "$wrong" ] || fail "$BAD_DATA" "what is stored is not what was uploaded: $wrong" "$(hint_on_sums)"
}

# commit PATH - the manifest, once; one that is there already is left alone
commit() {
	if ! create "$WORK_DIR/tmp/manifest.json" "$1"; then
		# A lost answer looks like somebody else's manifest: it is ours if it says what ours says.
		read_stored "$1" >"$S_TMP/manifest.stored"
		cmp -s "$S_TMP/manifest.stored" "$WORK_DIR/tmp/manifest.json" ||
			fail "$BAD_DATA" "there is a manifest already: $1" 'nothing was overwritten; the next run has another name'
	fi
	: >"$S_TMP/committed"
	log info "storage $S_NAME: committed $S_REMOTE/$1"
}

# pin PATH - what is pinned stays until somebody removes the marker
#
# A failure leaves word in lacking: the backup is there, so the storage has not failed, but it will not stay for as long
# as was promised, so the run is degraded.
pin() {
	echo pinned >"$S_TMP/lacking"
	printf 'pinned by %s when it was made\n' "${JOB_NAME:-$POD_NAME}" >"$S_TMP/keep"
	create "$S_TMP/keep" "$1" || log info "storage $S_NAME: pinned already: $1"
	rm "$S_TMP/lacking"
}

# mark PATH - what is live may be changed as soon as this is there. An earlier marker gives way: whoever has made a backup
# beside the one that it names had found that one too old, or gone
mark() {
	echo marked >"$S_TMP/lacking"
	make_folder "$(dirname "$1")"
	printf '{"version":"backstay/v1","restore":%s,"name":%s,"folder":%s,"safe":"%s","job":%s,"jobUid":%s,"pod":%s}\n' \
		"$(json_text "${RESTORE_ID-}")" "$(json_text "$NAME")" "$(json_text "$FOLDER")" "$(iso "$(now)")" \
		"$(json_text "${JOB_NAME-}")" "$(json_text "${JOB_UID-}")" "$(json_text "$POD_NAME")" >"$S_TMP/marker"
	create "$S_TMP/marker" "$1" || replace "$S_TMP/marker" "$1"
	rm "$S_TMP/lacking"
}

# tend - a committed storage's second turn: what may go now, and how full it is
tend() {
	[ -e "$S_TMP/committed" ] && [ ! -e "$S_TMP/lacking" ] || return 0
	use_keep "${S_TMP##*-}"
	plan "$FOLDER" "$START"
	grep -q "^$NAME " "$S_TMP/plan" ||
		fail "$FAULT" 'the listing does not show the backup that was just committed' 'nothing was deleted: a listing that misses one may miss others'
	prune "$FOLDER" share
	watch_room
}

watch_room() {
	room >"$S_TMP/room"
	[ -s "$S_TMP/room" ] || return 0
	read -r free used <"$S_TMP/room"
	[ "$used" -le 85 ] || warn "$used % full" 'enlarge the storage, or keep fewer backups'
}

# report - the last words, and the status that the storages add up to
report() {
	trap '' TERM
	judge
	words_file=${TERMINATION_LOG:-/dev/termination-log} TERMINATION_LOG=$WORK_DIR/tmp/words
	facts="\"bytes\":$(total_bytes),\"seconds\":$(($(now) - START)),\"runId\":\"$RUN_ID\",\"name\":\"$NAME\""
	# A termination message has room for 1 KiB: details are cut before facts are.
	for length in 150 60 0; do
		last_words "$status" "$reason" "$hint" "\"path\":$(json_text "$path"),$facts,$(tell "$length")"
		[ "$(size_of "$WORK_DIR/tmp/words")" -gt 1024 ] || break
	done
	[ "$(size_of "$WORK_DIR/tmp/words")" -le 1024 ] || last_words "$status" "$(printf '%.200s' "$reason")" '' "$facts,$(tell 0)"
	cat "$WORK_DIR/tmp/words" 2>/dev/null >"$words_file" || :
	said=yes
	if [ "$status" = 0 ]; then log info "$reason"; else log error "$reason"; fi
	exit "$status"
}

# judge - status, reason, hint and path of the run
judge() {
	status=0 reason='stored in every storage' hint='' path=''
	for number in $(storage_numbers); do
		read_settings "$number"
		[ "$S_ROLE" != primary ] || path=$S_REMOTE/$FOLDER/$NAME.manifest.json
		if [ -e "$S_TMP/committed" ]; then
			[ ! -e "$S_TMP/lacking" ] || degraded "storage $S_NAME: stored, but not $(cat "$S_TMP/lacking"): $(failure 2)"
		elif [ "$S_ROLE" = primary ]; then
			status=$(failure 1) reason="storage $S_NAME: $(failure 2)" hint=$(failure 3)
		else
			degraded "storage $S_NAME: $(failure 2)"
		fi
	done
}

# degraded REASON - the first reason counts
degraded() {
	[ "$status" = 0 ] || return 0
	status=$DEGRADED reason="degraded: $1" hint=$(failure 3)
}

# failure LINE - of what the storage left word of: status, reason or hint
failure() {
	if [ -s "$S_TMP/failed" ]; then
		sed -n "$1p" "$S_TMP/failed"
	else
		printf '%s\n' "$FAULT" 'ended without a word' 'look at the log above' | sed -n "$1p"
	fi
}

# tell LENGTH - JSON members about the storages; texts are cut to LENGTH
tell() {
	states='' warnings='' totals='0 0 0 0'
	for number in $(storage_numbers); do
		read_settings "$number"
		state=committed
		[ -e "$S_TMP/committed" ] || state="failed: $(failure 2)"
		[ ! -e "$S_TMP/pruned" ] || totals=$(echo "$totals $(cat "$S_TMP/pruned")" | awk '{ print $1 + $5, $2 + $6, $3 + $7, $4 + $8 }')
		states=$states${states:+,}$(json_text "$S_NAME"):$(json_text "$(printf "%.$((9 + $1))s" "$state")")
		[ ! -e "$S_TMP/committed" ] || [ ! -s "$S_TMP/failed" ] || echo "$([ ! -e "$S_TMP/lacking" ] || echo "not $(cat "$S_TMP/lacking"), ")not pruned: $(failure 2)" >>"$S_TMP/warnings"
		[ -s "$S_TMP/warnings" ] || continue
		while IFS= read -r warning; do
			warnings=$warnings${warnings:+,}$(json_text "$(printf "%.$((40 + $1))s" "$S_NAME: $warning")")
		done <"$S_TMP/warnings"
	done
	printf '"storages":{%s},"warnings":[%s],' "$states" "$warnings"
	echo "$totals" | awk '{ printf "\"pruned\":%s,\"retained\":%s,\"hidden\":%s,\"swept\":%s", $1, $2, $3, $4 }'
}

main "$@"
