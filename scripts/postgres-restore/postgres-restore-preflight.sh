#!/bin/sh
# postgres-restore-preflight.sh - finds what would fail before a restore changes anything. Sourced, never run.
#
# Environment: that of postgres-restore.sh. It reports all problems at once, as far as it can check.
# Gives: BACKUP, FACTS, FORMAT, COMPRESSION, ARTIFACT, SUPERUSER and SESSION_SUPERUSER (t or f);
# in TMP: list (the archive's, filtered), named (what it names).
#
# PostgreSQL does not tell the free space on the disk of the server. If it runs out, the restore fails, and its new database is
# dropped.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# read_part - reads the backup as fetch left it
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
	*) die $WRONG_INPUT "part $PART is not a dump of PostgreSQL" 'restore it with the script of its kind' ;;
	esac
	ARTIFACT=$WORK_DIR/in/$(file_of artifact name)
	GLOBALS_FILE=$(file_of globals name)
	prelude
}

# file_of ROLE KEY - prints a fact about the file with that role; nothing if there is none
file_of() {
	number=0
	while [ "$number" -lt "$(fact_count files "$FACTS")" ]; do
		[ "$(fact "files.$number.role" "$FACTS")" != "$1" ] || fact "files.$number.$2" "$FACTS"
		number=$((number + 1))
	done
}

# check_files - hashes them again right before use: pg_restore would load changed bytes as rows
check_files() {
	for role in artifact globals; do
		file=$WORK_DIR/in/$(file_of $role name)
		[ "$file" != "$WORK_DIR/in/" ] || continue
		[ -f "$file" ] || die $WRONG_INPUT "$file is not there" 'fetch comes first'
		run sha256sum "$file" >"$TMP/sum"
		[ "$(awk '{ print $1 }' "$TMP/sum")" = "$(file_of $role sha256)" ] ||
			die $BAD_DATA "$(basename "$file") does not match the manifest: its SHA-256 differs" 'it changed in the scratch space; look for a failing disk of the node'
	done
}

# open_server - allows sessions to write, and takes the lock against other restores of the same database
#
# The restored database is checked afterwards, and dropped after a crash: commits need not wait for the disk.
open_server() {
	SESSION_DATABASE=$ADMIN_DATABASE SESSION_KEY=adminDatabase
	session_defaults
	PGOPTIONS="$PGOPTIONS -c default_transaction_read_only=off -c synchronous_commit=off -c maintenance_work_mem=256MB"
	check_client
	wait_for_server
	check_server
	take_lock
}

# take_lock - takes an advisory lock in a background session, like the throttle: a process that dies loses it
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
			die $BUSY "another restore of ${LIVE:-$INTO} is running" 'wait until it ends'
		run sleep 1
	done
}

# number_of TEXT
number_of() {
	printf '%s' "$1" >"$TMP/number"
	cksum <"$TMP/number" >"$TMP/cksum"
	awk '{ print $1 }' "$TMP/cksum"
}

# preflight - runs all checks, then reports all problems
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

# refuse_problems - ends with the status of the first problem
refuse_problems() {
	[ -s "$TMP/problems" ] || return 0
	read -r first <"$TMP/problems"
	texts=$(cat "$TMP/problem-texts")
	die "$first" "${texts%; }" "$problem_hint"
}

# check_majors - requires a server of the same major or a newer one
check_majors() {
	[ "$dumped_major" -le "$SERVER_MAJOR" ] || die $WRONG_INPUT \
		"the backup is from PostgreSQL $dumped_major, the server is PostgreSQL $SERVER_VERSION: a dump cannot go back to an older major" "restore it into a server of $dumped_major or newer"
	[ "$FORMAT" = custom ] || ! is_partial || [ "$IN_PLACE" = true ] ||
		problem $WRONG_INPUT 'a plain dump cannot be restored in part' 'take dumps of format: custom, or restore the whole dump beside'
	[ "$FORMAT" = custom ] || [ "$OWNER/$PRIVILEGES" = keep/keep ] ||
		problem $WRONG_INPUT 'a plain dump contains its owners and grants: a restore cannot omit them' 'take dumps of format: custom, or create the roles that it names'
	case $COMPRESSION in
	gzip) [ "$FORMAT" = custom ] || need_cmd gzip ;;
	zstd) [ "$FORMAT" = custom ] || need_cmd zstd ;;
	esac
}

