#!/bin/sh
# postgres-swap.sh - swaps a restored database with the live one, swaps them back, or drops the kept one. Sourced, never run.
#
# Both renames are one transaction: every session sees either the old or the new database. RENAME first locks the database, so that
# new sessions wait. Then it waits five seconds for existing sessions, which a second session ends meanwhile. A session that has
# waited gets an error that the database was renamed, and finds the new one when it connects again.
#
# The same transaction copies the properties of the database itself: owner, grants, settings, limit, comment. The comment of the
# kept database is the journal:
# `backstay restore <id>: replaced <time> by <backup> in <database>`, after swap-back `… : undone <time> in <database>`.
#
# Environment: that of postgres-restore.sh. Gives: OLD, UNDO.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# How long to try to end the sessions of the live database.
SWAP_SECONDS=60
JOURNAL_OF='^backstay restore [^ ]+: (replaced [^ ]+ by [^ ]+|undone [^ ]+) in '

# swap_in - makes the restored database the live one
swap_in() {
	PHASE=swap
	check_swap
	swap before "replaced $(iso "$(now)") by $BACKUP"
	making=''
	undo_hint
	state new "$LIVE is the restored database, the previous one is kept as $OLD"
}

# check_swap - checks again right before the swap: the preflight may be hours old
check_swap() {
	query live <<-'SQL'
		select 'there' from pg_database where datname = :'live';
	SQL
	[ -s "$TMP/live" ] || die $WRONG_INPUT "there is no database $LIVE" 'set the name that the applications use'
	: >"$TMP/problems"
	check_hindrances
	refuse_problems
}

undo_hint() {
	UNDO="swap-back makes $OLD live again, drop-old deletes it"
}

# find_replaced QUERY - sets JOURNAL to finished and OLD to the kept database if a restore of this id has swapped already
find_replaced() {
	OLD=''
	"$1" replaced <<-'SQL' || return 0
		select k.datname from pg_database k, pg_database l
		where l.datname = :'live' and starts_with(shobj_description(k.oid, 'pg_database'), 'backstay restore ' || :'id' || ': replaced ')
		  and right(shobj_description(k.oid, 'pg_database'), length(' in ' || :'live')) = ' in ' || :'live'
		order by 1 desc limit 1;
	SQL
	OLD=$(cat "$TMP/replaced")
	[ -n "$OLD" ] || return 0
	JOURNAL=finished
	undo_hint
}

# swap KIND WHAT - swaps FRESH and LIVE; the old LIVE is then called <live>_<KIND>_<time>
swap() {
	state old "the swap is running: one transaction, and nothing changes until it commits"
	give_up_at=$(($(date +%s) + SWAP_SECONDS))
	while :; do
		OLD=$(fit_name "$LIVE" "_$1_$(date -u +%Y%m%d_%H%M%S)")
		prelude
		QUERY_PRELUDE=$QUERY_PRELUDE$(variable journal "backstay restore $RESTORE_ID: $2 in $LIVE")'
'
		start_evictor
		swapped=0
		exchange || swapped=$?
		stop_evictor
		[ "$swapped" != 0 ] || return 0
		look_after_swap
		[ "$swapped" != 0 ] || return 0
		log info "trying again: $(reason_in "$TMP/swap.err")"
		run sleep 1
	done
}

