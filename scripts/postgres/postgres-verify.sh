#!/bin/sh
# postgres-verify.sh - verifies a dump: restores it into a throw-away server in the pod, and checks the result.
#
# Environment (in addition to common.sh):
#   PART                name of this part of the backup
#   DATABASE            name of the dumped database, and of its copy
#   SERVER_MAJOR        major version of the source's server, and of this image
#   RESTORE_JOBS        tables and indexes to restore in parallel (count)
#   ASSERT_TABLES       tables that must exist, schema.table, one per line (default: none)
#   ASSERT_ROWS         lines `count table`: minimum number of its rows (default: none)
#   ASSERT_FRESH        lines `seconds table column`: maximum age of the newest time there when the backup began
#                       (default: none)
#   ASSERT_QUERY_COUNT  number of queries below (count)
#   ASSERT_QUERY_n      SQL to run in a read-only transaction, at most five minutes; n counts from 1
#   ASSERT_ANSWER_n     expected answer in full, as psql --no-align --tuples-only prints it
#   AMCHECK             true or false: run pg_amcheck on every table and index, if the image has it
# Input: in/<part>.facts, and the files in in/ that it names.
# Output: verified/<part>.json; log on stderr. The server and its data are removed at the end.
# Exit: 0 restored, and all checks passed; 64 wrong values, or an unsuitable image; 65 bad backup or failed check;
# 70 fault; 73 no room.
set -eu

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/scratch.sh"
. "$(dirname "$0")/json.sh"
. "$(dirname "$0")/postgres-redact.sh"
. "$(dirname "$0")/postgres.sh"
. "$(dirname "$0")/postgres-statements.sh"
. "$(dirname "$0")/postgres-recorded.sh"
. "$(dirname "$0")/postgres-load.sh"
. "$(dirname "$0")/postgres-roles.sh"
. "$(dirname "$0")/postgres-throwaway.sh"
. "$(dirname "$0")/postgres-assert.sh"

main() {
	trap on_exit EXIT
	trap on_term TERM
	check_environment
	begin
	compare_files
	check_room
	start_server
	create_database
	check_extensions
	make_surroundings
	restore
	assert_all
	finish
}

check_environment() {
	PHASE=preflight
	need_env WORK_DIR PART DATABASE AMCHECK
	need_number SCRATCH_BYTES SERVER_MAJOR RESTORE_JOBS
	check_assertions
}

