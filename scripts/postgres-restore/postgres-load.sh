#!/bin/sh
# postgres-load.sh - loads a dump into a new database. Sourced, never run.
#
# The comment of the new database is its journal: `backstay restore <id> of <backup>: loading`, then `…: ready`. An attempt
# drops only a database with the comment of its own id, or one that CREATE DATABASE left before it had a comment: it accepts no
# connections, and its connection limit is made of the id.
#
# Environment: that of postgres-restore.sh. Gives: JOURNAL.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

unpacker='' spared=''

# prelude - psql variables for every query
prelude() {
	mark=$(($(number_of "$RESTORE_ID") % 1000000000 + 1000000000))
	case $RESTORE_ACTION/${OWNER-} in
	restore/role:*) role=${OWNER#role:} ;;
	*) role='' ;;
	esac
	QUERY_PRELUDE=$(
		variable live "$LIVE"
		variable fresh "$FRESH"
		variable into "$INTO"
		variable old "$OLD"
		variable kept "$KEPT_DATABASE"
		variable id "$RESTORE_ID"
		variable of "backstay restore $RESTORE_ID of "
		variable backup "${BACKUP-}"
		variable role "$role"
		variable mark "$mark"
		variable place "$([ "$IN_PLACE" = true ] && echo in-place || echo beside)"
	)'
'
}

# variable NAME TEXT - prints the psql line that sets it
variable() {
	printf "\\\\set %s '" "$1"
	printf '%s' "$2" | awk '{ gsub(/[\\\047]/, "\\\\&"); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }'
	printf "'\n"
}

# look_at_journal - finds what an attempt of the same id left: JOURNAL is absent, ours, ready, foreign or finished
look_at_journal() {
	PHASE=journal
	if [ "$IN_PLACE" = true ]; then
		find_replaced query
		[ "$JOURNAL" != finished ] || return 0
	fi
	query journal <<-'SQL'
		select case
		    when journal = :'of' || :'backup' || ': ready' then 'ready'
		    when :'place' = 'beside' and left(journal, length(:'of')) = :'of' and right(journal, 7) = ': ready'
		      then 'ready ' || left(right(journal, -length(:'of')), -7)
		    when left(journal, length(:'of')) = :'of' then 'ours'
		    when journal = '' and not datallowconn and datconnlimit = :mark then 'ours'
		    else 'foreign' end
		from (select coalesce(shobj_description(oid, 'pg_database'), '') as journal, * from pg_database where datname = :'fresh') as fresh;
	SQL
	# A finished copy beside may be in use already: a newer backup is no reason to restore it again.
	read -r JOURNAL made_of <"$TMP/journal" || :
	[ -z "$made_of" ] || BACKUP=$made_of
	: "${JOURNAL:=absent}"
	[ "$JOURNAL" != ready ] || log info "$FRESH was restored and checked by an earlier attempt"
}

# drop_fresh - drops what an earlier attempt began
drop_fresh() {
	[ "$JOURNAL" = ours ] || return 0
	log info "removing $FRESH, which an earlier attempt did not finish"
	drop_own || fail_as "$TMP/drop.err" "cannot remove $FRESH"
}

# drop_own - drops the new database with its sessions, but only if it is ours
drop_own() {
	try_query drop <<-'SQL'
		select format('drop database %I with (force)', datname)
		from (select coalesce(shobj_description(oid, 'pg_database'), '') as journal, * from pg_database where datname = :'fresh') as fresh
		where left(journal, length(:'of')) = :'of' or (journal = '' and not datallowconn and datconnlimit = :mark)
		\gexec
	SQL
}