# look_after_swap - decides about a failed swap; a session may have been lost after the commit
look_after_swap() {
	# Checked before lost sessions, whose pattern matches any time-out.
	if grep -qE 'being accessed by other users|lock timeout|deadlock detected|already exists|concurrently' "$TMP/swap.err"; then
		[ "$(date +%s)" -ge "$give_up_at" ] || return 0
		! grep -qE 'permission denied|must be' "$TMP/evict.err" ||
			die $NOT_ALLOWED "cannot end sessions of $LIVE: $(reason_in "$TMP/evict.err")" "$ROLE_HINT; or end them yourself"
		die $BUSY "sessions of $LIVE did not end within ${SWAP_SECONDS}s: $(reason_in "$TMP/swap.err")" 'stop the applications first; nothing has changed'
	fi
	grep -qE "$PASSING|connection to server|terminating connection|server closed" "$TMP/swap.err" ||
		fail_as "$TMP/swap.err" "cannot swap $LIVE"
	log warn "the session was lost: $(reason_in "$TMP/swap.err")"
	wait_for_server
	query swapped <<-'SQL'
		select 'yes' from pg_database where datname = :'old' and shobj_description(oid, 'pg_database') = :'journal';
	SQL
	[ ! -s "$TMP/swapped" ] || swapped=0
	[ "$swapped" = 0 ] || [ "$(date +%s)" -lt "$give_up_at" ] || fail_as "$TMP/swap.err" "cannot swap $LIVE"
}

# look_after_stop - finds the result of a stopped swap: its transaction may still commit after its client ended
#
# The comment waits for the lock that the transaction holds on the new database. If that takes too long, the state stays as it is.
look_after_stop() {
	settled=0
	try_query settled <<-'SQL' || settled=$?
		select format('comment on database %I is %L', :'fresh', :'of' || :'backup' || ': ready') \gexec
	SQL
	find_replaced try_query
	if [ "$JOURNAL" = finished ]; then
		state new "$LIVE is the restored database, the previous one is kept as $OLD"
	elif [ "$settled" = 0 ]; then
		state old "$LIVE is unchanged, and $FRESH is kept for the next attempt"
	fi
}

# start_evictor - ends the sessions of both databases once the swap holds its lock and keeps new ones out
start_evictor() {
	{
		printf '%s' "$QUERY_PRELUDE"
		cat <<-'SQL'
			select pg_terminate_backend(a.pid) from pg_stat_activity a
			where a.datname in (:'live', :'fresh') and a.pid <> pg_backend_pid() and exists (
			  select from pg_locks l join pg_database d on d.oid = l.objid
			  where l.locktype = 'object' and l.classid = 'pg_database'::regclass and l.mode = 'AccessExclusiveLock' and l.granted and d.datname = :'live')
			\watch 0.2
		SQL
	} >"$TMP/evict.sql"
	psql --no-psqlrc --no-password --quiet --no-align --tuples-only --dbname="$(conninfo "$ADMIN_DATABASE")" \
		--file="$TMP/evict.sql" >/dev/null 2>"$TMP/evict.err" 9>&- &
	evictor=$!
}

# stop_evictor - safe to call again
stop_evictor() {
	[ -n "$evictor" ] || return 0
	kill "$evictor" 2>/dev/null || :
	wait "$evictor" 2>/dev/null || :
	evictor=''
}

# rehearse - copies as the swap will, and rolls back: a missing right shows before the load takes hours
rehearse() {
	copying >"$TMP/copying.sql"
	{
		echo 'begin;'
		cat "$TMP/copying.sql"
		echo 'rollback;'
	} >"$TMP/rehearsing.sql"
	try_query rehearsal <"$TMP/rehearsing.sql" && return 0
	! grep -qE 'invalid byte sequence|has no equivalent' "$TMP/rehearsal.err" || refuse_letters rehearsal
	fail_as "$TMP/rehearsal.err" "cannot copy owner, grants and settings of $LIVE to another database"
}

exchange() {
	{
		# A crash of the server must not undo a swap that the marker records as done.
		echo 'begin; set local synchronous_commit = on;'
		copying
		cat <<-'SQL'
			alter database :"live" rename to :"old";
			alter database :"fresh" rename to :"live";
			select format('comment on database %I is %L', :'old', :'journal') \gexec
			alter database :"old" with allow_connections false;
			commit;
		SQL
	} >"$TMP/exchange.sql"
	try_query swap <"$TMP/exchange.sql"
}

