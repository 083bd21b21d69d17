#!/bin/sh
# postgres-verify.sh - proves that a dump comes back: restores it into a throw-away server in the pod, and asks it.
#
# Environment (beside what common.sh lists):
#   PART                name of this part of the backup
#   DATABASE            database that was dumped, and that the copy is called
#   SERVER_MAJOR        major version of the source's server, and of this image
#   RESTORE_JOBS        tables and indexes that are restored at a time (count)
#   ASSERT_TABLES       tables that must be there, schema.table, one a line (default: none)
#   ASSERT_ROWS         lines `count table`: the least number of its rows (default: none)
#   ASSERT_FRESH        lines `seconds table column`: how much older than the backup's start the newest time there may be
#                       (default: none)
#   ASSERT_QUERY_COUNT  queries that follow (count)
#   ASSERT_QUERY_n      SQL in a read-only transaction, five minutes at most; n counts from 1
#   ASSERT_ANSWER_n     its whole answer, as psql --no-align --tuples-only prints it
#   AMCHECK             true or false: pg_amcheck over every table and index, where the image has it
# Input: in/<part>.facts, and the files that it names in in/.
# Output: verified/<part>.json; log on stderr. The server and its data are gone when it ends.
# Exit: 0 restored, and all that was asked is so; 64 wrong values, or not the image for it; 65 the backup is not good;
# 70 fault; 73 no room.
set -eu

. "$(dirname "$0")/common.sh"
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

