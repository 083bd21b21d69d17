#!/bin/sh
# storage.sh - what every script does with a storage, whatever its kind. Sourced after common.sh, never run.
#
# Environment (the only input; n counts from 1):
#   STORAGE_COUNT              how many storages there are
#   STORAGE_n_NAME             its name in the values
#   STORAGE_n_KIND             its kind in the values, such as pvc or s3; it names the driver: driver-<kind>.sh
#   STORAGE_n_ROLE             primary or copy
#   STORAGE_n_REMOTE           rclone path of its prefix
#   STORAGE_n_COMPARE          checksum or size: what is compared after an upload
#   STORAGE_n_READ_BACK        true: everything is read back after the upload and hashed again (default: false)
#   STORAGE_n_CA               certificate of a private CA (file; default: the CAs of the image)
#   STORAGE_n_ROLE_ARN         role to assume instead of using a key (default: none)
#   STORAGE_n_TOKEN_FILE       token for that role (file; default: none)
#   RCLONE_CONFIG_*            remotes, read by rclone itself
#   NAMESPACE                  namespace of the pod; with environment and source it identifies the owner of a folder
#   STORE_WAIT_SECONDS         how long to wait for a store that does not answer a short question (seconds; default: 120)
#
# Each storage has its turn in a subshell of its own (each_storage): a failure ends that turn and never the run.
#
# The turn reads the driver of the storage's kind. A driver defines these functions, and calls ask, try, fail and explain
# of this file and of storage-errors.sh. Paths are below $S_REMOTE; a function that fails ends the turn by fail or explain.
#   make_folder FOLDER         makes it, where the store has folders
#   missing_folder STATUS      called when rclone says that a folder is missing: returns if it counts as empty, fails if not
#   read_stored PATH           prints what is stored there; nothing if nothing is
#   create FILE PATH           stores it only if nothing is there, in one step that cannot race; status 1 if something is
#   replace FILE PATH          stores it whatever is there, in one step
#   upload FOLDER NAMES        uploads the files of out/ that the file NAMES lists, and overwrites nothing
#   undo                       removes what an upload without a manifest has left
#   compared_by                prints the names of the checksums that are compared; nothing if only the size is
#   look FOLDER NAMES          asks afresh, and leaves in $S_TMP/stored lines of name, bytes and those checksums; - for none
#   expected                   prints the same lines, as they must be
#   hint_on_sums               prints the hint for checksums that differ
#   download FOLDER NAMES      fetches the files into in/, leaving out those that are missing; returns the status of the tool
#   room                       prints the free bytes and the percentage used; nothing if the store has no limit
#   after_delete FOLDER        makes deletions durable
#   count_hidden               prints how many of the files just deleted are only hidden by a version
#   explain_own ERRORS         fails with the reason if these are words of this store; returns if not

# program is set by common.sh.
# shellcheck disable=SC2154

. "$(dirname "$0")/storage-errors.sh"
. "$(dirname "$0")/storage-hashes.sh"

# Absolute: a driver is read after the script has changed its folder.
SCRIPTS=$(cd "$(dirname "$0")" && pwd)

need_storages() {
	for number in $(storage_numbers); do
		need_env "STORAGE_${number}_NAME" "STORAGE_${number}_KIND" "STORAGE_${number}_ROLE" "STORAGE_${number}_REMOTE" "STORAGE_${number}_COMPARE"
		read_settings "$number"
		[ -r "$SCRIPTS/driver-$S_KIND.sh" ] ||
			die "$WRONG_INPUT" "storage $S_NAME: there is no driver for the kind '$S_KIND'" "apply the scripts of the same version of backstay: driver-$S_KIND.sh belongs beside $program"
	done
}

# need_storage_number NAME... - variables that hold numbers of storages, separated by blanks
need_storage_number() {
	for variable; do
		values=''
		eval "values=\${$variable-}"
		for value in ${values:-''}; do
			case " $(storage_numbers | tr '\n' ' ')" in
			*" $value "*) ;;
			*) die "$WRONG_INPUT" "expected numbers from 1 to $STORAGE_COUNT in $variable, got '$values'" 'set it to numbers of storages' ;;
			esac
		done
	done
}

