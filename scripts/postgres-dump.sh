#!/bin/sh
# postgres-dump.sh - dumps one database and proves the dump: preflight, throttle, take, prove, facts.
#
# Environment (beside what common.sh lists):
#   PART                   name of this part of the run
#   PART_COUNT             parts of the run; with more than one the part's name is in the names of its files
#   PGHOST                 host of the server
#   PGPORT                 port of the server
#   PGUSER                 role; docs/postgres-role.sql makes one that suffices
#   PGPASSWORD             its password; nothing else reads it, and no argument holds it
#   PGSSLMODE              sslmode of libpq (default: prefer)
#   PGSSLROOTCERT          certificate of the server's authority (default: none)
#   WAIT_SECONDS           how long a server that does not answer is waited for (seconds)
#   DATABASE               database to dump
#   SERVER_MAJOR           major version that the server must have
#   DUMP_FORMAT            custom or plain
#   COMPRESSION            zstd (from 16 on), gzip or none
#   COMPRESSION_LEVEL      level of it (default: none is given)
#   INCLUDE_SCHEMAS        only these schemas, one pattern of pg_dump a line (default: all)
#   EXCLUDE_SCHEMAS        not these schemas, one a line (default: none)
#   INCLUDE_TABLES         only these tables, one a line (default: all)
#   EXCLUDE_TABLES         not these tables, one a line (default: none)
#   EXCLUDE_TABLE_DATA     of these tables the definition only, one a line (default: none)
#   GLOBALS                without-passwords, or none: the server's roles and tablespaces in a file beside the dump
#   LOCK_WAIT_SECONDS      how long a lock that somebody holds on a table is waited for (seconds)
#   THROTTLE_DATABASE      database that holds the throttle's advisory locks
#   THROTTLE_SLOTS         backups that may run against the server at a time (count)
#   THROTTLE_WAIT_SECONDS  how long a slot is waited for (seconds)
# Output: out/<name>.<dump|sql|sql.gz|sql.zst>, out/<name>+globals.sql, facts/<part>.json, facts/<part>.sums; log on stderr.
# Exit: 0 dumped and proved; 64 wrong values; 65 the dump is not good; 69 no server; 70 fault; 73 no room; 75 busy;
# 77 not allowed.
set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/postgres-redact.sh"
. "$(dirname "$0")/postgres.sh"
. "$(dirname "$0")/postgres-preflight.sh"
. "$(dirname "$0")/throttle.sh"
. "$(dirname "$0")/postgres-needs.sh"
. "$(dirname "$0")/postgres-facts.sh"

# Room that a dump never takes: facts, lists, and what the tools write to their logs.
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
	prove
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
	*) die $WRONG_INPUT "there is no dump of format $DUMP_FORMAT with compression $COMPRESSION" 'formats are custom and plain, compressions zstd, gzip and none' ;;
	esac
	need_cmd psql pg_isready pg_dump pg_dumpall pg_restore sha256sum mkfifo
	case $extension in
	sql.gz) need_cmd gzip ;;
	sql.zst) need_cmd zstd ;;
	esac
}

# begin_part - names its files, and removes what an attempt of this very pod left (a node that restarted)
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

# forget - all of this part; facts first, they are what makes the files count
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

# is_filtered - whether the dump is to hold less than the whole database
is_filtered() {
	[ -n "$INCLUDE_SCHEMAS$EXCLUDE_SCHEMAS$INCLUDE_TABLES$EXCLUDE_TABLES$EXCLUDE_TABLE_DATA" ]
}

# take - pg_dump into tmp/
#
# Row security stays off, as pg_dump has it by default: it fails then, and never leaves out rows.
# No sync: what reads the file next is the same kernel.
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
		# A pattern that matches nothing is a typing error. Large objects belong to no schema and would be left out.
		set -- "$@" --strict-names --blobs
		log info 'only some schemas or tables are dumped, with all large objects, and without extensions'
	fi
	dump_into "$TMP/$artifact" pg_dump "$@" --dbname="$(conninfo "$DATABASE")"
	log info "$artifact has $(human "$(size_of "$TMP/$artifact")")"
}

# compression_option - one spelling for all majors: a bare number is gzip's level since ever, methods came with 16
compression_option() {
	case $COMPRESSION in
	none) echo 0 ;;
	gzip) echo "${COMPRESSION_LEVEL:-6}" ;;
	zstd) echo "zstd:${COMPRESSION_LEVEL:-1}" ;;
	esac
}

