#!/bin/sh
# postgres-needs.sh - records the roles and tablespaces that a restore of the dump needs. Sourced by postgres-dump.sh, never run.
#
# They come from the catalog, because it knows them exactly. pg_shdepend alone is not enough: it has no entry for the bootstrap
# superuser, whose name differs between servers, and does not tell a grantee from a grantor. So the query reads what pg_dump
# reads: owners, and each ACL against the one that the object had from initdb, its extension or by default.
#
# The lists describe the whole database, also where filters limit the dump: only pg_dump can tell what its patterns match.
#
# Environment: that of postgres-dump.sh. Leaves in TMP: needs, members of a JSON object, empty where a name cannot be written in UTF-8.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# note_needs - right before the dump: hours may have passed since the preflight
#
# Names are bytes of whichever database they were given in, so another one may be unable to read them. The backup does not depend
# on the lists: a restore then reads the names from the dump.
note_needs() {
	PHASE=take
	needs_query >"$TMP/needs.in"
	try_query needs <"$TMP/needs.in" && return 0
	grep -qE 'invalid byte sequence|has no equivalent' "$TMP/needs.err" || fail_as "$TMP/needs.err" 'cannot list the roles of the database'
	log warn "the manifest does not list roles and tablespaces: a name is not valid in the encoding of database $DATABASE"
	: >"$TMP/needs"
}