# begin - first removes what an earlier attempt in this pod left (the node restarted)
begin() {
	began=$(now) verified=''
	umask 027
	TMP=$WORK_DIR/tmp/$PART FACTS=$WORK_DIR/in/$PART.facts
	mkdir -p "$WORK_DIR/tmp" "$WORK_DIR/verified"
	rm -rf "$TMP" "$WORK_DIR/verified/$PART.json"
	mkdir -m 700 "$TMP"
	[ -s "$FACTS" ] || die $WRONG_INPUT "there is no in/$PART.facts: nothing was fetched for this part" 'see the log of the container fetch in this pod'
	FORMAT=$(fact format "$FACTS") COMPRESSION=$(fact compression.method "$FACTS")
	case $FORMAT/$COMPRESSION in
	custom/* | plain/none) ;;
	plain/gzip | plain/zstd) need_cmd "$COMPRESSION" ;;
	*) die $WRONG_INPUT "a dump of format $FORMAT with compression $COMPRESSION is not supported" 'use a newer version of backstay' ;;
	esac
	check_user
	check_image "$(fact server.major "$FACTS")"
	# A plain dump loads in one transaction: each table needs locks for itself, its TOAST table, indexes and a sequence.
	LOCKS=0
	[ "$FORMAT" != plain ] ||
		LOCKS=$(($(fact database.tables "$FACTS") * 10 + $(fact database.largeObjects "$FACTS")))
}

tidy() {
	[ -n "${TMP-}" ] || return 0
	stop_server
	rm -rf "$TMP"
	[ -n "$verified" ] || rm -f "$WORK_DIR/verified/$PART.json"
}

# compare_files - before any tool opens one: those of PostgreSQL do not notice a changed bit
compare_files() {
	PHASE=compare
	ARTIFACT='' globals='' number=0
	while [ "$number" -lt "$(fact_count files "$FACTS")" ]; do
		name=$(fact "files.$number.name" "$FACTS")
		case $(fact "files.$number.role" "$FACTS") in
		artifact) ARTIFACT=$WORK_DIR/in/$name ;;
		globals) globals=$WORK_DIR/in/$name ;;
		esac
		compare_file "$name" "$(fact "files.$number.sha256" "$FACTS")"
		number=$((number + 1))
	done
	[ -n "$ARTIFACT" ] || die $BAD_DATA "the manifest names no dump of part $PART" 'check the manifest in the storage'
}

# compare_file NAME SHA256
compare_file() {
	[ -f "$WORK_DIR/in/$1" ] || die $BAD_DATA "$1 is not there" 'see the log of the container fetch in this pod'
	run sha256sum "$WORK_DIR/in/$1" >"$TMP/sum"
	[ "$(awk '{ print $1; exit }' "$TMP/sum")" = "$2" ] ||
		die $BAD_DATA "$1 does not match the manifest: its SHA-256 differs" 'it changed after it was fetched: look for a failing disk of the node'
}

# is_filtered - whether filters limited the dump
is_filtered() {
	has_fact filters "$FACTS"
}

# check_room - a restored database rarely has less than a quarter of its old size
check_room() {
	PHASE=preflight
	room=$(free_bytes) size=$(fact database.bytes "$FACTS")
	log info "the database had $(human "$size"), and $(human "$room") of scratch space is free"
	is_filtered || [ "$room" -ge $((size / 4)) ] ||
		die $NO_ROOM "the database had $(human "$size"), and $(human "$room") of scratch space is free" "$ROOM_HINT"
}

# create_database - with the locale of the dumped one if the image has it; a dump is text, so the backup does not depend on it
create_database() {
	PHASE=prepare
	encoding=$(fact database.encoding "$FACTS") collation=$(fact database.collation "$FACTS") ctype=$(fact database.ctype "$FACTS")
	provider=$(fact database.localeProvider "$FACTS") locale=$(fact database.locale "$FACTS")
	extra=''
	case $provider in
	icu | builtin) extra="locale_provider $provider ${provider}_locale :'locale'" ;;
	*) locale=$collation ;;
	esac
	found_locale=$locale
	! make_database "$extra" || return 0
	plain_locale=C
	[ "$encoding" != UTF8 ] || plain_locale=C.UTF-8
	log warn "this image has no locale $locale ($(reason_in "$TMP/create.err")): the copy has $plain_locale"
	collation=$plain_locale ctype=$plain_locale found_locale="$plain_locale for $locale"
	make_database '' || cannot 'make the database' create
}

# make_database EXTRA - returns the status of psql
make_database() {
	sql create template1 --set=name="$DATABASE" --set=encoding="$encoding" --set=collation="$collation" --set=ctype="$ctype" --set=locale="$locale" <<-SQL
		drop database if exists postgres;
		create database :"name" template template0 encoding :'encoding' lc_collate :'collation' lc_ctype :'ctype' $1;
	SQL
}

# check_extensions - a backup that needs an extension that this image lacks may be good, but cannot be verified here
check_extensions() {
	! has_filters || return 0
	sql available "$DATABASE" <<-'SQL' || cannot 'list the extensions' available
		select name from pg_available_extensions;
	SQL
	missing=''
	for extension in $(extension_names); do
		grep -qxF "$extension" "$TMP/available" || missing="$missing $extension"
	done
	[ -z "$missing" ] || die $WRONG_INPUT "this image lacks extensions that the backup needs:$missing" \
		"set images.postgres$SERVER_MAJOR: to an image that has them, or disable verification with verify: { enabled: false }"
}

# extension_names - prints those of the dumped database
extension_names() {
	fact_rows database.extensions "$FACTS" name
}

# restore - like postgres-restore.sh: everything, with owners and privileges, up to the first error
restore() {
	FRESH=$DATABASE OWNER=keep PRIVILEGES=keep ONLY=all TABLESPACES=none LOCK_WAIT_SECONDS=0
	case $FORMAT in
	custom)
		run pg_restore --list "$ARTIFACT" >"$TMP/list" 2>"$TMP/load.err" || refuse_load
		;;
	plain)
		# Parsed already if roles or schemas were needed from it.
		[ -s "$TMP/named" ] || list_names
		check_end
		;;
	esac
	load
	[ "$ASSERT_QUERY_COUNT" = 0 ] || analyze "$DATABASE"
}

# check_end - psql accepts a dump that was cut off between two statements, or in the rows of a table
check_end() {
	grep -q '^complete	' "$TMP/named" ||
		die $BAD_DATA "the dump does not end with 'PostgreSQL database dump complete': it was cut off" "$DAMAGED"
}

DAMAGED='the backup was stored damaged: verify another one, and check the node that took it'

# refuse_load - overrides that of postgres-load.sh: there is no server of the user to blame
refuse_load() {
	log_said error "$TMP/load.err"
	why="cannot load the dump: $(reason_in "$TMP/load.err")"
	! is_full "$TMP/load.err" || die $NO_ROOM "$why" "$ROOM_HINT"
	server_answers || lost_server "$why"
	case $(cat "$TMP/load.err") in
	*'must be preloaded'* | *shared_preload_libraries*)
		die $WRONG_INPUT "$why" 'disable verification with verify: { enabled: false }: an extension must be preloaded, which is not safe in a copy of production'
		;;
	*ollation*'does not exist'* | *'could not create locale'*)
		die $WRONG_INPUT "$why" "this image lacks a locale of the database: set images.postgres$SERVER_MAJOR: to one that has it"
		;;
	esac
	[ "$found_locale" = "$locale" ] || DAMAGED="the copy has the locale $found_locale, so whatever depends on the sort order may fail"
	die $BAD_DATA "$why" "$DAMAGED"
}

# finish - writes the result for the record
finish() {
	PHASE=facts
	seconds=$(($(now) - began))
	{
		printf '{"name":%s,"kind":"postgres","method":"dump","seconds":%s,"server":%s' "$(json_text "$PART")" "$seconds" "$(json_text "$SERVER_VERSION")"
		printf ',"checks":{%s,"locale":%s,"notes":[%s]}}\n' "$(cat "$TMP/checks")" "$(json_text "$found_locale")" "$(json_lines "$TMP/notes")"
	} >"$TMP/verified.json"
	mv "$TMP/verified.json" "$WORK_DIR/verified/$PART.json"
	verified=yes
	log info "database $DATABASE: restored into PostgreSQL $SERVER_VERSION and checked in ${seconds}s"
	last_words 0 "database $DATABASE restored into PostgreSQL $SERVER_VERSION and checked" '' "\"seconds\":$seconds"
}

# json_lines FILE - prints its lines as items of a JSON list
json_lines() {
	comma=''
	while IFS= read -r line; do
		printf '%s%s' "$comma" "$(json_text "$line")"
		comma=,
	done <"$1"
}

main "$@"