# copying - prints SQL that copies the properties of LIVE to FRESH and compares them
copying() {
	cat <<-'SQL'
		alter database :"fresh" with allow_connections true;
		select format('alter database %I owner to %I', :'fresh', pg_get_userbyid(datdba)) from pg_database where datname = :'live' \gexec
		select format('alter database %I connection limit %s', :'fresh', datconnlimit) from pg_database where datname = :'live' \gexec
		select format('comment on database %I is %L', :'fresh', shobj_description(oid, 'pg_database')) from pg_database where datname = :'live' \gexec

		select case s.setrole when 0 then format('alter database %I reset all', :'fresh')
		  else format('alter role %I in database %I reset all', pg_get_userbyid(s.setrole), :'fresh') end
		from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = :'fresh' \gexec
		-- Settings that are lists are stored with quotes.
		select case s.setrole when 0 then format('alter database %I', :'fresh')
		  else format('alter role %I in database %I', pg_get_userbyid(s.setrole), :'fresh') end
		  || format(' set %I to ', c.name) || case when lower(c.name) in ('local_preload_libraries', 'search_path', 'session_preload_libraries',
		    'shared_preload_libraries', 'temp_tablespaces', 'unix_socket_directories')
		  then coalesce((select string_agg(quote_literal(coalesce(replace(m.item[1], '""', '"'), m.item[2])), ', ' order by m.at)
		    from regexp_matches(c.value, '"((?:[^"]|"")*)"|([^",\s]+)', 'g') with ordinality as m(item, at)), '''''')
		  else quote_literal(c.value) end
		from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase,
		  lateral (select split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1) from unnest(s.setconfig) as entry) as c(name, value)
		where d.datname = :'live' \gexec

		select distinct format('revoke all on database %I from %s cascade', :'fresh', case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
		from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a where d.datname = :'fresh' \gexec
		-- Grants of other grantors than the owner are made as those grantors.
		select case when a.grantor <> d.datdba then format('set local role %I', pg_get_userbyid(a.grantor)) end,
		  format('grant %s on database %I to %s', a.privilege_type, :'fresh', case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
		    || case when a.is_grantable then ' with grant option' else '' end,
		  case when a.grantor <> d.datdba then 'reset role' end
		from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) with ordinality as a(grantor, grantee, privilege_type, is_grantable, at)
		where d.datname = :'live' order by a.grantor <> d.datdba, a.at \gexec

		select set_config('backstay.live', :'live', true) as live, set_config('backstay.fresh', :'fresh', true) as fresh \gset
		do $$
		declare
		  live pg_database; fresh pg_database;
		begin
		  select * into live from pg_database where datname = current_setting('backstay.live');
		  select * into fresh from pg_database where datname = current_setting('backstay.fresh');
		  if (live.datdba, live.datconnlimit) is distinct from (fresh.datdba, fresh.datconnlimit) then
		    raise 'owner or limit of the database did not become the same';
		  end if;
		  if (select array_agg((a.grantor, a.grantee, a.privilege_type, a.is_grantable)::text order by (a)::text) from aclexplode(coalesce(live.datacl, acldefault('d', live.datdba))) a)
		    is distinct from (select array_agg((a.grantor, a.grantee, a.privilege_type, a.is_grantable)::text order by (a)::text) from aclexplode(coalesce(fresh.datacl, acldefault('d', fresh.datdba))) a) then
		    raise 'the grants of the database did not become the same';
		  end if;
		  if exists ((select setrole, unnest(setconfig) from pg_db_role_setting where setdatabase = live.oid except select setrole, unnest(setconfig) from pg_db_role_setting where setdatabase = fresh.oid)
		    union all (select setrole, unnest(setconfig) from pg_db_role_setting where setdatabase = fresh.oid except select setrole, unnest(setconfig) from pg_db_role_setting where setdatabase = live.oid)) then
		    raise 'the settings of the database did not become the same';
		  end if;
		end $$;
	SQL
}

