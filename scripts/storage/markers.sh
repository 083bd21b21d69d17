#!/bin/sh
# markers.sh - what a restore stores about itself for later attempts. Sourced after storage.sh and json.sh, never run.
#
# Environment (the only input):
#   RESTORE_ID           id of the restore
#   MARKER_STORAGES      numbers of the storages that may hold its markers, separated by blanks (default: none is searched)
#   MARKER_PATH          path of its markers below a storage's prefix, without their endings: shop/restores/hjkmnpqr
#   JOB_NAME             name of the Job; empty in a pod without one
#   POD_NAME             name of the pod
#   JOB_UID              uid of the Job, because a later Job may have the same name (default: this pod has no Job)
#
# A marker is written once and never replaced, except .safety, of which the newest counts:
#   .chosen    which backup is restored: each attempt restores what the first one chose
#   .safety    the name of the safety backup: nothing was changed before it. It counts for attempts of the Job that made it,
#              and only while that backup is stored; written by publish.sh
#   .done      the restore succeeded; written by record.sh
# A marker in one storage counts for all: the others may have been added to the values after it.

# fetch.sh sets and reads variables of this file; functions are called by name through each_storage.
# shellcheck disable=SC2034,SC2153,SC2154,SC2317

. "$(dirname "$0")/run-id.sh"

# look_for_markers - ends if the restore was done before, and fails if a marker cannot be looked for
look_for_markers() {
	[ -n "${MARKER_PATH-}" ] || return 0
	need_env RESTORE_ID MARKER_STORAGES POD_UID POD_NAME
	need_storage_number MARKER_STORAGES
	need_cmd sync
	each_storage read_markers "$MARKER_STORAGES"
	[ ! -e run/already ] || end_as_done
	for number in $MARKER_STORAGES; do
		read_settings "$number"
		[ -e "$S_TMP/looked" ] ||
			end_as_turn "a marker in $S_NAME may say that this restore was done: nothing starts before it can be read; if $S_NAME is gone for good, remove it from the values; backstay restore by hand reads only the storage of its safety backup"
	done
	[ ! -e tmp/chosen ] || use_choice
}

# read_markers - one storage's turn: by a listing, which tells a missing marker from an unreadable one
read_markers() {
	[ ! -e "$WORK_DIR/run/already" ] || return 0
	list "$(dirname "$MARKER_PATH")"
	read_marker 'done' run/already
	read_marker chosen tmp/chosen
	# Last, because it lists another folder.
	read_safety
	: >"$S_TMP/looked"
}

# read_marker ENDING FILE - copies it to a file of WORK_DIR, whatever it contains
read_marker() {
	[ ! -e "$WORK_DIR/$2" ] || return 0
	grep -Fxq "${MARKER_PATH##*/}.$1" "$S_TMP/list" || return 0
	read_stored "$MARKER_PATH.$1" >"$S_TMP/marker"
	mv "$S_TMP/marker" "$WORK_DIR/$2"
}

# read_safety - run/safe is the marker of a safety backup that still counts; run/outdated that of one that must be made again,
# unless the live data is half restored
read_safety() {
	rm -f "$S_TMP/safe"
	read_marker safety "tmp/${S_TMP##*/}/safe"
	[ -e "$S_TMP/safe" ] && [ ! -e "$WORK_DIR/run/safe" ] || return 0
	safe_name='' safe_folder='' safe_job=''
	if json_flatten <"$S_TMP/safe" >"$S_TMP/safe.flat"; then
		safe_name=$(fact name "$S_TMP/safe.flat") safe_folder=$(fact folder "$S_TMP/safe.flat") safe_job=$(fact jobUid "$S_TMP/safe.flat")
	fi
	if ! safety_is_there; then
		log warn "storage $S_NAME: the safety backup ${safe_name:-without a name} of this restore is no longer in ${safe_folder:-any folder}"
	elif [ -n "$safe_job" ] && [ "$safe_job" = "${JOB_UID-}" ]; then
		mv "$S_TMP/safe" "$WORK_DIR/run/safe"
	else
		log info "storage $S_NAME: another Job made the safety backup $safe_name: making a new one"
		mv "$S_TMP/safe" "$WORK_DIR/run/outdated"
	fi
}

