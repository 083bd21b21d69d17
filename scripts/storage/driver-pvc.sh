#!/bin/sh
# driver-pvc.sh - a storage that is a claim: files in a folder of this pod. Sourced by storage.sh for one storage, never run.
#
# Environment: that of storage.sh, whose header says what each function is for.

# Statuses are numbers of common.sh, S_ variables are set by storage.sh, and functions are called by name.
# shellcheck disable=SC2154,SC2034

make_folder() {
	# Other users of the claim's group write here too: 770, and the group is inherited from the claim.
	(umask 007 && exec mkdir -p "$S_REMOTE/$1") 2>"$S_TMP/said" || explain "$?"
	sync "$S_REMOTE" "$S_REMOTE/$1/.." "$S_REMOTE/$1"
}

missing_folder() {
	:
}

read_stored() {
	[ ! -e "$S_REMOTE/$1" ] || try cat "$S_REMOTE/$1" || explain "$?"
}

# create - ln fails for many reasons, and its status tells none of them: only a look tells whether something was there
create() {
	lay_beside "$S_REMOTE/$2" "$1"
	linked=0
	try ln "$new" "$S_REMOTE/$2" || linked=$?
	rm -f "$new"
	sync "$(dirname "$S_REMOTE/$2")"
	[ "$linked" != 0 ] || return 0
	[ -e "$S_REMOTE/$2" ] || explain "$linked"
	return 1
}

replace() {
	lay_beside "$S_REMOTE/$2" "$1"
	try mv -f "$new" "$S_REMOTE/$2" || explain "$?"
	sync "$(dirname "$S_REMOTE/$2")"
}

# lay_beside PATH FILE - the file on the disk of PATH, as new
lay_beside() {
	new=$(dirname "$1")/.$RUN_ID.new
	try cp "$2" "$new" || { rm -f "$new" && explain 1; }
	try sync "$new" || explain "$?"
}

upload() {
	while IFS= read -r file; do upload_file "$WORK_DIR/out/$file" "$S_REMOTE/$1/$file"; done <"$2"
	try sync "$S_REMOTE/$1" || explain "$?"
}

upload_file() {
	[ ! -e "$2" ] || fail "$BAD_DATA" "already stored: $2" "$NOT_OVERWRITTEN"
	echo "$2" >>"$S_TMP/made"
	try copy_new "$1" "$2" || explain "$?"
	try sync "$2" || explain "$?"
}

# copy_new FROM TO - fails where TO exists, even if it came a moment ago
copy_new() {
	set -C
	exec cat "$1" >"$2"
}

# undo - half a backup would only fill the claim until it is swept
undo() {
	# A manifest that is there makes a backup of it, even if we were stopped before we knew.
	if [ ! -s "$S_TMP/made" ] || [ -e "$S_REMOTE/$FOLDER/$NAME.manifest.json" ]; then return; fi
	while IFS= read -r made; do rm -f "$made"; done <"$S_TMP/made"
	rm -f "$S_REMOTE/$FOLDER/.$RUN_ID.new"
}

compared_by() {
	[ "$S_COMPARE" = size ] || echo SHA-256
}

look() {
	ask lsjson "$S_REMOTE/$1" --files-from-raw "$2" --no-traverse --hash --hash-type sha256 >"$S_TMP/seen"
	hashed_files "$S_TMP/seen" >"$S_TMP/hashed" || fail "$FAULT" 'rclone printed no JSON' 'see the log'
	awk '{ print $1, $2, $3 }' "$S_TMP/hashed" >"$S_TMP/stored"
}

expected() {
	awk '{ print $1, $2, $3 }' "$WORK_DIR/tmp/files"
}

hint_on_sums() {
	echo "$UPLOADS_AFRESH"
}

download() {
	while IFS= read -r file; do
		[ ! -f "$S_REMOTE/$1/$file" ] || try cp "$S_REMOTE/$1/$file" "$WORK_DIR/in/$file" || return
	done <"$2"
}

room() {
	df -Pk "$S_REMOTE" | awk 'NR == 2 { sub(/%/, "", $5); printf "%.0f %s\n", $4 * 1024, $5 }'
}

after_delete() {
	sync "$S_REMOTE/$1"
}

count_hidden() {
	echo 0
}

explain_own() {
	case $1 in
	'ln: '*'ot permitted'* | 'ln: '*'ot supported'* | 'ln: '*'ot implemented'*)
		fail "$WRONG_INPUT" "the file system of the claim has no hard links: $error" 'use a StorageClass whose file system has hard links, such as ext4, XFS or NFS'
		;;
	*'ermission denied'*) denied "the pod's group must be able to write to the claim: check owner and mode of its root folder" ;;
	*'File exists'* | *'existing file'*) stored_already ;;
	esac
}