# needs_query - its one row is `"roles":{...},"tablespaces":[...]`
#
# owners     of what pg_dump dumps: no system objects (their oids are below 16384), no members of extensions, nothing
#            that comes with another object, such as the type of a table
# grantees   who has, or has lost, a privilege, also if the role was dropped; whose default privileges were altered
# grantors   who granted a privilege without being the owner
# others     of policies and user mappings, but for those on tables and servers of extensions
# database   in grants and settings of the database itself: a restore gives them where it can, and does not need these roles
#
# Left out: the tablespace of the database, because a restore does not create the database there; subscriptions, which it omits.
needs_query() {
	cat <<-'SQL'
		with
		  thing(class, id, namespace, owner, acl, kind) as (
		    select 'pg_class'::regclass::oid, oid, relnamespace, relowner, relacl, case relkind when 'S' then 's' else 'r' end from pg_class where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
		    union all select 'pg_type'::regclass, oid, typnamespace, typowner, typacl, 'T' from pg_type t
		      -- Not the types of rows, arrays and multiranges: they come with another object, and pg_dump dumps no grants on them.
		      where typtype <> 'm' and not exists (select from pg_class c where c.oid = typrelid and relkind <> 'c')
		        and not exists (select from pg_type e where e.oid = t.typelem and e.typarray = t.oid)
		    union all select 'pg_proc'::regclass, oid, pronamespace, proowner, proacl, 'f' from pg_proc
		    union all select 'pg_namespace'::regclass, oid, oid, nspowner, nspacl, 'n' from pg_namespace
		    union all select 'pg_language'::regclass, oid, null, lanowner, lanacl, 'l' from pg_language where lanispl
		    union all select 'pg_foreign_data_wrapper'::regclass, oid, null, fdwowner, fdwacl, 'F' from pg_foreign_data_wrapper
		    union all select 'pg_foreign_server'::regclass, oid, null, srvowner, srvacl, 'S' from pg_foreign_server
		    union all select 'pg_largeobject'::regclass, oid, null, lomowner, lomacl, 'L' from pg_largeobject_metadata
		    union all select 'pg_operator'::regclass, oid, oprnamespace, oprowner, null, null from pg_operator
		    union all select 'pg_opclass'::regclass, oid, opcnamespace, opcowner, null, null from pg_opclass
		    union all select 'pg_opfamily'::regclass, oid, opfnamespace, opfowner, null, null from pg_opfamily
		    union all select 'pg_collation'::regclass, oid, collnamespace, collowner, null, null from pg_collation
		    union all select 'pg_conversion'::regclass, oid, connamespace, conowner, null, null from pg_conversion
		    union all select 'pg_ts_dict'::regclass, oid, dictnamespace, dictowner, null, null from pg_ts_dict
		    union all select 'pg_ts_config'::regclass, oid, cfgnamespace, cfgowner, null, null from pg_ts_config
		    union all select 'pg_statistic_ext'::regclass, oid, stxnamespace, stxowner, null, null from pg_statistic_ext
		    union all select 'pg_event_trigger'::regclass, oid, null, evtowner, null, null from pg_event_trigger
		    union all select 'pg_publication'::regclass, oid, null, pubowner, null, null from pg_publication),
		  -- pg_dump dumps nothing of the schemas of the system, but for changed grants in pg_catalog.
		  kept as (
		    select t.*, nspname, coalesce(nspname = 'pg_catalog', false) as system,
		      -- Before 15, grants on the schema public count from those of initdb, and its owner is not dumped.
		      coalesce(nspname = 'public' and class = 'pg_namespace'::regclass, false) as public, current_setting('server_version_num')::int >= 150000 as modern,
		      -- Only with objsubid 0: the key columns of a partitioned table depend internally on the table itself.
		      exists (select from pg_depend d where d.classid = class and d.objid = t.id and d.objsubid = 0 and d.deptype = 'e') as member,
		      exists (select from pg_depend d where d.classid = class and d.objid = t.id and d.objsubid = 0 and d.deptype = 'i') as internal
		    from thing t left join pg_namespace n on n.oid = namespace
		    where nspname is null or nspname = 'pg_catalog' or (nspname !~ '^pg_' and nspname <> 'information_schema')),
		  owner(id) as (
		    select owner from kept
		    where not system and not member and not internal
		      and case when public then modern and owner <> 'pg_database_owner'::regrole else id >= 16384 or class = 'pg_largeobject'::regclass end),
		  granted(owner, acl, base) as (
		    select owner, coalesce(k.acl, acldefault(kind::"char", owner)),
		      coalesce(case when not (public and modern) then i.initprivs end, acldefault(kind::"char", owner))
		    from kept k left join pg_init_privs i on i.classoid = class and i.objoid = id and i.objsubid = 0
		    -- Before 15, pg_dump does not dump grants on the sequence of an identity column.
		    where kind is not null and (k.acl is not null or i.initprivs is not null) and (modern or kind <> 's' or not internal)
		    union all
		    select owner, attacl, i.initprivs
		    from kept k join pg_attribute a on class = 'pg_class'::regclass and attrelid = id and not attisdropped
		      left join pg_init_privs i on i.classoid = class and i.objoid = id and i.objsubid = attnum
		    where attacl is not null or i.initprivs is not null
		    union all
		    select defaclrole, defaclacl, case defaclnamespace when 0 then acldefault(case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole) end
		    from pg_default_acl),
		  added as (
		    select owner, a.grantor, a.grantee from granted,
		      lateral (select * from aclexplode(acl) except select * from aclexplode(base)) a),
		  role(kind, id) as (
		    select 'owners', id from owner
		    union select 'grantees', grantee from added
		    union select 'grantees', r.grantee from granted, lateral (select * from aclexplode(base) except select * from aclexplode(acl)) r
		    union select 'grantees', defaclrole from pg_default_acl
		    union select 'grantors', grantor from added where grantor <> owner
		    union select 'others', unnest(polroles) from pg_policy join kept on class = 'pg_class'::regclass and id = polrelid where not system and not member
		    union select 'others', umuser from pg_user_mappings join kept on class = 'pg_foreign_server'::regclass and id = srvid where not member
		    union select 'database', unnest(array[grantee, grantor]) from pg_database, aclexplode(datacl) where datname = current_database()
		    union select 'database', setrole from pg_db_role_setting join pg_database d on d.oid = setdatabase where datname = current_database()),
		  names(kind, list) as (
		    select k.kind, to_json(array(
		      select name from role left join pg_roles r on r.oid = role.id,
		        -- A dropped role can remain in pg_init_privs. pg_dump then writes its oid as its name. The oid 0 means PUBLIC.
		        lateral (select coalesce(rolname::text, case when role.kind in ('grantees', 'grantors') and role.id <> 0 then role.id::text end)) named(name)
		      where role.kind = k.kind and name is not null order by name collate "C"))
		    from unnest('{owners,grantees,grantors,others,database}'::text[]) k(kind)),
		  tablespaces(list) as (
		    select to_json(array(select distinct spcname::text collate "C" from pg_class c join pg_tablespace t on t.oid = reltablespace left join pg_index i on indexrelid = c.oid
		        -- An index is dumped with its table.
		        join kept on class = 'pg_class'::regclass and id = coalesce(indrelid, c.oid)
		      where not system and not member and spcname !~ '^pg_' order by 1))),
		  text(line) as (
		    select format('"roles":{%s},"tablespaces":%s', (select string_agg(format('"%s":%s', kind, list), ',') from names), (select list from tablespaces)))
		-- An SQL_ASCII database knows no letters: what it holds must happen to be UTF-8.
		select case getdatabaseencoding() when 'SQL_ASCII' then convert_from(convert_to(line, 'SQL_ASCII'), 'UTF8') else line end from text;
	SQL
}
