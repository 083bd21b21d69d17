#!/bin/sh
# storage.sh - what a storage can do, a claim and an object store alike. Sourced after common.sh, never run.
#
# Environment (the only input; n counts from 1):
#   STORAGE_COUNT              how many storages there are
#   STORAGE_n_NAME             its name in the values
#   STORAGE_n_KIND             its kind in the values: pvc, s3
#   STORAGE_n_ROLE             primary or copy
#   STORAGE_n_REMOTE           rclone path of its prefix; one that starts with / is a claim
#   STORAGE_n_COMPARE          checksum or size: what is compared after an upload
#   STORAGE_n_READ_BACK        true: everything is read back after the upload and hashed again (default: false)
#   STORAGE_n_CA               certificate of a private authority (file; default: those of the image)
#   STORAGE_n_ROLE_ARN         role that is taken instead of a key (default: none)
#   STORAGE_n_TOKEN_FILE       token for that role (file; default: none)
#   RCLONE_CONFIG_*            remotes, read by rclone itself
#   NAMESPACE                  namespace of the pod; with environment and source it says whose a folder is
#   STORE_WAIT_SECONDS         how long a store that does not answer a short question is waited for (seconds; default: 120)
#
# Each storage has its turn in a subshell of its own (each_storage): what fails in it ends the turn and never the run.

. "$(dirname "$0")/storage-errors.sh"

need_storages() {
	for number in $(storage_numbers); do
		need_env "STORAGE_${number}_NAME" "STORAGE_${number}_KIND" "STORAGE_${number}_ROLE" "STORAGE_${number}_REMOTE" "STORAGE_${number}_COMPARE"
	done
}

# need_storage_number NAME... - variables that hold the number of a storage, or several with blanks between
need_storage_number() {
	for variable; do
		values=''
		eval "values=\${$variable-}"
		for value in ${values:-''}; do
			case " $(storage_numbers | tr '\n' ' ')" in
			*" $value "*) ;;
			*) die "$WRONG_INPUT" "$variable is $values, and there are $STORAGE_COUNT storages" 'storages are counted from 1' ;;
			esac
		done
	done
}

# rclone_defaults - how patient rclone is, and an empty configuration: without one it says with every call that it has none
rclone_defaults() {
	: >"$WORK_DIR/tmp/rclone.conf"
	export RCLONE_CONFIG="$WORK_DIR/tmp/rclone.conf" RCLONE_STATS=0 RCLONE_CONTIMEOUT=15s RCLONE_TIMEOUT=60s \
		RCLONE_LOW_LEVEL_RETRIES=3 RCLONE_RETRIES=2 RCLONE_RETRIES_SLEEP=3s
}

# each_storage COMMAND [NUMBERS] - for every storage, or for these, one after the other, each in a subshell that ends by itself
each_storage() {
	for number in ${2:-$(storage_numbers)}; do
		turn "$1" "$number" &
		child=$!
		wait_for_child || :
	done
}

# in_storage NUMBER COMMAND - the turn of one storage; a failure is the whole script's
in_storage() {
	turn "$2" "$1" &
	child=$!
	turned=0
	wait_for_child || turned=$?
	read_settings "$1"
	[ "$turned" = 0 ] || end_as_turn ''
}

# end_as_turn HINT - ends the script as the turn has ended of the storage whose settings were read last; without a hint with its own
end_as_turn() {
	[ -s "$S_TMP/failed" ] || die "$FAULT" "storage $S_NAME: ended without a word" 'look at the log above'
	die "$(sed -n 1p "$S_TMP/failed")" "storage $S_NAME: $(sed -n 2p "$S_TMP/failed")" "${1:-$(sed -n 3p "$S_TMP/failed")}"
}

turn() {
	set -eu
	child=''
	use_storage "$2"
	trap turn_stopped TERM
	"$1"
}

turn_stopped() {
	trap '' TERM
	stop_child
	printf '%s\n' "$FAULT" 'stopped by TERM' '' >"$S_TMP/failed"
	undo
	exit "$FAULT"
}

storage_numbers() {
	awk -v count="$STORAGE_COUNT" 'BEGIN { for (i = 1; i <= count; i++) print i }'
}

# stop_child - what this turn started is asked to end, and waited for: rclone aborts its multipart uploads then
stop_child() {
	[ -n "$child" ] || return 0
	kill "$child" 2>/dev/null || :
	wait "$child" 2>/dev/null || :
	child=''
}

# read_settings NUMBER - the storage's settings become S_NAME, S_REMOTE ..., and S_TMP is its scratch
read_settings() {
	for field in NAME KIND ROLE REMOTE COMPARE READ_BACK CA ROLE_ARN TOKEN_FILE; do
		eval "S_$field=\${STORAGE_${1}_$field-}"
	done
	S_TMP=$WORK_DIR/tmp/storage-$1
}

