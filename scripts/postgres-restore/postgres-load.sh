#!/bin/sh
# postgres-load.sh - loads a dump into a database of its own, and checks what came of it. Sourced, never run.
#
# The comment of the new database is its journal: `backstay restore <id> of <backup>: loading`, then `…: ready`. An attempt
# drops only what carries the comment of its own id, or what CREATE DATABASE left before there was a comment: a database
# that lets nobody in, with a connection limit made of the id.
#
# Environment: that of postgres-restore.sh. Gives: JOURNAL.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

unpacker='' spared=''

# prelude - what every query may name, as variables of psql
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

# variable NAME TEXT - the line that sets it
variable() {
	printf "\\\\set %s '" "$1"
	printf '%s' "$2" | awk '{ gsub(/[\\\047]/, "\\\\&"); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }'
	printf "'\n"
}

# look_at_journal - what an attempt of the same id has left: JOURNAL is absent, ours, ready, foreign or finished
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
	# A copy beside that was finished may be in use already: another backup, which is the newest by now, is no reason to make it anew.
	read -r JOURNAL made_of <"$TMP/journal" || :
	[ -z "$made_of" ] || BACKUP=$made_of
	: "${JOURNAL:=absent}"
	[ "$JOURNAL" != ready ] || log info "$FRESH was restored and checked by an attempt before this one"
}

# drop_fresh - what an attempt before this one has begun
drop_fresh() {
	[ "$JOURNAL" = ours ] || return 0
	log info "removing $FRESH, which an attempt before this one did not finish"
	drop_own || fail_as "$TMP/drop.err" "cannot remove $FRESH"
}

# drop_own - the new database, with whoever is in it; nothing that is not ours
drop_own() {
	try_query drop <<-'SQL'
		select format('drop database %I with (force)', datname)
		from (select coalesce(shobj_description(oid, 'pg_database'), '') as journal, * from pg_database where datname = :'fresh') as fresh
		where left(journal, length(:'of')) = :'of' or (journal = '' and not datallowconn and datconnlimit = :mark)
		\gexec
	SQL
}

# make_fresh - the new database, as the dumped one was: what a locale means decides how it sorts and compares
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
	grep -qE 'locale|collation|encoding|LC_' "$TMP/create.err" || fail_as "$TMP/create.err" "cannot make the database $FRESH"
	die $WRONG_INPUT "the server cannot make a database like the dumped one: $(reason_in "$TMP/create.err")" \
		"the backup has encoding $(fact database.encoding "$FACTS"), locale $(fact database.collation "$FACTS"): the image of the server must have it"
}

# restoring OPTION... - pg_restore, as OWNER and PRIVILEGES ask for
#
# A subscription would be made disabled, hold back DROP DATABASE, and take the publisher's slot with it when it is dropped.
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

# spare_public - a dump that was asked for the schema public makes it, but a new database has it, with the rights that the
# dump takes for given: it is not made, and only becomes its owner's
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

# load - the dump into the new database; it stops at the first error
load() {
	PHASE=load
	load_status=0
	spare_public
	if [ "$FORMAT" = plain ]; then
		load_plain || load_status=$?
	else
		restoring --jobs="$RESTORE_JOBS" --use-list="$TMP/list" --dbname="$(conninfo "$FRESH")" "$ARTIFACT" 2>"$TMP/load.err" || load_status=$?
	fi
	[ "$load_status" = 0 ] || refuse_load
	log_said warn "$TMP/load.err"
}

# load_plain - psql in one transaction; one that is older than \restrict is not shown it
load_plain() {
	unpacking psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --single-transaction \
		--dbname="$(conninfo "$FRESH")" --file="$TMP/text" >/dev/null 2>"$TMP/load.err"
}

# unpacking COMMAND... - runs it while the text of a plain dump comes through the FIFO TMP/text, which needs no room
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
	[ "$unpacked" = 0 ] || die $BAD_DATA "the dump cannot be unpacked to its end: $(reason_in "$TMP/unpack.err")" 'choose another backup'
}

# unpack - where it is spared, without the statement that makes the schema public, which comes before all rows and functions
unpack() {
	if [ -z "$spared" ]; then
		unpack_all
		return
	fi
	rm -f "$TMP/whole"
	mkfifo "$TMP/whole"
	unpack_all >"$TMP/whole" &
	# A text that awk cut off ends like a whole one. The shell opens the FIFO: without a reader the unpacker would wait for ever.
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

# refuse_load - what kept it from being loaded, as our statuses have it
refuse_load() {
	why="the dump could not be loaded: $(reason_in "$TMP/load.err")"
	if grep -qE 'could not (extend|write|create) .*: No space left|No space left on device' "$TMP/load.err"; then
		log_said error "$TMP/load.err"
		die $NO_ROOM "$why" 'the disk of the server is full: the restored database needs as much room as the dumped one had'
	elif grep -qE "$PASSING|connection to server|terminating connection|could not (receive|send) data|permission denied|must be (owner|superuser|member|able)" "$TMP/load.err"; then
		fail_as "$TMP/load.err" 'the dump could not be loaded'
	fi
	log_said error "$TMP/load.err"
	die $BAD_DATA "$why" 'what it refers to is missing, or the backup is not good; the log names it'
}

# analyze DATABASE - without it, the first queries take plans that were made of nothing. A failure is no reason to lose what
# was restored. Partitioned tables are not vacuumdb's before 18.
analyze() {
	PHASE=analyze
	[ "$ONLY" != schema ] || return 0
	run vacuumdb --analyze-only --quiet --no-password --jobs="$RESTORE_JOBS" --dbname="$(conninfo "$1")" 2>"$TMP/analyze.err" ||
		log warn "not all tables could be analyzed: $(reason_in "$TMP/analyze.err")"
	try_query analyze "$1" <<-'SQL' || log warn "not all tables could be analyzed: $(reason_in "$TMP/analyze.err")"
		select format('analyze %I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'p' and not c.relispartition \gexec
	SQL
}

# note_ready - from here on, an attempt of the same id goes on from this database
note_ready() {
	query ready <<-'SQL'
		select format('comment on database %I is %L', :'fresh', :'of' || :'backup' || ': ready') \gexec
	SQL
	making=checked
	log info "$FRESH is restored and checked: $(count_of tables "$R_TABLES")"
}

# load_rows - into tables that are there and empty, in one transaction
#
# The rows of a dump are in no order of foreign keys. They agree with each other, so a superuser has no trigger look at them.
load_rows() {
	PHASE=load
	check_empty
	: >"$TMP/load.err"
	[ "$SESSION_SUPERUSER" != t ] || PGOPTIONS="$PGOPTIONS -c session_replication_role=replica"
	run pg_restore --no-password --exit-on-error --data-only --single-transaction --use-list="$TMP/list" --dbname="$(conninfo "$INTO")" \
		"$ARTIFACT" 2>"$TMP/load.err" || refuse_load
	analyze "$INTO"
	count_restored "$INTO"
}
