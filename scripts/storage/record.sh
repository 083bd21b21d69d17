#!/bin/sh
# record.sh - record what was done with a backup: an entry of the values restored it, or it was verified.
#
# Environment (the only input; common.sh and storage.sh list the rest):
#   RECORD            done: write the done-marker of a restore; verified: write <name>.verified.json next to the manifest
#   JOB_NAME          name of the Job; empty in a pod without one
#   POD_NAME          name of the pod
#   FROM_STORAGE      verified: number of the storage that the backup was read from (default: 1)
#   RESTORE_ID        done: id of the restore
#   MARKER_STORAGES   done: numbers of the storages that hold its markers, separated by blanks
#   MARKER_PATH       done: path of its markers below a storage's prefix, without their endings
# Output: log lines on stderr, nothing on stdout. It reads run/backup; run/result-*.json for done; run/folder, run/begun,
# in/manifest.json and verified/*.json for verified.
# Exit: 0 recorded, now or earlier; 65 the manifest is not the one that was verified; 69 the store does not answer;
# 70 nothing to record, or a step before wrote no JSON; 73 no room; 77 access denied.
#
# A record is written once and never replaced. If run/already says that there was nothing to do, nothing is recorded.
# A verification is recorded in every storage that holds the same manifest, because each has compared the same bytes. It
# must succeed in the storage that the backup was read from; elsewhere a failure is a warning. A restore is recorded in
# every storage that will be searched for its marker; one of them must succeed.

# Functions are called by name through each_storage.
# shellcheck disable=SC2317
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run-id.sh"
. "$(dirname "$0")/storage.sh"

main() {
	FROM_STORAGE=${FROM_STORAGE:-1}
	need_env RECORD POD_UID POD_NAME WORK_DIR STORAGE_COUNT
	need_number STORAGE_COUNT
	need_storages
	need_cmd rclone timeout sync
	trap on_exit EXIT
	trap stopped TERM
	umask 027
	mkdir -p "$WORK_DIR/tmp"
	rm -rf "$WORK_DIR"/tmp/storage-*
	rclone_defaults
	cd "$WORK_DIR" || exit "$FAULT"
	unless_already
	# Names a record that is not whole yet.
	# shellcheck disable=SC2034
	RUN_ID=$(run_id)
	[ -s run/backup ] || die "$FAULT" 'no backup was fetched' 'check the earlier steps'
	NAME=$(cat run/backup)
	case $RECORD in
	done) record_done ;;
	verified) record_verified ;;
	*) die "$WRONG_INPUT" "expected done or verified in RECORD, got '$RECORD'" 'set RECORD to done or verified' ;;
	esac
}

stopped() {
	trap '' TERM
	stop_child
	on_term
}

unless_already() {
	[ -e run/already ] || return 0
	last_words 0 'already done: nothing to record' '' ''
	log info 'already done: nothing to record'
	exit 0
}

record_done() {
	need_env RESTORE_ID MARKER_STORAGES MARKER_PATH
	need_storage_number MARKER_STORAGES
	collect run/result-*.json
	{
		printf '{"version":"backstay/v1","restore":%s,"name":%s,"done":"%s","job":%s,"pod":%s,\n' \
			"$(json_text "$RESTORE_ID")" "$(json_text "$NAME")" "$(iso "$(now)")" "$(json_text "${JOB_NAME-}")" "$(json_text "$POD_NAME")"
		printf '"results":[%s]}\n' "$(cat tmp/collected)"
	} >tmp/record.json
	check_record
	each_storage store_done "$MARKER_STORAGES"
	finish "restore $RESTORE_ID of the backup $NAME:" ''
}

store_done() {
	make_folder "$(dirname "$MARKER_PATH")"
	store_record "$MARKER_PATH.done"
}

