#!/bin/sh
# postgres-dump.sh - dumps one database and reads the dump to its end: preflight, throttle, take, check, facts.
#
# Environment (in addition to common.sh):
#   ENVIRONMENT            environment in the values, such as prod
#   SOURCE                 source in the values
#   PART                   name of this part of the run
#   PART_COUNT             number of parts of the run; with more than one, file names contain the name of the part
#   PGHOST                 host of the server
#   PGPORT                 port of the server
#   PGUSER                 role; docs/postgres-role.sql creates one with the rights it needs
#   PGPASSWORD             its password, only ever in the environment, never in arguments
#   PGSSLMODE              sslmode of libpq (default: prefer)
#   PGSSLROOTCERT          CA certificate of the server (default: none)
#   WAIT_SECONDS           how long to wait for the server to answer (seconds)
#   DATABASE               database to dump
#   SERVER_MAJOR           major version that the server must have
#   DUMP_FORMAT            custom or plain
#   COMPRESSION            zstd (from 16 on), gzip or none
#   COMPRESSION_LEVEL      compression level (default: 6 for gzip, 1 for zstd)
#   INCLUDE_SCHEMAS        dump only these schemas, one pg_dump pattern per line (default: all)
#   EXCLUDE_SCHEMAS        do not dump these schemas, one pattern per line (default: none)
#   INCLUDE_TABLES         dump only these tables, one pattern per line (default: all)
#   EXCLUDE_TABLES         do not dump these tables, one pattern per line (default: none)
#   EXCLUDE_TABLE_DATA     dump these tables without rows, one pattern per line (default: none)
#   GLOBALS                without-passwords: dump roles and tablespaces of the server into a file next to the dump; or none
#   LOCK_WAIT_SECONDS      how long to wait for a lock on a table (seconds)
#   THROTTLE_DATABASE      database that holds the throttle's advisory locks
#   THROTTLE_SLOTS         backups that may run against the server at the same time (count)
#   THROTTLE_WAIT_SECONDS  how long to wait for a slot (seconds)
# Output: out/<name>.<dump|sql|sql.gz|sql.zst>, out/<name>+globals.sql, facts/<part>.json, facts/<part>.sums; log on stderr.
# Exit: 0 dumped and checked; 64 wrong values; 65 damaged dump; 69 no server; 70 fault; 73 no room; 75 busy;
# 77 not allowed.
set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run-name.sh"
. "$(dirname "$0")/scratch.sh"
. "$(dirname "$0")/postgres-redact.sh"
. "$(dirname "$0")/postgres.sh"
. "$(dirname "$0")/postgres-preflight.sh"
. "$(dirname "$0")/throttle.sh"
. "$(dirname "$0")/postgres-needs.sh"
. "$(dirname "$0")/postgres-facts.sh"

# Space reserved for facts, lists and the output of the tools.
SPARE_BYTES=4194304

main() {
	trap on_exit EXIT
	trap on_term TERM
	check_environment
	begin_run
	begin_part
	session_defaults

	preflight
	take_slot
	note_needs
	take
	take_globals
	check_slot
	release_slot
	note_sums
	check_dump
	finish
}

check_environment() {
	PHASE=preflight
	need_env ENVIRONMENT SOURCE POD_UID FILENAME_TEMPLATE WORK_DIR PART PGHOST PGUSER PGPASSWORD DATABASE DUMP_FORMAT COMPRESSION \
		GLOBALS THROTTLE_DATABASE
	need_number SCRATCH_BYTES PART_COUNT PGPORT WAIT_SECONDS SERVER_MAJOR LOCK_WAIT_SECONDS THROTTLE_SLOTS THROTTLE_WAIT_SECONDS
	: "${COMPRESSION_LEVEL:=}" "${INCLUDE_SCHEMAS:=}" "${EXCLUDE_SCHEMAS:=}" "${INCLUDE_TABLES:=}" "${EXCLUDE_TABLES:=}" "${EXCLUDE_TABLE_DATA:=}"
	case $DUMP_FORMAT/$COMPRESSION in
	custom/zstd | custom/gzip | custom/none) extension=dump ;;
	plain/zstd) extension=sql.zst ;;
	plain/gzip) extension=sql.gz ;;
	plain/none) extension=sql ;;
	*) die $WRONG_INPUT "unsupported dump: format $DUMP_FORMAT with compression $COMPRESSION" 'use format custom or plain, and compression zstd, gzip or none' ;;
	esac
	need_cmd psql pg_isready pg_dump pg_dumpall pg_restore sha256sum mkfifo
	case $extension in
	sql.gz) need_cmd gzip ;;
	sql.zst) need_cmd zstd ;;
	esac
}

