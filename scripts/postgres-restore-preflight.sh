#!/bin/sh
# postgres-restore-preflight.sh - what can be known to fail before a restore has moved anything. Sourced, never run.
#
# Environment: that of postgres-restore.sh. All that is wrong is said at once, as far as it can be looked at.
# Gives: BACKUP, FACTS, FORMAT, COMPRESSION, ARTIFACT, SUPERUSER and SESSION_SUPERUSER (t or f);
# in TMP: list (the archive's, filtered), named (what it names).
#
# What PostgreSQL cannot be asked for: the free space of the server's disk. A server that runs full fails the restore, which
# is beside then, and is removed.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# read_part - the backup, as fetch left it
read_part() {
	PHASE=preflight
	FACTS=$WORK_DIR/in/$PART.facts
	for file in "$FACTS" "$WORK_DIR/run/backup"; do
		[ -s "$file" ] || die $WRONG_INPUT "$file is not there" 'fetch comes first'
	done
	BACKUP=$(cat "$WORK_DIR/run/backup")
	FORMAT=$(fact format "$FACTS")
	dumped_major=$(fact server.major "$FACTS")
	COMPRESSION=$(fact compression.method "$FACTS")
	FRESH_OWNER='' TABLESPACES=keep
	case $(fact kind "$FACTS")/$(fact method "$FACTS")/$FORMAT in
	postgres/dump/custom | postgres/dump/plain) ;;
	*) die $WRONG_INPUT "part $PART is no dump of PostgreSQL" 'another step restores it' ;;
	esac
	ARTIFACT=$WORK_DIR/in/$(file_of artifact name)
	GLOBALS_FILE=$(file_of globals name)
	prelude
}

# file_of ROLE KEY - of the file with that role; nothing where there is none
file_of() {
	number=0
	while [ "$number" -lt "$(fact_count files "$FACTS")" ]; do
		[ "$(fact "files.$number.role" "$FACTS")" != "$1" ] || fact "files.$number.$2" "$FACTS"
		number=$((number + 1))
	done
}

# check_files - once more, right before they are opened: pg_restore takes changed bytes for rows
check_files() {
	for role in artifact globals; do
		file=$WORK_DIR/in/$(file_of $role name)
		[ "$file" != "$WORK_DIR/in/" ] || continue
		[ -f "$file" ] || die $WRONG_INPUT "$file is not there" 'fetch comes first'
		run sha256sum "$file" >"$TMP/sum"
		[ "$(awk '{ print $1 }' "$TMP/sum")" = "$(file_of $role sha256)" ] ||
			die $BAD_DATA "$(basename "$file") is not what the manifest says: its SHA-256 differs" 'it changed in the scratch space; look for a failing disk of the node'
	done
}

# open_server - sessions that may write, and the lock that keeps other restores of the same database away
#
# What is restored is checked afterwards, and removed after a crash: no commit has to wait for the disk.
open_server() {
	SESSION_DATABASE=$ADMIN_DATABASE SESSION_KEY=adminDatabase
	session_defaults
	PGOPTIONS="$PGOPTIONS -c default_transaction_read_only=off -c synchronous_commit=off -c maintenance_work_mem=256MB"
	check_client
	wait_for_server
	check_server
	take_lock
}

# take_lock - an advisory lock of a session in the background, as the throttle's: whoever dies loses it
take_lock() {
	THROTTLE_DATABASE=$ADMIN_DATABASE
	open_holder
	since=$(date +%s)
	key=$(($(number_of "${LIVE:-$INTO}") % 2147483647))
	while :; do
		ask_holder "select pg_catalog.pg_try_advisory_lock($RESTORE_LOCK, $key)"
		[ -n "$answer" ] || refuse_holder
		[ "$answer" != t ] || return 0
		[ $(($(date +%s) - since)) -lt "$LOCK_WAIT_SECONDS" ] ||
			die $BUSY "another restore of ${LIVE:-$INTO} is running" 'wait until it has ended'
		run sleep 1
	done
}

# number_of TEXT
number_of() {
	printf '%s' "$1" >"$TMP/number"
	cksum <"$TMP/number" >"$TMP/cksum"
	awk '{ print $1 }' "$TMP/cksum"
}

# preflight - all that is wrong, in the order of what is looked at
preflight() {
	PHASE=preflight
	: >"$TMP/problems"
	check_majors
	check_target
	read_archive
	check_extensions
	check_roles
	check_rights
	refuse_problems
}