# check_target - checks the target database
check_target() {
	query target <<-'SQL'
		select case when datistemplate then 'template' else 'there' end from pg_database where datname = :'into';
	SQL
	case $INTO/$(cat "$TMP/target") in
	postgres/* | template0/* | template1/* | "$ADMIN_DATABASE"/* | */template)
		problem $WRONG_INPUT "$INTO cannot be the target: it is a system database, a template or adminDatabase" 'choose another target database'
		return 0
		;;
	esac
	query standby <<-'SQL'
		select 'standby' where pg_is_in_recovery();
	SQL
	[ ! -s "$TMP/standby" ] || problem $WRONG_INPUT "$PGHOST:$PGPORT is a standby, which is read-only" 'set host: to the primary'
	[ "$IN_PLACE" = false ] || ! has_fact filters "$FACTS" ||
		problem $WRONG_INPUT 'the backup holds only a part of the database and cannot replace it' 'restore beside, and copy what you need'
	case $IN_PLACE/$ONLY/$(cat "$TMP/target") in
	true/*/there) check_hindrances ;;
	true/*) problem $WRONG_INPUT "there is no database $INTO to replace" 'restore beside, under that name' ;;
	false/data/there) ;;
	false/data/) problem $WRONG_INPUT "there is no database $INTO to load the rows into" 'create the tables first: only: data loads rows into existing tables' ;;
	false/*/there) problem $WRONG_INPUT "the database $INTO already exists and does not belong to this restore" 'choose another name, restore in place, or drop it' ;;
	esac
	[ "$JOURNAL" != foreign ] || [ "$IN_PLACE" = false ] ||
		problem $WRONG_INPUT "the database $FRESH already exists and does not belong to this restore" 'rename or drop it'
}

# check_hindrances - finds what would stay with the old database, or block its renaming
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
		problem "$status" "$LIVE has a $what, which would stay with the old database" 'remove it first, and recreate it afterwards'
	done <"$TMP/hindrances"
}

# read_archive - lists what the dump contains and names, without its rows
read_archive() {
	if [ "$FORMAT" = plain ]; then
		ask_role
		unpacking named_in "$TMP/text" >"$TMP/named" || die $FAULT 'cannot parse the dump'
		check_text
		! knows_names || name_recorded
		return 0
	fi
	run pg_restore --list "$ARTIFACT" >"$TMP/contents" 2>"$TMP/list.err" ||
		die $BAD_DATA "cannot list the dump: $(reason_in "$TMP/list.err")" 'choose another backup'
	ask_role
	choose_entries
	awk '/^[0-9]+; [0-9]+ [0-9]+ (TABLE DATA|BLOBS|SEQUENCE SET|MATERIALIZED VIEW DATA) / { next } { print }' "$TMP/list" >"$TMP/definitions.list"
	restoring --use-list="$TMP/definitions.list" --file="$TMP/definitions.sql" "$ARTIFACT" 2>"$TMP/list.err" ||
		die $BAD_DATA "cannot read the dump: $(reason_in "$TMP/list.err")" 'choose another backup'
	if knows_names; then
		: >"$TMP/named"
		name_recorded
	else
		named_in "$TMP/definitions.sql" >"$TMP/named"
	fi
	! grep -qE '^[0-9]+; [0-9]+ [0-9]+ SUBSCRIPTION ' "$TMP/contents" || log warn 'subscriptions are not restored: recreate them by hand where you need them'
}

# check_text - requires a complete plain dump, because psql accepts one that was cut off between statements; and refuses what a
# restore cannot omit
check_text() {
	grep -q '^complete	' "$TMP/named" ||
		problem $BAD_DATA "the dump does not end with 'PostgreSQL database dump complete': it was cut off" 'it was stored like this: choose another backup'
	! grep -q '^subscription	' "$TMP/named" ||
		problem $WRONG_INPUT 'the plain dump creates subscriptions, which would block dropping the new database' 'take dumps of format: custom'
	grep -q '^restrict	' "$TMP/named" || return 0
	psql --help=commands >"$TMP/commands"
	grep -q '\\restrict' "$TMP/commands" ||
		problem $WRONG_INPUT "the psql of this image does not support \\restrict, which the dump uses" 'use the newest image of its major'
}

# ask_role - whether the restoring role is a superuser; with OWNER role:NAME that role counts, not that of the session
ask_role() {
	query admin <<-'SQL'
		select coalesce((select rolsuper from pg_roles where rolname = case when :'role' = '' then current_user else :'role' end), false),
		  (select rolsuper from pg_roles where rolname = current_user);
	SQL
	IFS='|' read -r SUPERUSER SESSION_SUPERUSER <"$TMP/admin"
}

# manifest_extensions - writes those of the dumped database into TMP/extensions, `name<TAB>version` per line
manifest_extensions() {
	fact_rows database.extensions "$FACTS" name version >"$TMP/extensions"
}

# check_extensions - by name; a dump does not ask for versions, so the server uses its own
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
		missing) problem $WRONG_INPUT "the server has no extension $name (the backup has version $version)" 'install it, or restore to a server that has it' ;;
		# Managed services without superusers allow some of them.
		untrusted) log warn "only a superuser can create the extension $name, unless the server grants exceptions" ;;
		other) log warn "extension $name becomes version $other, the backup has $version" ;;
		esac
	done <"$TMP/extension-problems"
}

# listed FILE - prints its first ten lines and a count of the others
listed() {
	awk '
		NR <= 10 { text = text (NR > 1 ? ", " : "") $0 }
		END { print text (NR > 10 ? " and " (NR - 10) " more" : "") }
	' "$1"
}
