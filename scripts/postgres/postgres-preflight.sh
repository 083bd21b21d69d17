#!/bin/sh
# postgres-preflight.sh - finds what would fail before a dump spends hours on it. Sourced, never run.
#
# Environment: that of postgres-dump.sh. Leaves in TMP: database, facts about the database as one JSON object.
# Gives: TABLES (number of tables with data to dump).

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

preflight() {
	PHASE=preflight
	check_client
	wait_for_server
	check_server
	check_row_security
	check_readable
	look_at_database
	check_room
}

# check_row_security - pg_dump fails on such a table; a tool that does not fail omits rows
check_row_security() {
	query row-security <<-'SQL'
		select translate(format('%I.%I', n.nspname, c.relname), E'\n', ' ')
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and c.relrowsecurity and row_security_active(c.oid)
		order by 1;
	SQL
	refuse_listed row-security 'row-level security hides rows from the role:' 'alter role … bypassrls, see docs/postgres-role.sql'
}

# check_readable - checks access to everything that pg_dump reads: tables and sequences with their schemas, and large objects
check_readable() {
	query unreadable <<-'SQL'
		select translate(case c.relkind when 'S' then 'sequence ' else 'table ' end || format('%I.%I', n.nspname, c.relname), E'\n', ' ')
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p', 'S') and c.relpersistence <> 't'
		  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
		  and not (has_schema_privilege(n.oid, 'USAGE') and
		    case c.relkind when 'S' then has_sequence_privilege(c.oid, 'SELECT') else has_table_privilege(c.oid, 'SELECT') end)
		order by 1;
	SQL
	refuse_listed unreadable 'the role cannot read:' 'grant pg_read_all_data to the role, see docs/postgres-role.sql'

	query unreadable-large-objects <<-'SQL'
		select 'large object ' || l.oid
		from pg_largeobject_metadata l
		where current_setting('lo_compat_privileges')::bool is false
		  and not (select rolsuper from pg_roles where rolname = current_user)
		  and not pg_has_role(l.lomowner, 'USAGE')
		  and not exists (
		    select from aclexplode(l.lomacl) a
		    where a.privilege_type = 'SELECT' and (a.grantee = 0 or pg_has_role(a.grantee, 'USAGE')))
		order by l.oid;
	SQL
	refuse_listed unreadable-large-objects 'the role cannot read:' \
		'alter role … set lo_compat_privileges = on, as superuser, see docs/postgres-role.sql'
}

# refuse_listed NAME REASON HINT - refuses with the first five results of a query, and a count
#
# With filters it only logs: pg_dump knows what they match, and fails on the first object that it cannot read.
refuse_listed() {
	[ -s "$TMP/$1" ] || return 0
	count=$(awk 'END { print NR }' "$TMP/$1")
	first=$(awk 'NR <= 5 { printf "%s%s", (NR > 1 ? ", " : ""), $0 }' "$TMP/$1")
	[ "$count" -le 5 ] || first="$first and $((count - 5)) more"
	is_filtered || die $NOT_ALLOWED "$2 $first" "$3"
	log info "$2 $first; pg_dump decides whether the filters match them"
}

# look_at_database - collects facts for the manifest. Columns that some majors lack are read through JSON.
look_at_database() {
	query database <<-'SQL'
		select json_build_object(
		  'name', d.datname,
		  'owner', pg_get_userbyid(d.datdba),
		  'encoding', pg_encoding_to_char(d.encoding),
		  'collation', d.datcollate,
		  'ctype', d.datctype,
		  'localeProvider', case coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end,
		  'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
		  'collationVersion', to_jsonb(d) ->> 'datcollversion',
		  'bytes', pg_database_size(d.oid),
		  'tables', (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		    where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
		  'largeObjects', (select count(*) from pg_largeobject_metadata),
		  'extensions', (select coalesce(json_agg(json_build_object('name', extname, 'version', extversion) order by extname), '[]')
		    from pg_extension))
		from pg_database d where d.datname = current_database();
	SQL
	# Rows of an extension's table are dumped only if the extension declares it.
	query tables <<-'SQL'
		select count(*), coalesce(sum(pg_table_size(c.oid)), 0) + pg_table_size('pg_largeobject')
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
		  and not exists (select from pg_depend x where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e'
		    and not exists (select from pg_extension e where e.oid = x.refobjid and c.oid = any(e.extconfig)));
	SQL
	IFS='|' read -r TABLES data_bytes <"$TMP/tables"
	[ "$TABLES" != 0 ] || log warn "database $DATABASE has no tables: check database: in the values"
}

# check_room - the size of a dump is unknown in advance: refuses only hopeless cases, and logs the rest
#
# Tables rarely compress to less than a tenth, and their text is rarely less than a quarter of their size. With filters there is no
# estimate. The dump cannot outgrow the space in any case, see limited.
check_room() {
	room=$(free_bytes)
	! is_filtered || return 0
	least=$((data_bytes / 10))
	[ "$COMPRESSION" != none ] || least=$((data_bytes / 4))
	[ "$room" -ge "$least" ] ||
		refuse_room "$room" "$least" "the tables have $(human "$data_bytes"), the dump at least $(human "$least"), but $(human "$room") of scratch space is free" 'give the run more scratch space: pod.scratch.size'
	[ "$room" -ge "$data_bytes" ] || log info "the tables have $(human "$data_bytes"), and $(human "$room") of scratch space is free"
}