# make_fresh - creates the database with the encoding and locale of the dumped one, which decide how it sorts and compares
make_fresh() {
	PHASE=create
	making=yes
	QUERY_PRELUDE=$QUERY_PRELUDE$(
		variable encoding "$(fact database.encoding "$FACTS")"
		variable collation "$(fact database.collation "$FACTS")"
		variable ctype "$(fact database.ctype "$FACTS")"
		variable provider "$(fact database.localeProvider "$FACTS")"
		variable locale "$(fact database.locale "$FACTS")"
		variable owner "$FRESH_OWNER"
	)'
'
	try_query create <<-'SQL' || refuse_create
		select format('create database %I template template0 encoding %L lc_collate %L lc_ctype %L', :'fresh', :'encoding', :'collation', :'ctype')
		  || case when current_setting('server_version_num')::int < 150000 then ''
		       when :'provider' = 'icu' then format(' locale_provider icu icu_locale %L', :'locale')
		       when :'provider' = 'builtin' then format(' locale_provider builtin builtin_locale %L', :'locale')
		       else ' locale_provider libc' end
		  || case :'owner' when '' then '' else format(' owner %I', :'owner') end
		  || coalesce((select format(' tablespace %I', spcname) from pg_database d join pg_tablespace t on t.oid = d.dattablespace where datname = :'live'
		       and d.dattablespace <> (select dattablespace from pg_database where datname = 'template0')), '')
		  || format(' allow_connections false connection limit %s', :mark)
		\gexec
		begin;
		select format('comment on database %I is %L', :'fresh', :'of' || :'backup' || ': loading') \gexec
		alter database :"fresh" with allow_connections true connection limit -1;
		commit;
	SQL
	log info "loading into $FRESH"
	[ "$IN_PLACE" = false ] || rehearse
}

refuse_create() {
	grep -qE 'locale|collation|encoding|LC_' "$TMP/create.err" || fail_as "$TMP/create.err" "cannot create the database $FRESH"
	die $WRONG_INPUT "the server cannot create a database like the dumped one: $(reason_in "$TMP/create.err")" \
		"the backup has encoding $(fact database.encoding "$FACTS"), locale $(fact database.collation "$FACTS"): the image of the server must have it"
}

# restoring OPTION... - runs pg_restore with the options for OWNER and PRIVILEGES
#
# Subscriptions are omitted: one would be created disabled, block DROP DATABASE, and drop the slot of the publisher with itself.
restoring() {
	[ "$PRIVILEGES" = keep ] || set -- --no-privileges "$@"
	[ "$TABLESPACES" = keep ] || set -- --no-tablespaces "$@"
	case $OWNER in
	none) set -- --no-owner "$@" ;;
	role:*) set -- --no-owner --role="${OWNER#role:}" "$@" ;;
	esac
	case $ONLY in
	schema) set -- --schema-only "$@" ;;
	esac
	run pg_restore --no-password --exit-on-error --no-subscriptions "$@"
}

# spare_public - a dump filtered to the schema public creates it, but a new database has it already, with the default rights that the
# dump relies on: skip its creation, and only change its owner
spare_public() {
	spared=''
	grep -qx 'schema	public' "$TMP/named" || return 0
	spared=yes
	[ "$FORMAT" = custom ] || return 0
	awk '!/^[0-9]+; [0-9]+ [0-9]+ SCHEMA - public /' "$TMP/list" >"$TMP/spared.list"
	public_owner=$(sed -n 's/^[0-9]*; [0-9]* [0-9]* SCHEMA - public //p' "$TMP/list")
	mv "$TMP/spared.list" "$TMP/list"
	case $OWNER in
	none) return 0 ;;
	role:*) public_owner=${OWNER#role:} ;;
	esac
	echo 'alter schema public owner to :"owner";' >"$TMP/public.sql"
	run psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --set=owner="$public_owner" --dbname="$(conninfo "$FRESH")" \
		--file="$TMP/public.sql" >/dev/null 2>"$TMP/load.err" || refuse_load
}

# load - loads the dump into the new database, and stops at the first error
load() {
	PHASE=load
	load_status=0
	spare_public
	if [ "$FORMAT" = plain ]; then
		load_plain || load_status=$?
	else
		restoring --jobs="$RESTORE_JOBS" --use-list="$TMP/list" --dbname="$(conninfo "$FRESH")" "$ARTIFACT" 2>"$TMP/load.err" || load_status=$?
	fi
	[ "$load_status" = 0 ] || refuse_role || refuse_load
	log_said warn "$TMP/load.err"
}

# load_plain - loads with psql in one transaction
load_plain() {
	unpacking psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --single-transaction \
		--dbname="$(conninfo "$FRESH")" --file="$TMP/text" >/dev/null 2>"$TMP/load.err"
}