# begin - what an attempt of this very pod left goes first (a node that restarted)
begin() {
	began=$(now) proved=''
	umask 027
	TMP=$WORK_DIR/tmp/$PART FACTS=$WORK_DIR/in/$PART.facts
	mkdir -p "$WORK_DIR/tmp" "$WORK_DIR/verified"
	rm -rf "$TMP" "$WORK_DIR/verified/$PART.json"
	mkdir -m 700 "$TMP"
	[ -s "$FACTS" ] || die $WRONG_INPUT "there is no in/$PART.facts: nothing was fetched for this part" 'look at the container fetch of this pod'
	FORMAT=$(fact format "$FACTS") COMPRESSION=$(fact compression.method "$FACTS")
	case $FORMAT/$COMPRESSION in
	custom/* | plain/none) ;;
	plain/gzip | plain/zstd) need_cmd "$COMPRESSION" ;;
	*) die $WRONG_INPUT "a dump of format $FORMAT with compression $COMPRESSION is not known here" 'a newer backstay may have taken it' ;;
	esac
	check_user
	check_image "$(fact server.major "$FACTS")"
	# One transaction makes all that a plain dump has: each table brings a toast table, indexes, a sequence.
	LOCKS=0
	[ "$FORMAT" != plain ] ||
		LOCKS=$(($(fact database.tables "$FACTS") * 10 + $(fact database.largeObjects "$FACTS")))
}

tidy() {
	[ -n "${TMP-}" ] || return 0
	stop_server
	rm -rf "$TMP"
	[ -n "$proved" ] || rm -f "$WORK_DIR/verified/$PART.json"
}

# compare_files - before any tool opens one: PostgreSQL's own do not notice a changed bit
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
	[ -n "$ARTIFACT" ] || die $BAD_DATA "the manifest names no dump of part $PART" 'look at the manifest in the storage'
}

# compare_file NAME SHA256
compare_file() {
	[ -f "$WORK_DIR/in/$1" ] || die $BAD_DATA "$1 is not there" 'look at the container fetch of this pod'
	run sha256sum "$WORK_DIR/in/$1" >"$TMP/sum"
	[ "$(awk '{ print $1; exit }' "$TMP/sum")" = "$2" ] ||
		die $BAD_DATA "$1 is not what was stored: its SHA-256 differs from the manifest's" 'it changed after it was fetched: look for a failing disk of the node'
}

# is_filtered - whether the dump was to hold less than the whole database
is_filtered() {
	has_fact filters "$FACTS"
}

# check_room - a restored database is rarely less than a quarter of what it was
check_room() {
	PHASE=preflight
	room=$(free_bytes) size=$(fact database.bytes "$FACTS")
	log info "the database had $(human "$size"), and $(human "$room") of scratch space are left"
	is_filtered || [ "$room" -ge $((size / 4)) ] ||
		die $NO_ROOM "the database had $(human "$size"), and $(human "$room") of scratch space are left" "$ROOM_HINT"
}

# create_database - as it was, where the image has its locale; a dump is text, so the backup does not depend on it
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

# make_database EXTRA - its status
make_database() {
	sql create template1 --set=name="$DATABASE" --set=encoding="$encoding" --set=collation="$collation" --set=ctype="$ctype" --set=locale="$locale" <<-SQL
		drop database if exists postgres;
		create database :"name" template template0 encoding :'encoding' lc_collate :'collation' lc_ctype :'ctype' $1;
	SQL
}

# check_extensions - a backup that needs one that this image lacks may be good, but nobody can tell here
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
		"images.postgres$SERVER_MAJOR: can name an image that has them; verify: { enabled: false } says that nobody looks"
}

# extension_names - of the database that was dumped
extension_names() {
	fact_rows database.extensions "$FACTS" name
}

# restore - as postgres-restore.sh does it: whole, with its owners and privileges, and ended by the first error
restore() {
	FRESH=$DATABASE OWNER=keep PRIVILEGES=keep ONLY=all TABLESPACES=none LOCK_WAIT_SECONDS=0
	case $FORMAT in
	custom)
		run pg_restore --list "$ARTIFACT" >"$TMP/list" 2>"$TMP/load.err" || refuse_load
		;;
	plain)
		# Read already where roles or schemas had to be found in it.
		[ -s "$TMP/named" ] || list_names
		check_end
		;;
	esac
	load
	[ "$ASSERT_QUERY_COUNT" = 0 ] || analyze "$DATABASE"
}

# check_end - psql is content with a dump that was cut off between two statements, or in the rows of a table
check_end() {
	grep -q '^complete	' "$TMP/named" ||
		die $BAD_DATA "the dump does not end with 'PostgreSQL database dump complete': it was cut off" "$DAMAGED"
}

DAMAGED='it is as it was stored, so it was stored damaged: verify another one, and look at the node that took it'

# refuse_load - in place of postgres-load.sh's: nothing here is the fault of a server that somebody runs
refuse_load() {
	log_said error "$TMP/load.err"
	why="the dump could not be loaded: $(reason_in "$TMP/load.err")"
	! is_full "$TMP/load.err" || die $NO_ROOM "$why" "$ROOM_HINT"
	server_answers || lost_server "$why"
	case $(cat "$TMP/load.err") in
	*'must be preloaded'* | *shared_preload_libraries*)
		die $WRONG_INPUT "$why" 'an extension wants to be preloaded, which a copy of production must not do: verify: { enabled: false } says that nobody looks'
		;;
	*ollation*'does not exist'* | *'could not create locale'*)
		die $WRONG_INPUT "$why" "this image lacks a locale of the database: images.postgres$SERVER_MAJOR: can name one that has it"
		;;
	esac
	[ "$found_locale" = "$locale" ] || DAMAGED="the copy has the locale $found_locale, and what depends on the order of texts may fail for that"
	die $BAD_DATA "$why" "$DAMAGED"
}

# finish - what was proved, for the record
finish() {
	PHASE=facts
	seconds=$(($(now) - began))
	{
		printf '{"name":%s,"kind":"postgres","method":"dump","seconds":%s,"server":%s' "$(json_text "$PART")" "$seconds" "$(json_text "$SERVER_VERSION")"
		printf ',"checks":{%s,"locale":%s,"notes":[%s]}}\n' "$(cat "$TMP/checks")" "$(json_text "$found_locale")" "$(json_lines "$TMP/notes")"
	} >"$TMP/verified.json"
	mv "$TMP/verified.json" "$WORK_DIR/verified/$PART.json"
	proved=yes
	log info "database $DATABASE: restored into PostgreSQL $SERVER_VERSION and checked in ${seconds}s"
	last_words 0 "database $DATABASE restored into PostgreSQL $SERVER_VERSION and checked" '' "\"seconds\":$seconds"
}

# json_lines FILE - the lines as items of a list
json_lines() {
	comma=''
	while IFS= read -r line; do
		printf '%s%s' "$comma" "$(json_text "$line")"
		comma=,
	done <"$1"
}

main "$@"