# rclone_defaults - timeouts and retries, and an empty configuration: without one rclone warns at every call
rclone_defaults() {
	: >"$WORK_DIR/tmp/rclone.conf"
	export RCLONE_CONFIG="$WORK_DIR/tmp/rclone.conf" RCLONE_STATS=0 RCLONE_CONTIMEOUT=15s RCLONE_TIMEOUT=60s \
		RCLONE_LOW_LEVEL_RETRIES=3 RCLONE_RETRIES=2 RCLONE_RETRIES_SLEEP=3s
}

# each_storage COMMAND [NUMBERS] - runs it for every storage, or for these, one after the other, each in a subshell of its own
each_storage() {
	for number in ${2:-$(storage_numbers)}; do
		turn "$1" "$number" &
		child=$!
		wait_for_child || :
	done
}

# in_storage NUMBER COMMAND - the turn of one storage; if it fails, the script fails
in_storage() {
	turn "$2" "$1" &
	child=$!
	turned=0
	wait_for_child || turned=$?
	read_settings "$1"
	[ "$turned" = 0 ] || end_as_turn ''
}

# end_as_turn HINT - ends the script with the status and reason of the turn whose settings were read last; '' keeps its hint
end_as_turn() {
	[ -s "$S_TMP/failed" ] || die "$FAULT" "storage $S_NAME: ended without a reason" 'check the log above'
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

# stop_child - stops what this turn started and waits for it: rclone aborts its multipart uploads
stop_child() {
	[ -n "$child" ] || return 0
	kill "$child" 2>/dev/null || :
	wait "$child" 2>/dev/null || :
	child=''
}

# read_settings NUMBER - sets S_NAME, S_REMOTE and the other settings of the storage, and S_TMP, its scratch folder
read_settings() {
	for field in NAME KIND ROLE REMOTE COMPARE READ_BACK CA ROLE_ARN TOKEN_FILE; do
		eval "S_$field=\${STORAGE_${1}_$field-}"
	done
	S_TMP=$WORK_DIR/tmp/storage-$1
}

# use_storage NUMBER - reads settings and driver, and exports what rclone reads: in a subshell, or the next storage inherits them
use_storage() {
	read_settings "$1"
	mkdir -p "$S_TMP"
	: >"$S_TMP/made"
	[ -z "$S_CA" ] || export RCLONE_CA_CERT="$S_CA"
	[ -z "$S_ROLE_ARN" ] || export AWS_ROLE_ARN="$S_ROLE_ARN" AWS_WEB_IDENTITY_TOKEN_FILE="$S_TOKEN_FILE"
	use_driver
}

# use_driver - defines the functions of the storage's kind: in a subshell, or the next storage inherits them
use_driver() {
	# shellcheck disable=SC1090
	. "$SCRIPTS/driver-$S_KIND.sh"
}

# fail STATUS REASON [HINT] - ends this storage's turn and records why
fail() {
	trap '' TERM
	log error "storage $S_NAME: $2"
	[ -z "${3-}" ] || log hint "$3"
	printf '%s\n' "$1" "$2" "${3-}" >"$S_TMP/failed"
	undo
	exit "$1"
}

# warn TEXT [HINT] - about this storage; the report repeats it
warn() {
	log warn "storage $S_NAME: $1"
	[ -z "${2-}" ] || log hint "$2"
	printf '%s\n' "$1" >>"$S_TMP/warnings"
}

# ask ARGUMENT... - a short question to rclone; a failure ends the turn
ask() {
	ask_or_not "$@" || explain "$?"
}

# ask_or_not ARGUMENT... - the same, but returns the status; it stops a call that hangs, whatever rclone's own timeouts are
ask_or_not() {
	asked=$(date +%s)
	answered=0
	try timeout "${STORE_WAIT_SECONDS:-120}" rclone "$@" || answered=$?
	[ "$answered" != 0 ] || return 0
	# The status of timeout differs between tools, and rclone has many of its own.
	[ $(($(date +%s) - asked)) -lt "${STORE_WAIT_SECONDS:-120}" ] || echo "ERROR : timeout: no answer within ${STORE_WAIT_SECONDS:-120} s" >>"$S_TMP/said"
	return "$answered"
}

# try COMMAND... - returns its status; explain reads what it wrote to stderr
try() {
	run "$@" 2>"$S_TMP/said"
}

# list FOLDER - the names of its files, in $S_TMP/list
list() {
	listed=0
	ask_or_not lsf "$S_REMOTE/$1" --files-only >"$S_TMP/list" || listed=$?
	case $listed in
	0) ;;
	3) missing_folder 3 ;;
	*) explain "$listed" ;;
	esac
}