# unpacking COMMAND... - runs it while a plain dump is decompressed into the FIFO TMP/text, which needs no space
unpacking() {
	rm -f "$TMP/text"
	mkfifo "$TMP/text"
	unpack >"$TMP/text" 2>"$TMP/unpack.err" &
	unpacker=$!
	reading=0
	run "$@" || reading=$?
	[ "$reading" = 0 ] || kill "$unpacker" 2>/dev/null || :
	unpacked=0
	wait "$unpacker" || unpacked=$?
	[ "$reading" = 0 ] || return "$reading"
	[ "$unpacked" = 0 ] || die $BAD_DATA "cannot decompress the dump to its end: $(reason_in "$TMP/unpack.err")" 'choose another backup'
}

# unpack - if the schema public is spared, without the statement that creates it, which comes before all rows and functions
unpack() {
	if [ -z "$spared" ]; then
		unpack_all
		return
	fi
	rm -f "$TMP/whole"
	mkfifo "$TMP/whole"
	unpack_all >"$TMP/whole" &
	# Output that awk cut short looks complete, so its status counts. The shell opens the FIFO: without a reader the writer would hang.
	filtered=0
	LC_ALL=C awk '!found && $0 == "CREATE SCHEMA public;" { found = 1; next } { print }' <"$TMP/whole" || filtered=$?
	wait $! && [ "$filtered" = 0 ]
}

unpack_all() {
	case $COMPRESSION in
	gzip) exec gzip -dc "$ARTIFACT" ;;
	zstd) exec zstd -q -dc "$ARTIFACT" ;;
	*) exec cat "$ARTIFACT" ;;
	esac
}

# refuse_role - ends with WRONG_INPUT if the server lacks a role: rows and function bodies can name roles that nothing lists
refuse_role() {
	grep -q 'ERROR:  role ".*" does not exist' "$TMP/load.err" || return 1
	log_said error "$TMP/load.err"
	die $WRONG_INPUT "cannot load the dump: $(reason_in "$TMP/load.err")" \
		'create the role before a restore, or restore with globals: missing-roles, or with owner: none and privileges: none'
}

# refuse_load - ends with the status for the reason why the dump did not load
refuse_load() {
	why="cannot load the dump: $(reason_in "$TMP/load.err")"
	if grep -qE 'could not (extend|write|create) .*: No space left|No space left on device' "$TMP/load.err"; then
		log_said error "$TMP/load.err"
		die $NO_ROOM "$why" 'free disk space on the server: the restored database needs as much as the dumped one had'
	elif grep -qE "$PASSING|connection to server|terminating connection|could not (receive|send) data|permission denied|must be (owner|superuser|member|able)" "$TMP/load.err"; then
		fail_as "$TMP/load.err" 'cannot load the dump'
	fi
	log_said error "$TMP/load.err"
	die $BAD_DATA "$why" 'see the log: something that the dump refers to is missing, or the backup is damaged'
}

# analyze DATABASE - without statistics the first queries get bad plans. A failure is only a warning. Before 18, vacuumdb skips
# partitioned tables.
analyze() {
	PHASE=analyze
	[ "$ONLY" != schema ] || return 0
	run vacuumdb --analyze-only --quiet --no-password --jobs="$RESTORE_JOBS" --dbname="$(conninfo "$1")" 2>"$TMP/analyze.err" ||
		log warn "cannot analyze all tables: $(reason_in "$TMP/analyze.err")"
	try_query analyze "$1" <<-'SQL' || log warn "cannot analyze all tables: $(reason_in "$TMP/analyze.err")"
		select format('analyze %I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'p' and not c.relispartition \gexec
	SQL
}

# note_ready - from here on, an attempt of the same id continues with this database
note_ready() {
	query ready <<-'SQL'
		select format('comment on database %I is %L', :'fresh', :'of' || :'backup' || ': ready') \gexec
	SQL
	making=checked
	log info "$FRESH is restored and checked: $(count_of tables "$R_TABLES")"
}

# load_rows - loads rows into existing, empty tables in one transaction
#
# Rows in a dump are not ordered by foreign keys. They are consistent, so a superuser loads them with triggers disabled.
load_rows() {
	PHASE=load
	check_empty
	: >"$TMP/load.err"
	[ "$SESSION_SUPERUSER" != t ] || PGOPTIONS="$PGOPTIONS -c session_replication_role=replica"
	run pg_restore --no-password --exit-on-error --data-only --single-transaction --use-list="$TMP/list" --dbname="$(conninfo "$INTO")" \
		"$ARTIFACT" 2>"$TMP/load.err" || refuse_role || refuse_load
	analyze "$INTO"
	count_restored "$INTO"
}