# take_globals - roles and tablespaces, which no dump of a database has
take_globals() {
	[ -n "$companion" ] || return 0
	dump_into "$TMP/$companion" pg_dumpall --globals-only --no-role-passwords --no-password --no-sync --database="$(conninfo "$DATABASE")"
	check_completion "$TMP/$companion" 'PostgreSQL database cluster dump complete'
}

# dump_into FILE COMMAND... - its complaints decide too: partial dumps with status 0 have been seen
dump_into() {
	file=$1 tool=$2
	shift
	dump_status=0
	limited "$@" --file="$file" 2>"$file.err" || dump_status=$?
	[ "$dump_status" = 0 ] || fail_as "$file.err" "$tool ended with status $dump_status"
	! grep -qE 'error:|ERROR:|FATAL:|PANIC:' "$file.err" || {
		log error "$tool ended with status 0, but not without errors"
		die $BAD_DATA "$tool reported an error: $(reason_in "$file.err")" 'the dump cannot be trusted'
	}
	log_said warn "$file.err"
}

# limited COMMAND... - no file of it can outgrow the scratch space, which would evict the pod without a word
limited() {
	room=$(free_bytes)
	[ "$room" -gt "$SPARE_BYTES" ] || die $NO_ROOM "$(human "$room") of scratch space are left" 'give the run more scratch space'
	(
		trap '' XFSZ
		ulimit -f $(((room - SPARE_BYTES) / 512))
		exec "$@"
	) &
	child=$!
	wait_for_child
}

# note_sums - right after writing, before anything reads it: publish computes again, and refuses what changed in between
note_sums() {
	cd "$TMP"
	run sha256sum "$artifact" ${companion:+"$companion"} >"$TMP/sums"
	cd "$WORK_DIR"
}

# prove - reads the dump to its end: pg_restore --list, gzip -t and the like are content with half of it
prove() {
	PHASE=prove
	case $extension in
	dump) prove_custom "$TMP/$artifact" ;;
	sql) check_completion "$TMP/$artifact" 'PostgreSQL database dump complete' ;;
	sql.gz) prove_packed "$TMP/$artifact" gzip -dc ;;
	sql.zst) prove_packed "$TMP/$artifact" zstd -q -dc ;;
	esac
}

prove_custom() {
	proof=0
	run pg_restore --file=/dev/null "$1" 2>"$TMP/proof.err" || proof=$?
	[ "$proof" = 0 ] || die $BAD_DATA "the dump cannot be read to its end: $(reason_in "$TMP/proof.err")" 'look for a failing disk of the node'
	run pg_restore --list "$1" >"$TMP/list"
	dumped=$(grep -cE '^[0-9]+; [0-9]+ [0-9]+ TABLE DATA ' "$TMP/list" || :)
	is_filtered || compare_tables
}

# compare_tables - tables may come and go while a dump is taken, but not all of them
compare_tables() {
	[ "$dumped" != "$TABLES" ] || return 0
	[ "$dumped" != 0 ] || die $BAD_DATA "the dump has no table, the database has $TABLES" 'is this the right database?'
	log warn "the dump has $dumped tables, the database had $TABLES before it"
}

# prove_packed FILE COMMAND... - unpacks to the end into a FIFO, so that both statuses count and no room is needed
prove_packed() {
	packed=$1
	shift
	rm -f "$TMP/unpacked"
	mkfifo "$TMP/unpacked"
	tail -c 4096 <"$TMP/unpacked" >"$TMP/end" &
	reader=$!
	proof=0
	run "$@" "$packed" >"$TMP/unpacked" 2>"$TMP/proof.err" || proof=$?
	wait "$reader"
	[ "$proof" = 0 ] || die $BAD_DATA "the dump cannot be unpacked to its end: $(reason_in "$TMP/proof.err")" 'look for a failing disk of the node'
	check_completion "$TMP/end" 'PostgreSQL database dump complete'
}

# check_completion FILE TEXT - that the tool's last comment is there, with nothing but comments and \unrestrict after it
check_completion() {
	tail -c 4096 "$1" >"$TMP/tail"
	last=$(awk -v complete="-- $2" '
		$0 == complete { found = 1; next }
		$0 !~ /^(--.*|\\unrestrict .*)?$/ { found = 0 }
		END { print found + 0 }
	' "$TMP/tail")
	[ "$last" = 1 ] || die $BAD_DATA "$(basename "$1") does not end with '$2'" 'it was cut off'
}

# finish - files under their final names, then the sums that name them, then the facts
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