# begin_part - names its files, and removes those of an earlier attempt in this pod (the node restarted)
begin_part() {
	part_start=$(now) committed=''
	base=$NAME
	[ "$PART_COUNT" = 1 ] || base=$NAME.$PART
	artifact=$base.$extension companion=''
	[ "$GLOBALS" = none ] || companion=$base+globals.sql
	TMP=$WORK_DIR/tmp/$PART
	forget
	mkdir -p "$TMP"
}

# forget - removes all files of this part; facts first, because files only count with them
forget() {
	rm -f "$WORK_DIR/facts/$PART.json" "$WORK_DIR/facts/$PART.sums"
	rm -f "$WORK_DIR/out/$artifact" "$WORK_DIR/out/$base+globals.sql"
	rm -rf "$TMP"
}

tidy() {
	[ -n "${TMP-}" ] || return 0
	release_slot
	[ -z "$committed" ] || rm -rf "$TMP"
	[ -n "$committed" ] || forget
}

# is_filtered - whether filters limit the dump
is_filtered() {
	[ -n "$INCLUDE_SCHEMAS$EXCLUDE_SCHEMAS$INCLUDE_TABLES$EXCLUDE_TABLES$EXCLUDE_TABLE_DATA" ]
}

# take - pg_dump into tmp/
#
# Row security stays off, the default of pg_dump: then it fails instead of omitting rows.
# Without sync, because the next step reads the file through the same kernel.
take() {
	PHASE=take
	set -- --format="$DUMP_FORMAT" --compress="$(compression_option)" --no-password --no-sync --lock-wait-timeout="${LOCK_WAIT_SECONDS}s"
	set -f
	IFS='
'
	for pattern in $INCLUDE_SCHEMAS; do set -- "$@" --schema="$pattern"; done
	for pattern in $EXCLUDE_SCHEMAS; do set -- "$@" --exclude-schema="$pattern"; done
	for pattern in $INCLUDE_TABLES; do set -- "$@" --table="$pattern"; done
	for pattern in $EXCLUDE_TABLES; do set -- "$@" --exclude-table="$pattern"; done
	for pattern in $EXCLUDE_TABLE_DATA; do set -- "$@" --exclude-table-data="$pattern"; done
	unset IFS
	set +f
	if [ -n "$INCLUDE_SCHEMAS$INCLUDE_TABLES" ]; then
		# A pattern that matches nothing is a typo. Large objects belong to no schema, so pg_dump would omit them.
		set -- "$@" --strict-names --blobs
		log info 'dumping only some schemas or tables, with all large objects and without extensions'
	fi
	dump_into "$TMP/$artifact" pg_dump "$@" --dbname="$(conninfo "$DATABASE")"
	log info "$artifact has $(human "$(size_of "$TMP/$artifact")")"
}

# compression_option - works for all majors: a bare number has always been the gzip level, methods came with 16
compression_option() {
	case $COMPRESSION in
	none) echo 0 ;;
	gzip) echo "${COMPRESSION_LEVEL:-6}" ;;
	zstd) echo "zstd:${COMPRESSION_LEVEL:-1}" ;;
	esac
}

# take_globals - dumps roles and tablespaces, which a database dump does not contain
take_globals() {
	[ -n "$companion" ] || return 0
	dump_into "$TMP/$companion" pg_dumpall --globals-only --no-role-passwords --no-password --no-sync --database="$(conninfo "$DATABASE")"
	check_completion "$TMP/$companion" 'PostgreSQL database cluster dump complete'
}

# dump_into FILE COMMAND... - errors on stderr count too: tools have written partial dumps with status 0
dump_into() {
	file=$1 tool=$2
	shift
	dump_status=0
	limited "$@" --file="$file" 2>"$file.err" || dump_status=$?
	[ "$dump_status" = 0 ] || fail_as "$file.err" "$tool ended with status $dump_status"
	! grep -qE 'error:|ERROR:|FATAL:|PANIC:' "$file.err" || {
		log error "$tool ended with status 0 but reported errors"
		die $BAD_DATA "$tool reported an error: $(reason_in "$file.err")" 'the dump cannot be trusted'
	}
	log_said warn "$file.err"
}