# safety_is_there - it may have been deleted as the leftover of a failed restore
safety_is_there() {
	[ -n "${safe_name:+$safe_folder}" ] || return 1
	list "$safe_folder"
	grep -Fxq "$safe_name.manifest.json" "$S_TMP/list"
}

end_as_done() {
	done_at='' done_name=''
	if json_flatten <run/already >tmp/already.flat; then
		done_at=$(fact 'done' tmp/already.flat)
		done_name=$(fact name tmp/already.flat)
	fi
	words="already done${done_at:+ at $done_at}${done_name:+: $done_name}"
	last_words 0 "$words" 'a changed entry is a new restore' "\"restore\":$(json_text "$RESTORE_ID")"
	log info "$words"
	exit 0
}

# use_choice - CHOSEN is the backup that an earlier attempt chose, and its folder the only one to search
use_choice() {
	json_flatten <tmp/chosen >tmp/chosen.flat || refuse_choice 'is not JSON'
	[ "$(fact version tmp/chosen.flat)" = backstay/v1 ] || refuse_choice 'has another version'
	[ "$(fact restore tmp/chosen.flat)" = "$RESTORE_ID" ] || refuse_choice 'belongs to another restore'
	CHOSEN=$(fact name tmp/chosen.flat) FOLDERS=$(fact folder tmp/chosen.flat)
	[ -n "${CHOSEN:+$FOLDERS}" ] || refuse_choice 'names no backup'
}

refuse_choice() {
	die "$BAD_DATA" "cannot read which backup this restore chose earlier: $MARKER_PATH.chosen $1" "$ANEW"
}

ANEW='to choose again, change its entry in the values: that makes it a new restore'

# choose_again - finds time, name and folder of the chosen backup among those that are stored now
choose_again() {
	CHOSEN=$CHOSEN awk '$2 == ENVIRON["CHOSEN"]' tmp/backups >tmp/wanted
	[ -s tmp/wanted ] || die "$WRONG_INPUT" "the backup $CHOSEN that this restore chose earlier is not in folder $FOLDERS of storage $S_NAME" "$ANEW"
}

# keep_choice - records the choice before it is used, so that no two attempts restore parts of different backups
keep_choice() {
	[ -n "${MARKER_PATH-}" ] && [ -z "$CHOSEN" ] || return 0
	# Names a marker that is not whole yet.
	RUN_ID=$(run_id)
	printf '{"version":"backstay/v1","restore":%s,"name":%s,"folder":%s,"chosen":"%s","job":%s,"pod":%s}\n' "$(json_text "$RESTORE_ID")" \
		"$(json_text "$NAME")" "$(json_text "$FOLDER")" "$(iso "$(now)")" "$(json_text "${JOB_NAME-}")" "$(json_text "$POD_NAME")" >tmp/choice.json
	each_storage store_choice "$MARKER_STORAGES"
	need_one_that_kept
	read_settings "$FROM_STORAGE"
}

# store_choice - one storage's turn; if another attempt was faster, no further storage gets a different choice
store_choice() {
	[ ! -e "$WORK_DIR/tmp/overtaken" ] || return 0
	make_folder "$(dirname "$MARKER_PATH")"
	if ! create "$WORK_DIR/tmp/choice.json" "$MARKER_PATH.chosen"; then
		# After a lost answer our own marker looks like another attempt's: it is ours if the content is equal.
		read_stored "$MARKER_PATH.chosen" >"$S_TMP/marker"
		cmp -s "$S_TMP/marker" "$WORK_DIR/tmp/choice.json" || overtaken
	fi
	: >"$S_TMP/kept"
}

overtaken() {
	: >"$WORK_DIR/tmp/overtaken"
	fail "$BUSY" 'another attempt of this restore has just chosen a backup' 'the next attempt uses the same one'
}

# need_one_that_kept - if no storage has the choice, or another attempt was faster, the script ends with the first reason
need_one_that_kept() {
	kept='' refused=''
	for number in $MARKER_STORAGES; do
		read_settings "$number"
		if [ -e "$S_TMP/kept" ]; then kept=yes; else refused="$refused $number"; fi
	done
	[ -z "$kept" ] || [ -e tmp/overtaken ] || return 0
	for number in $refused; do
		read_settings "$number"
		[ ! -s "$S_TMP/failed" ] || end_as_turn ''
	done
	die "$FAULT" 'no storage reports whether it has the choice' 'check the log above'
}