# swap_back - makes the kept database live again; the restored one is kept under another name
swap_back() {
	open_for_kept
	find_undone
	if [ -n "$OLD" ]; then
		report_kept "already done: $LIVE is the previous database again, the restored one is kept as $OLD"
	fi
	PHASE=swap
	query kept-databases <<-SQL
		select datname from (select datname, shobj_description(oid, 'pg_database') as journal from pg_database) as k
		where journal ~ '$JOURNAL_OF' and regexp_replace(journal, '$JOURNAL_OF', '') = :'live'
		  and (datname = :'kept' or (:'kept' = '' and journal ~ '^backstay restore [^ ]+: replaced '))
		order by substring(journal from ': [a-z]+ ([^ ]+)') desc, datname desc limit 1;
	SQL
	FRESH=$(cat "$TMP/kept-databases")
	[ -n "$FRESH" ] || die $WRONG_INPUT "no database${KEPT_DATABASE:+ $KEPT_DATABASE} is kept for $LIVE" 'it was dropped, or never swapped'
	kept_name=$FRESH
	prelude
	check_swap
	swap undone "undone $(iso "$(now)")"
	report_kept "$LIVE is the database that was kept as $kept_name; the restored one is kept as $OLD"
}

# open_for_kept - opens a session, and locks the live database
open_for_kept() {
	PHASE=preflight
	LIVE=$TARGET_DATABASE INTO=$TARGET_DATABASE
	prelude
	open_server
}

find_undone() {
	query undone <<-'SQL'
		select datname from (select datname, shobj_description(oid, 'pg_database') as journal from pg_database) as k
		where starts_with(journal, 'backstay restore ' || :'id' || ': undone ') and regexp_replace(journal, '^[^:]*: undone [^ ]+ in ', '') = :'live'
		order by 1 desc limit 1;
	SQL
	OLD=$(cat "$TMP/undone")
}

# report_kept TEXT - ends a swap-back
report_kept() {
	undo_hint
	state new "$1"
	printf '{"part":%s,"kind":"postgres","action":"swap-back","database":%s,"kept":%s,"seconds":%s}\n' "$(json_text "$PART")" \
		"$(json_text "$LIVE")" "$(json_text "$OLD")" "$(elapsed)" >"$TMP/result"
	report "$1" "$UNDO"
}

# drop_old - drops what is kept for the live database and has our comment; nothing else, whatever its name
drop_old() {
	open_for_kept
	PHASE=drop
	kept_where="journal ~ '$JOURNAL_OF' and regexp_replace(journal, '$JOURNAL_OF', '') = :'live' and :'kept' in ('', datname)"
	query kept-databases <<-SQL
		select datname from (select datname, shobj_description(oid, 'pg_database') as journal from pg_database) as k where $kept_where order by 1;
	SQL
	if [ ! -s "$TMP/kept-databases" ] && [ -n "$KEPT_DATABASE" ]; then
		query named <<-'SQL'
			select 'there' from pg_database where datname = :'kept';
		SQL
		[ ! -s "$TMP/named" ] || die $WRONG_INPUT "the database $KEPT_DATABASE has no backstay comment saying that it is kept for $LIVE" 'drop it by hand if you do not need it'
	fi
	query dropped <<-SQL
		select format('drop database %I with (force)', datname)
		from (select datname, shobj_description(oid, 'pg_database') as journal from pg_database) as k where $kept_where order by 1 \gexec
	SQL
	names=$(listed "$TMP/kept-databases")
	state new "dropped: ${names:-nothing}"
	printf '{"part":%s,"kind":"postgres","action":"drop-old","database":%s,"dropped":%s,"seconds":%s}\n' "$(json_text "$PART")" \
		"$(json_text "$LIVE")" "$(json_or_null "$names")" "$(elapsed)" >"$TMP/result"
	if [ -n "$names" ]; then report "dropped the databases kept for $LIVE: $names" ''; else report "nothing is kept for $LIVE" ''; fi
}