# problem STATUS TEXT HINT
problem() {
	log error "$2"
	printf '%s\n' "$1" >>"$TMP/problems"
	printf '%s' "$2" >>"$TMP/problem-texts"
	printf '; ' >>"$TMP/problem-texts"
	[ -n "${problem_hint-}" ] || problem_hint=$3
}

# problems STATUS HINT FILE - one for each line of FILE
problems() {
	while IFS= read -r line; do problem "$1" "$line" "$2"; done <"$3"
}

# refuse_problems - the status is that of the first
refuse_problems() {
	[ -s "$TMP/problems" ] || return 0
	read -r first <"$TMP/problems"
	texts=$(cat "$TMP/problem-texts")
	die "$first" "${texts%; }" "$problem_hint"
}

# check_majors - a dump goes to the same major or a newer one
check_majors() {
	[ "$dumped_major" -le "$SERVER_MAJOR" ] || die $WRONG_INPUT \
		"the backup is from PostgreSQL $dumped_major, the server is PostgreSQL $SERVER_VERSION: a dump cannot go back to an older major" "restore it into a server of $dumped_major or newer"
	[ "$FORMAT" = custom ] || ! is_partial || [ "$IN_PLACE" = true ] ||
		problem $WRONG_INPUT 'of a plain dump no part can be restored alone' 'take dumps of format: custom, or restore all of it beside'
	[ "$FORMAT" = custom ] || [ "$OWNER/$PRIVILEGES" = keep/keep ] ||
		problem $WRONG_INPUT 'a plain dump has its owners and grants written into it: they cannot be left out' 'take dumps of format: custom, or make the roles that it names'
	case $COMPRESSION in
	gzip) [ "$FORMAT" = custom ] || need_cmd gzip ;;
	zstd) [ "$FORMAT" = custom ] || need_cmd zstd ;;
	esac
}

# check_target - that it is what it should be
check_target() {
	query target <<-'SQL'
		select case when datistemplate then 'template' else 'there' end from pg_database where datname = :'into';
	SQL
	case $INTO/$(cat "$TMP/target") in
	postgres/* | template0/* | template1/* | "$ADMIN_DATABASE"/* | */template)
		problem $WRONG_INPUT "$INTO is no database to restore into: it belongs to the server, or sessions that rename need it" 'give another database'
		return 0
		;;
	esac
	query standby <<-'SQL'
		select 'standby' where pg_is_in_recovery();
	SQL
	[ ! -s "$TMP/standby" ] || problem $WRONG_INPUT "$PGHOST:$PGPORT is a standby, which takes no writes" 'host: must be that of the primary'
	[ "$IN_PLACE" = false ] || ! has_fact filters "$FACTS" ||
		problem $WRONG_INPUT 'the backup holds a part of the database only, and cannot take its place' 'restore beside, and copy over what is needed'
	case $IN_PLACE/$ONLY/$(cat "$TMP/target") in
	true/*/there) check_hindrances ;;
	true/*) problem $WRONG_INPUT "there is no database $INTO, whose place the restored one could take" 'restore beside, under that name' ;;
	false/data/there) ;;
	false/data/) problem $WRONG_INPUT "there is no database $INTO, into whose tables the rows could go" 'rows alone need tables that are there' ;;
	false/*/there) problem $WRONG_INPUT "the database $INTO is there already, and is not of this restore" 'give another name, or restore in place' ;;
	esac
	[ "$JOURNAL" != foreign ] || [ "$IN_PLACE" = false ] ||
		problem $WRONG_INPUT "the database $FRESH is there already, and is not of this restore" 'rename or drop it'
}

# check_hindrances - what belongs to the live database and would stay with the old one, or keeps it from being renamed
check_hindrances() {
	query hindrances <<-'SQL'
		with live as (select oid from pg_database where datname = :'live')
		select 75, 'prepared transaction ' || quote_literal(gid) from pg_prepared_xacts where database = :'live'
		union all
		select 64, 'replication slot ' || quote_ident(slot_name) from pg_replication_slots where database = :'live'
		union all
		select 64, 'subscription ' || quote_ident(subname) from pg_subscription where subdbid = (select oid from live);
	SQL
	while IFS='|' read -r status what; do
		problem "$status" "$LIVE has a $what, which would stay with the old database" 'end it first, and make it again afterwards'
	done <"$TMP/hindrances"
}

