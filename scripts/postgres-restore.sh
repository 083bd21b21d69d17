#!/bin/sh
# postgres-restore.sh - restores one dump into a new database and checks it; in place, it takes the live one's name then.
#
# Environment (beside what common.sh lists):
#   PART               name of the part of the backup
#   PGHOST             host of the server
#   PGPORT             port of the server
#   PGUSER             role that may make databases; docs/postgres-restore-role.sql makes one that suffices
#   PGPASSWORD         its password; nothing else reads it, and no argument holds it
#   PGSSLMODE          sslmode of libpq (default: prefer)
#   PGSSLROOTCERT      certificate of the server's authority (default: none)
#   WAIT_SECONDS       how long a server that does not answer is waited for (seconds)
#   LOCK_WAIT_SECONDS  how long a lock is waited for, and another restore of the same database (seconds)
#   SERVER_MAJOR       major version that the server must have
#   ADMIN_DATABASE     database that sessions are with which make, rename and drop databases
#   RESTORE_ACTION     restore, swap-back (the kept database takes its name again) or drop-old (it is deleted)
#   RESTORE_ID         id of this restore, or of this swap-back; an attempt goes on with what one of the same id left
#   DATABASE           database that was dumped
#   TARGET_DATABASE    database to restore into; in place, for swap-back and for drop-old: the live one
#                      (default: <DATABASE>_restored_<RESTORE_ID>; for swap-back and drop-old: DATABASE)
#   IN_PLACE           true: the restored database takes the place of TARGET_DATABASE, which is kept under another name;
#                      false: TARGET_DATABASE is a new one beside it
#   OWNER              keep (as dumped), none (all belongs to PGUSER) or role:NAME
#   PRIVILEGES         keep (as dumped) or none
#   ONLY               all, schema (no rows), or data (rows only, into tables of TARGET_DATABASE that are there and empty)
#   INCLUDE_SCHEMAS    only these schemas, one a line (default: all)
#   INCLUDE_TABLES     rows of these tables only, one a line (default: all)
#   RESTORE_JOBS       sessions that restore at the same time (count); as many as the server has processors to spare
#   RESTORE_GLOBALS    none, or missing-roles: roles that the server lacks are made, without passwords
#   KEPT_DATABASE      for swap-back and drop-old: which kept database (default: the newest; for drop-old all)
# Input: run/backup, in/<part>.facts and the files of the part in in/, compared once more here.
# Output: run/state-<part>, run/result-<part>.json; log on stderr.
# Exit: 0 restored, or done already; 64 wrong values; 65 the backup is not good; 69 no server; 70 fault; 73 no room;
# 75 busy; 77 not allowed. Until the swap, which is one transaction, the live database is not touched. A failure removes
# what it has made, but for a database that was checked already: that is for the next attempt of the same id.
set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/json.sh"
. "$(dirname "$0")/postgres-redact.sh"
. "$(dirname "$0")/postgres.sh"
. "$(dirname "$0")/throttle.sh"
. "$(dirname "$0")/postgres-statements.sh"
. "$(dirname "$0")/postgres-recorded.sh"
. "$(dirname "$0")/postgres-restore-preflight.sh"
. "$(dirname "$0")/postgres-restore-roles.sh"
. "$(dirname "$0")/postgres-choose.sh"
. "$(dirname "$0")/postgres-load.sh"
. "$(dirname "$0")/postgres-restore-check.sh"
. "$(dirname "$0")/postgres-swap.sh"

# "rest" in ASCII; never changes, or two versions of backstay would not see each other.
RESTORE_LOCK=1919251316
ROLE_HINT='docs/postgres-restore-role.sql makes a role that suffices'
LOCK_HINT='somebody holds a lock or all connections; try again'
VALUES_HINT='look at the values of this restore'
# What there is of a new database: nothing, yes (it goes with a failure), or checked (it stays for the next attempt).
making=''
FRESH='' LIVE='' INTO='' OLD='' JOURNAL='' UNDO='' evictor=''

main() {
	trap on_exit EXIT
	trap on_term TERM
	check_environment
	begin
	case $RESTORE_ACTION in
	restore) restore ;;
	swap-back) swap_back ;;
	drop-old) drop_old ;;
	esac
}

