#!/bin/sh
# publish.sh - store what the earlier steps have taken: upload, compare, manifest last, then prune and report.
#
# Environment (the only input; common.sh, storage.sh, manifest.sh, retention.sh and prune.sh list the rest):
#   FOLDER                     folder of this source and tier below a storage's prefix: shop/daily
#   PIN                        true: a .keep marker is written next to the manifest, so retention keeps it (default: false)
#   MARKER_PATH                path of a restore's markers below a storage's prefix, without their endings: <path>.safety
#                              says that the live data is backed up (default: this is no safety backup)
#   JOB_NAME                   name of the Job; empty in a pod without one
#   POD_NAME                   name of the pod
#   RESTORE_ID                 id of that restore (default: none)
#   JOB_UID                    uid of the Job whose later attempts skip the safety backup (default: none)
# Output: log lines on stderr, nothing on stdout.
# Exit: 0 stored everywhere; 10 stored in the primary, but a copy failed, or a storage has the backup but not its marker;
# if the primary failed, by its reason: 64 no such bucket, or another owner's folder; 65 the data differs from what was
# taken; 69 the store does not answer; 73 no room; 77 access denied.
#
# A backup exists in a storage once its manifest is there. The manifest is written last, after everything else was
# compared, and only if nothing has that name. Storages are independent: each gets the same files, fails alone, and is
# pruned only if it has committed. Pruning starts after every storage had its turn.

# Functions are called by name through each_storage.
# shellcheck disable=SC2317
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run-name.sh"
. "$(dirname "$0")/storage.sh"
. "$(dirname "$0")/storage-owner.sh"
. "$(dirname "$0")/retention.sh"
. "$(dirname "$0")/prune.sh"
. "$(dirname "$0")/manifest.sh"

main() {
	need_env ENVIRONMENT SOURCE TIER POD_UID POD_NAME FILENAME_TEMPLATE WORK_DIR NAMESPACE FOLDER SPEC_HASH STORAGE_COUNT
	need_storages
	need_cmd rclone timeout sync
	maintaining=''
	trap on_exit EXIT
	trap stopped TERM
	begin_run
	rclone_defaults
	rm -rf "$WORK_DIR"/tmp/storage-*

	inspect
	compose >"$WORK_DIR/tmp/manifest.json"
	each_storage store
	maintaining=yes
	each_storage maintain
	report
}

# stopped - TERM: the storage whose turn it is cleans up, then the log says how far the run came
stopped() {
	trap '' TERM
	stop_child
	[ -z "$maintaining" ] || report
	on_term
}

# store - one storage's turn: everything up to the committed backup
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

# read_back - hashes everything again, over the network
read_back() {
	try rclone hashsum sha256 "$S_REMOTE/$FOLDER" --files-from-raw "$WORK_DIR/tmp/names" --no-traverse --download >"$S_TMP/read" || explain "$?"
	sort "$S_TMP/read" >"$S_TMP/read.sorted"
	cmp -s "$S_TMP/read.sorted" "$WORK_DIR/tmp/now" ||
		fail "$BAD_DATA" 'what was read back is not what was uploaded' 'the store, its cache or the network changes bytes; without a manifest this does not count as a backup'
}

# compare - what the storage reports against what was taken; of each file the first difference is named
compare() {
	expected >"$S_TMP/expected"
	wrong=$(awk -v sums="$(compared_by)" '
		function differs(what, is, should) { print $1 " has " what " " is " instead of " should "; " }
		BEGIN { count = split(sums, sum, " ") }
		FILENAME == ARGV[1] { bytes[$1] = $2; for (i = 1; i <= count; i++) stored[$1, i] = $(2 + i); next }
		!($1 in bytes) { print $1 " is missing; "; next }
		bytes[$1] != $2 { differs("size", bytes[$1], $2); next }
		{ for (i = 1; i <= count; i++) if (stored[$1, i] != $(2 + i)) { differs(sum[i], stored[$1, i], $(2 + i)); next } }
	' "$S_TMP/stored" "$S_TMP/expected")
	[ -z "$wrong" ] || fail "$BAD_DATA" "what is stored is not what was uploaded: $wrong" "$(hint_on_sums)"
}

# commit PATH - the manifest, once; an existing one is left alone
commit() {
	if ! create "$WORK_DIR/tmp/manifest.json" "$1"; then
		# After a lost answer our own manifest looks like another run's: it is ours if the content is equal.
		read_stored "$1" >"$S_TMP/manifest.stored"
		cmp -s "$S_TMP/manifest.stored" "$WORK_DIR/tmp/manifest.json" ||
			fail "$BAD_DATA" "a manifest already exists: $1" "$NOT_OVERWRITTEN"
	fi
	: >"$S_TMP/committed"
	log info "storage $S_NAME: committed $S_REMOTE/$1"
}

# pin PATH - retention keeps a pinned backup until the marker is removed
#
# A failure is recorded in lacking: the backup is there, so the storage has not failed, but retention may delete it too
# early, so the run is degraded.
pin() {
	echo pinned >"$S_TMP/lacking"
	printf 'pinned by %s when it was made\n' "${JOB_NAME:-$POD_NAME}" >"$S_TMP/keep"
	create "$S_TMP/keep" "$1" || log info "storage $S_NAME: already pinned: $1"
	rm "$S_TMP/lacking"
}

# mark PATH - the live data may be changed as soon as this marker is there. It replaces an earlier one: the safety backup
# which that one names was stale or missing, or this run would not have made another
mark() {
	echo marked >"$S_TMP/lacking"
	make_folder "$(dirname "$1")"
	printf '{"version":"backstay/v1","restore":%s,"name":%s,"folder":%s,"safe":"%s","job":%s,"jobUid":%s,"pod":%s}\n' \
		"$(json_text "${RESTORE_ID-}")" "$(json_text "$NAME")" "$(json_text "$FOLDER")" "$(iso "$(now)")" \
		"$(json_text "${JOB_NAME-}")" "$(json_text "${JOB_UID-}")" "$(json_text "$POD_NAME")" >"$S_TMP/marker"
	create "$S_TMP/marker" "$1" || replace "$S_TMP/marker" "$1"
	rm "$S_TMP/lacking"
}

# maintain - a committed storage's second turn: prune, and check how full it is
maintain() {
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

# report - the last words, and the status that follows from all storages
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

# degraded REASON - keeps the first reason
degraded() {
	[ "$status" = 0 ] || return 0
	status=$DEGRADED reason="degraded: $1" hint=$(failure 3)
}

# failure LINE - what the storage has recorded: status, reason or hint
failure() {
	if [ -s "$S_TMP/failed" ]; then
		sed -n "$1p" "$S_TMP/failed"
	else
		printf '%s\n' "$FAULT" 'ended without a reason' 'check the log above' | sed -n "$1p"
	fi
}

# tell LENGTH - JSON members about the storages, with texts cut to LENGTH
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