# limited COMMAND... - limits the size of its files: overfilling the scratch space would evict the pod without a message
limited() {
	room=$(free_bytes)
	[ "$room" -gt "$SPARE_BYTES" ] || die $NO_ROOM "$(human "$room") of scratch space is free" 'give the run more scratch space'
	(
		trap '' XFSZ
		ulimit -f $(((room - SPARE_BYTES) / 512))
		exec "$@"
	) &
	child=$!
	wait_for_child
}

# note_sums - right after writing, before anything reads the files: publish hashes again, and refuses changed files
note_sums() {
	cd "$TMP"
	run sha256sum "$artifact" ${companion:+"$companion"} >"$TMP/sums"
	cd "$WORK_DIR"
}

# check_dump - reads the dump to its end: pg_restore --list and gzip -t accept half of one
check_dump() {
	PHASE=check
	case $extension in
	dump) check_custom "$TMP/$artifact" ;;
	sql) check_completion "$TMP/$artifact" 'PostgreSQL database dump complete' ;;
	sql.gz) check_packed "$TMP/$artifact" gzip -dc ;;
	sql.zst) check_packed "$TMP/$artifact" zstd -q -dc ;;
	esac
}

check_custom() {
	check_status=0
	run pg_restore --file=/dev/null "$1" 2>"$TMP/check.err" || check_status=$?
	[ "$check_status" = 0 ] || die $BAD_DATA "cannot read the dump to its end: $(reason_in "$TMP/check.err")" 'look for a failing disk of the node'
	run pg_restore --list "$1" >"$TMP/list"
	dumped=$(grep -cE '^[0-9]+; [0-9]+ [0-9]+ TABLE DATA ' "$TMP/list" || :)
	is_filtered || compare_tables
}

# compare_tables - the number of tables may change during a dump, but not drop to none
compare_tables() {
	[ "$dumped" != "$TABLES" ] || return 0
	[ "$dumped" != 0 ] || die $BAD_DATA "the dump has no table, the database has $TABLES" 'check database: in the values of this source'
	log warn "the dump has $dumped tables, the database had $TABLES before it"
}

# check_packed FILE COMMAND... - decompresses to the end into a FIFO, so that both statuses count and no space is needed
check_packed() {
	packed=$1
	shift
	rm -f "$TMP/unpacked"
	mkfifo "$TMP/unpacked"
	tail -c 4096 <"$TMP/unpacked" >"$TMP/end" &
	reader=$!
	check_status=0
	run "$@" "$packed" >"$TMP/unpacked" 2>"$TMP/check.err" || check_status=$?
	wait "$reader"
	[ "$check_status" = 0 ] || die $BAD_DATA "cannot decompress the dump to its end: $(reason_in "$TMP/check.err")" 'look for a failing disk of the node'
	check_completion "$TMP/end" 'PostgreSQL database dump complete'
}

# check_completion FILE TEXT - requires the last comment of the tool, followed by nothing but comments and \unrestrict
check_completion() {
	tail -c 4096 "$1" >"$TMP/tail"
	last=$(awk -v complete="-- $2" '
		$0 == complete { found = 1; next }
		$0 !~ /^(--.*|\\unrestrict .*)?$/ { found = 0 }
		END { print found + 0 }
	' "$TMP/tail")
	[ "$last" = 1 ] || die $BAD_DATA "$(basename "$1") does not end with '$2'" 'it was cut off'
}

# finish - moves the files to their final names, then writes their sums, then the facts
finish() {
	PHASE=facts
	write_facts >"$TMP/facts.json"
	mv "$TMP/$artifact" "$WORK_DIR/out/$artifact"
	[ -z "$companion" ] || mv "$TMP/$companion" "$WORK_DIR/out/$companion"
	mv "$TMP/sums" "$WORK_DIR/facts/$PART.sums"
	mv "$TMP/facts.json" "$WORK_DIR/facts/$PART.json"
	committed=yes
	bytes=$(size_of "$WORK_DIR/out/$artifact")
	log info "database $DATABASE: $(human "$bytes"), read to its end"
	last_words 0 "database $DATABASE dumped and read to its end" '' "\"bytes\":$bytes,\"file\":$(json_text "$artifact")"
}

main "$@"