restore() {
	read_part
	check_files
	open_server
	look_at_journal
	case $JOURNAL in
	finished) finish ;;
	ready)
		making=checked
		count_restored "$FRESH"
		;;
	*) restore_beside ;;
	esac
	[ "$IN_PLACE" = false ] || swap_in
	finish
}

# restore_beside - from nothing to a database that was checked
restore_beside() {
	drop_fresh
	preflight
	make_roles
	if [ "$ONLY" = data ]; then
		load_rows
		return 0
	fi
	make_fresh
	make_surroundings
	load
	analyze "$FRESH"
	check_restored
	give_properties
	note_ready
}

check_environment() {
	PHASE=restore
	need_env ENVIRONMENT SOURCE WORK_DIR PART PGHOST PGUSER PGPASSWORD ADMIN_DATABASE DATABASE RESTORE_ACTION RESTORE_ID
	need_number SCRATCH_BYTES PGPORT WAIT_SECONDS LOCK_WAIT_SECONDS SERVER_MAJOR
	: "${TARGET_DATABASE:=}" "${INCLUDE_SCHEMAS:=}" "${INCLUDE_TABLES:=}" "${KEPT_DATABASE:=}"
	# It is part of names and of comments that are read again.
	case $RESTORE_ID in
	*[!A-Za-z0-9_-]* | ????????????????????????????????*) die $WRONG_INPUT "RESTORE_ID is not of up to 31 letters, digits, - and _: '$RESTORE_ID'" ;;
	esac
	case $RESTORE_ACTION in
	restore) check_restore ;;
	swap-back | drop-old)
		: "${TARGET_DATABASE:=$DATABASE}"
		IN_PLACE=true
		;;
	*) die $WRONG_INPUT "RESTORE_ACTION is restore, swap-back or drop-old, not '$RESTORE_ACTION'" ;;
	esac
	need_cmd psql pg_isready pg_dump pg_restore vacuumdb sha256sum mkfifo cksum
}

check_restore() {
	need_env OWNER
	need_number RESTORE_JOBS
	one_of IN_PLACE true false
	one_of PRIVILEGES keep none
	one_of ONLY all schema data
	one_of RESTORE_GLOBALS none missing-roles
	case $OWNER in
	keep | none | role:?*) ;;
	*) die $WRONG_INPUT "OWNER is keep, none or role:NAME, not '$OWNER'" ;;
	esac
	[ "$RESTORE_JOBS" -ge 1 ] || die $WRONG_INPUT 'RESTORE_JOBS is at least 1'
	[ "$IN_PLACE/$ONLY" != false/data ] || need_env TARGET_DATABASE
	[ "$IN_PLACE" = true ] || return 0
	need_env TARGET_DATABASE
	! is_partial || die $WRONG_INPUT 'a part of a database cannot take the place of a whole one' 'restore the part beside it, and copy what you need'
}

# one_of NAME VALUE...
one_of() {
	eval "value=\${$1-}"
	name=$1
	shift
	for known; do
		[ "$value" != "$known" ] || return 0
	done
	die $WRONG_INPUT "$name is one of: $*; not '$value'" "the header of scripts/$program lists every variable"
}

# is_partial - whether less than all of the dump is restored
is_partial() {
	[ "$ONLY" != all ] || [ -n "$INCLUDE_SCHEMAS$INCLUDE_TABLES" ]
}

# begin - its folder, and the names of the databases
begin() {
	umask 027
	began=$(date +%s)
	if [ -e "$WORK_DIR/run/already" ]; then
		log info 'already done, see the log of fetch'
		last_words 0 "already done: $RESTORE_ID" '' ''
		exit 0
	fi
	TMP=$WORK_DIR/tmp/restore-$PART
	rm -rf "$TMP"
	mkdir -p "$WORK_DIR/run" "$TMP"
	state old 'nothing was changed yet'
	[ "$IN_PLACE" = false ] || LIVE=$TARGET_DATABASE
	[ "$RESTORE_ACTION" = restore ] || return 0
	if [ "$IN_PLACE/$ONLY" = false/data ]; then
		INTO=$TARGET_DATABASE
	elif [ "$IN_PLACE" = true ] || [ -z "$TARGET_DATABASE" ]; then
		FRESH=$(fit_name "${LIVE:-$DATABASE}" "_restored_$RESTORE_ID")
		INTO=${LIVE:-$FRESH}
	else
		FRESH=$TARGET_DATABASE INTO=$TARGET_DATABASE
	fi
}

