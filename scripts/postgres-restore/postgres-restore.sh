#!/bin/sh
# postgres-restore.sh - restores one dump into a new database and checks it; in place, it then swaps it with the live one.
#
# Environment (in addition to common.sh):
#   ENVIRONMENT        environment in the values, such as prod
#   SOURCE             source in the values
#   PART               name of the part of the backup
#   PGHOST             host of the server
#   PGPORT             port of the server
#   PGUSER             role that can create databases; docs/postgres-restore-role.sql creates one with the rights it needs
#   PGPASSWORD         its password, only ever in the environment, never in arguments
#   PGSSLMODE          sslmode of libpq (default: prefer)
#   PGSSLROOTCERT      CA certificate of the server (default: none)
#   WAIT_SECONDS       how long to wait for the server to answer (seconds)
#   LOCK_WAIT_SECONDS  how long to wait for locks, and for another restore of the same database (seconds)
#   SERVER_MAJOR       major version that the server must have
#   ADMIN_DATABASE     database to connect to for creating, renaming and dropping databases
#   RESTORE_ACTION     restore, swap-back (the kept database becomes live again) or drop-old (it is deleted)
#   RESTORE_ID         id of this restore or swap-back; an attempt continues what one of the same id left
#   DATABASE           database that was dumped
#   TARGET_DATABASE    database to restore into; in place, for swap-back and for drop-old: the live one
#                      (default: <DATABASE>_restored_<RESTORE_ID>; for swap-back and drop-old: DATABASE)
#   IN_PLACE           true: the restored database replaces TARGET_DATABASE, which is kept under another name;
#                      false: TARGET_DATABASE is a new database next to it
#   OWNER              keep (as dumped), none (PGUSER owns everything) or role:NAME
#   PRIVILEGES         keep (as dumped) or none
#   ONLY               all, schema (no rows), or data (rows only, into existing empty tables of TARGET_DATABASE)
#   INCLUDE_SCHEMAS    restore only these schemas, one per line (default: all)
#   INCLUDE_TABLES     restore rows of only these tables, one per line (default: all)
#   RESTORE_JOBS       parallel sessions (count); as many as the server has free processors
#   RESTORE_GLOBALS    none, or missing-roles: create roles that the server lacks, without passwords
#   KEPT_DATABASE      for swap-back and drop-old: name of the kept database (default: the newest; for drop-old all)
# Input: run/backup, in/<part>.facts and the files of the part in in/, hashed again here.
# Output: run/state-<part>, run/result-<part>.json; log on stderr.
# Exit: 0 restored, or done already; 64 wrong values; 65 bad backup; 69 no server; 70 fault; 73 no room; 75 busy; 77 not allowed.
# The live database stays untouched until the swap, which is one transaction. A failure drops the new database, unless it was
# checked already: then the next attempt of the same id uses it.
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
ROLE_HINT='create the role with docs/postgres-restore-role.sql'
LOCK_HINT='another session holds a lock, or no connection is free; try again'
VALUES_HINT='check the values of this restore'
# The new database: empty for none, yes (a failure drops it), or checked (it stays for the next attempt).
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

# restore_beside - creates, loads and checks the new database
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
	need_number PGPORT WAIT_SECONDS LOCK_WAIT_SECONDS SERVER_MAJOR
	: "${TARGET_DATABASE:=}" "${INCLUDE_SCHEMAS:=}" "${INCLUDE_TABLES:=}" "${KEPT_DATABASE:=}"
	# It becomes part of names and of comments that later runs parse.
	case $RESTORE_ID in
	*[!A-Za-z0-9_-]* | ????????????????????????????????*) die $WRONG_INPUT "RESTORE_ID must have up to 31 letters, digits, - and _, got '$RESTORE_ID'" ;;
	esac
	case $RESTORE_ACTION in
	restore) check_restore ;;
	swap-back | drop-old)
		: "${TARGET_DATABASE:=$DATABASE}"
		IN_PLACE=true
		;;
	*) die $WRONG_INPUT "RESTORE_ACTION must be restore, swap-back or drop-old, got '$RESTORE_ACTION'" ;;
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
	*) die $WRONG_INPUT "OWNER must be keep, none or role:NAME, got '$OWNER'" ;;
	esac
	[ "$RESTORE_JOBS" -ge 1 ] || die $WRONG_INPUT 'RESTORE_JOBS must be at least 1'
	[ "$IN_PLACE/$ONLY" != false/data ] || need_env TARGET_DATABASE
	[ "$IN_PLACE" = true ] || return 0
	need_env TARGET_DATABASE
	! is_partial || die $WRONG_INPUT 'a part of a database cannot replace the whole database' 'restore the part beside, and copy what you need'
}

