-- A role that can make databases, give them to the roles of the applications, and rename them: what backstay needs to
-- restore. It is no superuser, but it can act as every role that owns something here. Keep its Secret apart from the
-- backup's, or make the role only when it is needed.
--
--   psql --file=docs/postgres-restore-role.sql postgres://postgres@shop-db.shop/postgres
--   then, in psql:  \password backstay_restore
--
-- Run it once per server as a superuser, and again when an application gets a new owner; again does no harm. The name is
-- yours: --set=role=another. --set=database=shop looks for owners in that database only.

\set ON_ERROR_STOP on
\if :{?role}
\else
\set role backstay_restore
\endif
\if :{?database}
\else
\set database ''
\endif

select format('create role %I', :'role')
where not exists (select from pg_catalog.pg_roles where rolname = :'role')
\gexec

-- CREATEDB: the copy is a new database, and only who may make databases may rename one.
alter role :"role" with login nosuperuser createdb nocreaterole noreplication nobypassrls;

-- A database is renamed when nobody is in it: sessions of the applications are ended. Those of superusers are not.
grant pg_signal_backend to :"role";

-- Who gives a table to its owner must be a member of that owner.
select format('grant %I to %I', r.rolname, :'role')
from pg_catalog.pg_roles r
where not r.rolsuper and r.rolname !~ '^pg_' and r.rolname <> :'role' and exists (
  select from pg_catalog.pg_shdepend s
  where s.deptype = 'o' and s.refclassid = 'pg_catalog.pg_authid'::regclass and s.refobjid = r.oid
    and (:'database' = '' or exists (
      select from pg_catalog.pg_database d where d.datname = :'database'
        and (d.oid = s.dbid or (s.classid = 'pg_catalog.pg_database'::regclass and d.oid = s.objid)))))
order by 1
\gexec

-- What takes more than this role, and is refused by name before anything begins: extensions that only a superuser may
-- create, settings of one role in one database (alter role … in database …), a database that a superuser owns, and roles
-- that are missing (globals: missing-roles). Restore those with a superuser's Secret.