# fit_name NAME SUFFIX - both together; of NAME as much as leaves room in the 63 bytes of a name, and no half letter
fit_name() {
	BASE=$1 SUFFIX=$2 LC_ALL=C awk 'BEGIN {
		base = ENVIRON["BASE"]; room = 63 - length(ENVIRON["SUFFIX"])
		if (length(base) > room) {
			base = substr(base, 1, room)
			sub(/[\300-\377][\200-\277]*$/, "", base)
		}
		print base ENVIRON["SUFFIX"]
	}'
}

# state WORD TEXT - what the target is at this moment, for whoever finds this pod killed
state() {
	printf '%s\n%s\n' "$1" "$2" >"$TMP/state"
	mv "$TMP/state" "$WORK_DIR/run/state-$PART"
}

tidy() {
	[ -n "${TMP-}" ] || return 0
	stop_evictor
	case $making in
	yes) undo ;;
	checked) leave ;;
	esac
	release_slot
	rm -rf "$TMP"
}

# undo - what this attempt made, and nobody has checked, goes again; what it cannot remove now, the next attempt of the same id does
undo() {
	making=''
	log info "removing $FRESH"
	drop_own || log warn "$FRESH could not be removed: $(reason_in "$TMP/drop.err")"
	state old 'what was begun was undone'
}

# leave - what was checked stays, for it may have taken hours; the last words say what becomes of it
leave() {
	making=''
	[ "$IN_PLACE" = false ] || look_after_stop
	if [ "$JOURNAL" = finished ]; then
		last_hint="the swap was done all the same: $LIVE is the restored database, what it was is kept as $OLD"
	else
		last_hint="the next attempt goes on from what was loaded and checked; if there is none, remove it: drop database $(sql_name "$FRESH")"
	fi
	log hint "$last_hint"
	[ -n "$said" ] || return 0
	# What on_term says holds for backups.
	case $reason in 'stopped by TERM'*) hint='' ;; esac
	last_words "$status" "$reason" "$last_hint${hint:+; $hint}" ''
}

# sql_name NAME - quoted, as SQL has it
sql_name() {
	printf '%s' "$1" | awk '{ gsub(/"/, "\"\""); text = text (NR > 1 ? "\n" : "") $0 } END { print "\"" text "\"" }'
}

# finish - what there is now, for the report and for whoever looks at the pod; nothing here may fail, it is done
finish() {
	PHASE=finish
	making=''
	said="database $INTO restored from $BACKUP"
	[ "$R_TABLES" = null ] || said="$said: $(count_of tables "$R_TABLES")"
	[ -z "$OLD" ] || said="$said; what it was is kept as $OLD"
	[ "$JOURNAL" != finished ] || said="already done: $said"
	state new "$said"
	{
		printf '{"part":%s,"kind":"postgres","action":"restore","backup":%s' "$(json_text "$PART")" "$(json_text "$BACKUP")"
		printf ',"database":%s,"kept":%s' "$(json_text "$INTO")" "$(json_or_null "$OLD")"
		printf ',"tables":%s,"largeObjects":%s,"seconds":%s}\n' "$R_TABLES" "$R_LARGE_OBJECTS" "$(elapsed)"
	} >"$TMP/result"
	report "$said" "$UNDO"
}

# report TEXT UNDO - the result's file, and the last words
report() {
	mv "$TMP/result" "$WORK_DIR/run/result-$PART.json"
	log info "$1"
	[ -z "$2" ] || log hint "$2"
	last_words 0 "$1" "$2" "\"seconds\":$(elapsed)"
	said=yes
	exit 0
}

# elapsed - seconds that this step has taken
elapsed() {
	echo $(($(date +%s) - began))
}

# count_of WHAT NUMBER - 1 table, 2 tables
count_of() {
	[ "$2" != 1 ] || set -- "${1%s}" 1
	printf '%s %s' "$2" "$1"
}

json_or_null() {
	if [ -n "$1" ]; then json_text "$1"; else printf null; fi
}

main "$@"
