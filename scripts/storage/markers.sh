#!/bin/sh
# markers.sh - what is stored of a restore itself, so that whoever begins with it again knows. Sourced after storage.sh and
# json.sh, never run.
#
# Environment (the only input):
#   RESTORE_ID           id of the restore
#   MARKER_STORAGES      numbers of the storages that may hold its markers, with blanks between (default: none is looked for)
#   MARKER_PATH          path of its markers below a storage's prefix, without their endings: shop/restores/hjkmnpqr
#   JOB_UID              uid of the Job; its name is no other one weeks later (default: this pod has no Job)
#
# A marker is made once, and what is there stays, but for .safety, of which the newest counts:
#   .chosen    which backup is restored: each attempt restores what the first has chosen
#   .safety    what was live is backed up, by this name: nothing was changed before. It counts for the attempts of the Job
#              that made that backup, and only where that backup still is; made by publish.sh
#   .done      the restore ended well; made by record.sh
# What one storage has counts for all: others may be newer in the values than the marker.

# What is set here is read by fetch.sh, and what is read by it; functions are called by name through each_storage.
# shellcheck disable=SC2034,SC2153,SC2154,SC2317

# look_for_markers - a restore that was done is not done again, and one of which nobody can say is not begun
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
			end_as_turn "what was done of this restore is said by its markers, which may lie in $S_NAME: nothing begins without a look there; if it is gone for good, take it out of the values; backstay restore, by hand, looks only where its own backup goes"
	done
	[ ! -e tmp/chosen ] || use_choice
}

# read_markers - one storage's turn: looked for in a listing, which tells what is missing from what cannot be read
read_markers() {
	[ ! -e "$WORK_DIR/run/already" ] || return 0
	list "$(dirname "$MARKER_PATH")"
	read_marker 'done' run/already
	read_marker chosen tmp/chosen
	# The last: it lists another folder.
	read_safety
	: >"$S_TMP/looked"
}

# read_marker ENDING FILE - into a file of WORK_DIR, which is there as soon as one marker is, whatever is in it
read_marker() {
	[ ! -e "$WORK_DIR/$2" ] || return 0
	grep -Fxq "${MARKER_PATH##*/}.$1" "$S_TMP/list" || return 0
	read_stored "$MARKER_PATH.$1" >"$S_TMP/marker"
	mv "$S_TMP/marker" "$WORK_DIR/$2"
}

# read_safety - run/safe is the marker of a backup that need not be made again; run/outdated that of one that should be, unless
# what is live is half restored
read_safety() {
	rm -f "$S_TMP/safe"
	read_marker safety "tmp/${S_TMP##*/}/safe"
	[ -e "$S_TMP/safe" ] && [ ! -e "$WORK_DIR/run/safe" ] || return 0
	safe_name='' safe_folder='' safe_job=''
	if json_flatten <"$S_TMP/safe" >"$S_TMP/safe.flat"; then
		safe_name=$(fact name "$S_TMP/safe.flat") safe_folder=$(fact folder "$S_TMP/safe.flat") safe_job=$(fact jobUid "$S_TMP/safe.flat")
	fi
	if ! safety_is_there; then
		log warn "storage $S_NAME: the backup ${safe_name:-without a name}, which went before this restore, is not in ${safe_folder:-any folder} any more"
	elif [ -n "$safe_job" ] && [ "$safe_job" = "${JOB_UID-}" ]; then
		mv "$S_TMP/safe" "$WORK_DIR/run/safe"
	else
		log info "storage $S_NAME: another Job has backed up what was live, as $safe_name: it is backed up once more"
		mv "$S_TMP/safe" "$WORK_DIR/run/outdated"
	fi
}

# safety_is_there - somebody may have deleted it as that of a failed restore
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
	last_words 0 "$words" 'an entry that is changed is a new restore' "\"restore\":$(json_text "$RESTORE_ID")"
	log info "$words"
	exit 0
}

# use_choice - CHOSEN is the name that an attempt before this one has chosen, and its folder the only one that is looked at
use_choice() {
	json_flatten <tmp/chosen >tmp/chosen.flat || refuse_choice 'is not JSON'
	[ "$(fact version tmp/chosen.flat)" = backstay/v1 ] || refuse_choice 'is of another version'
	[ "$(fact restore tmp/chosen.flat)" = "$RESTORE_ID" ] || refuse_choice 'is of another restore'
	CHOSEN=$(fact name tmp/chosen.flat) FOLDERS=$(fact folder tmp/chosen.flat)
	[ -n "${CHOSEN:+$FOLDERS}" ] || refuse_choice 'names no backup'
}

refuse_choice() {
	die "$BAD_DATA" "what this restore has chosen before cannot be told: $MARKER_PATH.chosen $1" "$ANEW"
}

ANEW='to choose anew, change its entry in the values: then it is another restore'

# choose_again - the time, name and folder of what was chosen, out of what is stored now
choose_again() {
	CHOSEN=$CHOSEN awk '$2 == ENVIRON["CHOSEN"]' tmp/backups >tmp/wanted
	[ -s tmp/wanted ] || die "$WRONG_INPUT" "the backup $CHOSEN, which this restore has chosen before, is not in the folder $FOLDERS of the storage $S_NAME" "$ANEW"
}

# keep_choice - before anything else is done with it, so that no attempt can have restored a part of another backup
keep_choice() {
	[ -n "${MARKER_PATH-}" ] && [ -z "$CHOSEN" ] || return 0
	# Names what a marker is called until it is whole.
	RUN_ID=$(run_id)
	printf '{"version":"backstay/v1","restore":%s,"name":%s,"folder":%s,"chosen":"%s","job":%s,"pod":%s}\n' "$(json_text "$RESTORE_ID")" \
		"$(json_text "$NAME")" "$(json_text "$FOLDER")" "$(iso "$(now)")" "$(json_text "${JOB_NAME-}")" "$(json_text "$POD_NAME")" >tmp/choice.json
	each_storage store_choice "$MARKER_STORAGES"
	need_one_that_kept
	read_settings "$FROM_STORAGE"
}

# store_choice - one storage's turn; where somebody else was faster, no further storage is given another choice than that
store_choice() {
	[ ! -e "$WORK_DIR/tmp/overtaken" ] || return 0
	make_folder "$(dirname "$MARKER_PATH")"
	if ! create "$WORK_DIR/tmp/choice.json" "$MARKER_PATH.chosen"; then
		# A lost answer looks like somebody else's marker: it is ours if it says what ours says.
		read_stored "$MARKER_PATH.chosen" >"$S_TMP/marker"
		cmp -s "$S_TMP/marker" "$WORK_DIR/tmp/choice.json" || overtaken
	fi
	: >"$S_TMP/kept"
}

overtaken() {
	: >"$WORK_DIR/tmp/overtaken"
	fail "$BUSY" 'another attempt of this restore has just chosen' 'the next attempt takes what that one has chosen'
}

# need_one_that_kept - the first reason is the script's, if no storage took it, or if somebody else was faster
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
	die "$FAULT" 'no storage says whether it took the choice' 'look at the log above'
}