record_verified() {
	need_storage_number FROM_STORAGE
	for file in run/folder run/begun in/manifest.json; do
		[ -s "$file" ] || die "$FAULT" "there is no $file" 'check the earlier steps'
	done
	FOLDER=$(cat run/folder)
	seconds=$(($(now) - $(cat run/begun)))
	read_settings "$FROM_STORAGE"
	json_flatten <in/manifest.json >tmp/manifest.flat || die "$FAULT" 'in/manifest.json is not JSON' 'check the earlier steps'
	collect verified/*.json
	{
		printf '{"version":"backstay/v1","name":%s,"runId":%s,"verified":"%s","seconds":%s,"storage":%s,"job":%s,"pod":%s,\n' \
			"$(json_text "$NAME")" "$(json_text "$(fact runId tmp/manifest.flat)")" "$(iso "$(now)")" "$seconds" \
			"$(json_text "$S_NAME")" "$(json_text "${JOB_NAME-}")" "$(json_text "$POD_NAME")"
		printf '"parts":[%s]}\n' "$(cat tmp/collected)"
	} >tmp/record.json
	check_record
	each_storage store_verified
	finish "verified $NAME: every check passed," "\"seconds\":$seconds,"
}

# collect FILE... - the JSON of the earlier steps, joined by commas
collect() {
	: >tmp/collected
	for file; do
		[ -e "$file" ] || die "$FAULT" "there is no $file" 'the earlier steps left nothing to record'
		json_flatten <"$file" >tmp/flat || die "$FAULT" "not JSON: $file" 'this is a bug in the step that wrote it'
		[ ! -s tmp/collected ] || printf ',\n' >>tmp/collected
		cat "$file" >>tmp/collected
	done
}

check_record() {
	json_flatten <tmp/record.json >tmp/flat || die "$FAULT" 'the record would not be valid JSON' 'this is a bug in backstay'
}

# store_verified - one storage's turn; skips a storage that never got the backup, or has pruned it
store_verified() {
	read_stored "$FOLDER/$NAME.manifest.json" >"$S_TMP/manifest.stored"
	if [ ! -s "$S_TMP/manifest.stored" ] && ! is_from; then
		: >"$S_TMP/passed"
		return
	fi
	cmp -s "$S_TMP/manifest.stored" "$WORK_DIR/in/manifest.json" ||
		fail "$BAD_DATA" "its manifest of $NAME is not the one that was verified" 'it was deleted or replaced in the meantime, or the storages never held the same backup'
	store_record "$FOLDER/$NAME.verified.json"
}

# is_from - whether it is the turn of the storage that the backup was read from
is_from() {
	[ "${S_TMP##*-}" = "$FROM_STORAGE" ]
}

# store_record PATH - never replaces an earlier record
store_record() {
	if create "$WORK_DIR/tmp/record.json" "$1"; then
		echo "recorded in $S_NAME" >"$S_TMP/recorded"
	else
		echo "recorded earlier in $S_NAME" >"$S_TMP/recorded"
	fi
	log info "$(cat "$S_TMP/recorded"): $S_REMOTE/$1"
}

# finish WHAT MORE - the last words: where it is recorded, and where it could not be
finish() {
	places='' warnings='' refused=''
	for number in $(storage_numbers); do
		read_settings "$number"
		if [ -s "$S_TMP/recorded" ]; then
			places="$places${places:+, }$(cat "$S_TMP/recorded")"
		elif [ -d "$S_TMP" ] && [ ! -e "$S_TMP/passed" ]; then
			[ -s "$S_TMP/failed" ] || printf '%s\n' "$FAULT" 'ended without a reason' 'check the log above' >"$S_TMP/failed"
			[ "$RECORD" = 'done' ] || ! is_from || end_as_turn ''
			refused=${refused:-$number}
			warnings=$warnings${warnings:+,}$(json_text "$(printf '%.190s' "not recorded in $S_NAME: $(sed -n 2p "$S_TMP/failed")")")
		fi
	done
	[ -n "$places" ] || end_as_first
	last_words 0 "$1 $places" '' "\"name\":$(json_text "$NAME"),$2\"warnings\":[$warnings]"
	log info "$1 $places"
}

# end_as_first - no storage has the record: the script ends with the reason of the first one
end_as_first() {
	read_settings "$refused"
	end_as_turn ''
}

main "$@"