# one_of NAME VALUE...
one_of() {
	eval "value=\${$1-}"
	name=$1
	shift
	for known; do
		[ "$value" != "$known" ] || return 0
	done
	die $WRONG_INPUT "$name must be one of: $*, got '$value'" "docs/environment.md lists every variable of $program"
}

# is_partial - whether only a part of the dump is restored
is_partial() {
	[ "$ONLY" != all ] || [ -n "$INCLUDE_SCHEMAS$INCLUDE_TABLES" ]
}

# begin - prepares its folder and the names of the databases
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
	state old 'nothing has changed yet'
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

# fit_name NAME SUFFIX - joins both; shortens NAME so that they fit into the 63 bytes of a name, and never cuts a letter in half
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

# state WORD TEXT - records the current state of the target, in case this pod is killed
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

# undo - drops an unchecked new database; if that fails, the next attempt of the same id does it
undo() {
	making=''
	log info "removing $FRESH"
	drop_own || log warn "cannot remove $FRESH: $(reason_in "$TMP/drop.err")"
	state old 'the unfinished restore was removed'
}

# leave - keeps a checked database, which may have taken hours; the last words say how to go on
leave() {
	making=''
	[ "$IN_PLACE" = false ] || look_after_stop
	if [ "$JOURNAL" = finished ]; then
		last_hint="the swap was committed: $LIVE is the restored database, the previous one is kept as $OLD"
	else
		last_hint="the next attempt continues with the database that was loaded and checked; if there is none, remove it: drop database $(sql_name "$FRESH")"
	fi
	log hint "$last_hint"
	[ -n "$said" ] || return 0
	# The hint of on_term is meant for backups.
	case $reason in 'stopped by TERM'*) hint='' ;; esac
	last_words "$status" "$reason" "$last_hint${hint:+; $hint}" ''
}

# sql_name NAME - quotes it for SQL
sql_name() {
	printf '%s' "$1" | awk '{ gsub(/"/, "\"\""); text = text (NR > 1 ? "\n" : "") $0 } END { print "\"" text "\"" }'
}

# finish - reports the result; nothing here may fail, because the restore is done
finish() {
	PHASE=finish
	making=''
	said="database $INTO restored from $BACKUP"
	[ "$R_TABLES" = null ] || said="$said: $(count_of tables "$R_TABLES")"
	[ -z "$OLD" ] || said="$said; the previous database is kept as $OLD"
	[ "$JOURNAL" != finished ] || said="already done: $said"
	state new "$said"
	{
		printf '{"part":%s,"kind":"postgres","action":"restore","backup":%s' "$(json_text "$PART")" "$(json_text "$BACKUP")"
		printf ',"database":%s,"kept":%s' "$(json_text "$INTO")" "$(json_or_null "$OLD")"
		printf ',"tables":%s,"largeObjects":%s,"seconds":%s}\n' "$R_TABLES" "$R_LARGE_OBJECTS" "$(elapsed)"
	} >"$TMP/result"
	report "$said" "$UNDO"
}

# report TEXT UNDO - writes the result file and the last words
report() {
	mv "$TMP/result" "$WORK_DIR/run/result-$PART.json"
	log info "$1"
	[ -z "$2" ] || log hint "$2"
	last_words 0 "$1" "$2" "\"seconds\":$(elapsed)"
	said=yes
	exit 0
}

# elapsed - seconds since this step began
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