# use_storage NUMBER - the same, and what rclone reads of its own accord is set: in a subshell, or the next storage inherits it
use_storage() {
	read_settings "$1"
	mkdir -p "$S_TMP"
	: >"$S_TMP/made"
	[ -z "$S_CA" ] || export RCLONE_CA_CERT="$S_CA"
	[ -z "$S_ROLE_ARN" ] || export AWS_ROLE_ARN="$S_ROLE_ARN" AWS_WEB_IDENTITY_TOKEN_FILE="$S_TOKEN_FILE"
}

is_claim() {
	case $S_REMOTE in /*) ;; *) return 1 ;; esac
}

# fail STATUS REASON [HINT] - ends this storage's turn, and leaves word of why
fail() {
	trap '' TERM
	log error "storage $S_NAME: $2"
	[ -z "${3-}" ] || log hint "$3"
	printf '%s\n' "$1" "$2" "${3-}" >"$S_TMP/failed"
	undo
	exit "$1"
}

# warn TEXT [HINT] - of this storage; the report has it too
warn() {
	log warn "storage $S_NAME: $1"
	[ -z "${2-}" ] || log hint "$2"
	printf '%s\n' "$1" >>"$S_TMP/warnings"
}

# undo - takes back what this run has put on a claim: without a manifest it would only fill it up until the sweep
undo() {
	# A manifest that is there makes a backup of it, even if we were stopped before we knew.
	if [ ! -s "$S_TMP/made" ] || [ -e "$S_REMOTE/$FOLDER/$NAME.manifest.json" ]; then return; fi
	while IFS= read -r made; do rm -f "$made"; done <"$S_TMP/made"
	rm -f "$S_REMOTE/$FOLDER/.$RUN_ID.new"
}

# ask ARGUMENT... - rclone with a short question; a failure ends the turn
ask() {
	ask_or_not "$@" || explain "$?"
}

# ask_or_not ARGUMENT... - the same, its status for the caller: what hangs is ended, however patient rclone is with it
ask_or_not() {
	asked=$(date +%s)
	answered=0
	try timeout "${STORE_WAIT_SECONDS:-120}" rclone "$@" || answered=$?
	[ "$answered" != 0 ] || return 0
	# The status of timeout differs from tool to tool, and of rclone's own there are many.
	[ $(($(date +%s) - asked)) -lt "${STORE_WAIT_SECONDS:-120}" ] || echo "ERROR : timeout: no answer within ${STORE_WAIT_SECONDS:-120} s" >>"$S_TMP/said"
	return "$answered"
}

# try COMMAND... - its status; what it says on stderr is kept for explain
try() {
	run "$@" 2>"$S_TMP/said"
}

# read_stored PATH - what is stored there; nothing where nothing is
read_stored() {
	if is_claim; then
		[ ! -e "$S_REMOTE/$1" ] || try cat "$S_REMOTE/$1" || explain "$?"
	else
		ask cat "$S_REMOTE/$1"
	fi
}

# create FILE PATH - stores it unless something is there, in one step that cannot race; status 1 where something is
create() {
	if is_claim; then
		create_on_claim "$S_REMOTE/$2" "$1"
	else
		ask_or_not copyto "$1" "$S_REMOTE/$2" --no-check-dest --s3-no-check-bucket --header-upload 'If-None-Match: *' && return
		created=$?
		grep -q 'PreconditionFailed\|StatusCode: 412\|ConditionalRequestConflict' "$S_TMP/said" || explain "$created"
		return 1
	fi
}

# replace FILE PATH - stores it whatever is there, in one step
replace() {
	if is_claim; then
		lay_beside "$S_REMOTE/$2" "$1"
		try mv -f "$new" "$S_REMOTE/$2" || explain "$?"
		sync "$(dirname "$S_REMOTE/$2")"
	else
		ask copyto "$1" "$S_REMOTE/$2" --no-check-dest --s3-no-check-bucket
	fi
}

# lay_beside PATH FILE - the file on the disk of PATH, as new
lay_beside() {
	new=$(dirname "$1")/.$RUN_ID.new
	try cp "$2" "$new" || { rm -f "$new" && explain 1; }
	try sync "$new" || explain "$?"
}

create_on_claim() {
	lay_beside "$1" "$2"
	linked=0
	ln "$new" "$1" 2>/dev/null || linked=1
	rm -f "$new"
	sync "$(dirname "$1")"
	return "$linked"
}

# make_folder FOLDER - on a claim; an object store has none
make_folder() {
	is_claim || return 0
	# Other users of the claim's group write here too: 770, and the group is inherited from the claim.
	(umask 007 && exec mkdir -p "$S_REMOTE/$1") 2>"$S_TMP/said" || explain "$?"
	sync "$S_REMOTE" "$S_REMOTE/$1/.." "$S_REMOTE/$1"
}

# list FOLDER - the names of its files; a missing folder is an empty one, every other failure ends the turn
list() {
	listed=0
	ask_or_not lsf "$S_REMOTE/$1" --files-only >"$S_TMP/list" || listed=$?
	case $listed in
	0) ;;
	3) is_claim || explain 3 ;;
	*) explain "$listed" ;;
	esac
}