# read_archive - what the dump holds and names; data is not looked at
read_archive() {
	if [ "$FORMAT" = plain ]; then
		ask_role
		unpacking named_in "$TMP/text" >"$TMP/named" || die $FAULT 'the dump could not be looked through'
		check_text
		! knows_names || name_recorded
		return 0
	fi
	run pg_restore --list "$ARTIFACT" >"$TMP/contents" 2>"$TMP/list.err" ||
		die $BAD_DATA "the dump cannot be listed: $(reason_in "$TMP/list.err")" 'choose another backup'
	ask_role
	choose_entries
	awk '/^[0-9]+; [0-9]+ [0-9]+ (TABLE DATA|BLOBS|SEQUENCE SET|MATERIALIZED VIEW DATA) / { next } { print }' "$TMP/list" >"$TMP/definitions.list"
	restoring --use-list="$TMP/definitions.list" --file="$TMP/definitions.sql" "$ARTIFACT" 2>"$TMP/list.err" ||
		die $BAD_DATA "the dump cannot be read: $(reason_in "$TMP/list.err")" 'choose another backup'
	if knows_names; then
		: >"$TMP/named"
		name_recorded
	else
		named_in "$TMP/definitions.sql" >"$TMP/named"
	fi
	! grep -qE '^[0-9]+; [0-9]+ [0-9]+ SUBSCRIPTION ' "$TMP/contents" || log warn 'subscriptions are left out: make them by hand where they are wanted'
}

# check_text - that a plain dump is whole, for psql is content with one that was cut off between two statements; and what it
# has in it that cannot be left out
check_text() {
	grep -q '^complete	' "$TMP/named" ||
		problem $BAD_DATA "the dump does not end with 'PostgreSQL database dump complete': it was cut off" 'it is as it was stored: choose another backup'
	! grep -q '^subscription	' "$TMP/named" ||
		problem $WRONG_INPUT 'the plain dump makes subscriptions, which would hold back the removal of the new database' 'take dumps of format: custom'
	grep -q '^restrict	' "$TMP/named" || return 0
	psql --help=commands >"$TMP/commands"
	grep -q '\\restrict' "$TMP/commands" ||
		problem $WRONG_INPUT "the psql of this image does not know \\restrict, which the dump begins with" 'take the newest image of its major'
}

# ask_role - whether what restores may do everything; with OWNER role:NAME that role counts, and not the session's
ask_role() {
	query admin <<-'SQL'
		select coalesce((select rolsuper from pg_roles where rolname = case when :'role' = '' then current_user else :'role' end), false),
		  (select rolsuper from pg_roles where rolname = current_user);
	SQL
	IFS='|' read -r SUPERUSER SESSION_SUPERUSER <"$TMP/admin"
}

# manifest_extensions - those of the dumped database, `name<TAB>version` a line, into TMP/extensions
manifest_extensions() {
	fact_rows database.extensions "$FACTS" name version >"$TMP/extensions"
}

# check_extensions - by name; what has no version that a dump asks for is made in the server's own
check_extensions() {
	[ "$ONLY" != data ] && ! has_fact filters "$FACTS" || return 0
	manifest_extensions
	[ -s "$TMP/extensions" ] || return 0
	query extension-problems <<-SQL
		with wanted(name, version) as (values $(sql_texts "$TMP/extensions"))
		select 'missing', name, version, '' from wanted w where not exists (select from pg_available_extensions a where a.name = w.name)
		union all
		select 'other', w.name, w.version, a.default_version from wanted w join pg_available_extensions a on a.name = w.name
		where a.default_version <> w.version
		union all
		select 'untrusted', w.name, w.version, '' from wanted w where w.name <> 'plpgsql' and '$SUPERUSER' <> 't' and not exists (
		  select from pg_available_extension_versions v where v.name = w.name and v.trusted)
		  and exists (select from pg_available_extensions a where a.name = w.name);
	SQL
	while IFS='|' read -r kind name version other; do
		case $kind in
		missing) problem $WRONG_INPUT "the server has no extension $name (the backup has version $version)" 'install it, or restore into a server with the same extensions' ;;
		# Services that give no superuser allow some all the same.
		untrusted) log warn "only a superuser may create the extension $name, unless the server has a rule of its own" ;;
		other) log warn "extension $name becomes version $other, the backup has $version" ;;
		esac
	done <"$TMP/extension-problems"
}

# listed FILE - its lines, the first ten and a count
listed() {
	awk '
		NR <= 10 { text = text (NR > 1 ? ", " : "") $0 }
		END { print text (NR > 10 ? " and " (NR - 10) " more" : "") }
	' "$1"
}
