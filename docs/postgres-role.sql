-- A role that can read everything and change nothing: all that backstay needs to dump a database.
--
--   psql --file=docs/postgres-role.sql postgres://postgres@shop-db.shop/postgres
--   then, in psql:  \password backstay
--
-- Run it once per server as a superuser; running it again does no harm. The name is yours: --set=role=another.
-- The password set with \password crosses the network as a hash, and stands in no history.

\set ON_ERROR_STOP on
\if :{?role}
\else
\set role backstay
\endif

select format('create role %I', :'role')
where not exists (select from pg_catalog.pg_roles where rolname = :'role')
\gexec

-- BYPASSRLS: pg_dump fails on a table with row-level security otherwise, because it would leave out rows.
alter role :"role" with login nosuperuser nocreatedb nocreaterole noreplication bypassrls;

-- All tables, views and sequences of all schemas, also those that come later; since PostgreSQL 14.
grant pg_read_all_data to :"role";

-- pg_read_all_data has no large objects: without this, each would need a grant of its own owner.
alter role :"role" set lo_compat_privileges = on;

-- Where CONNECT was revoked from PUBLIC, grant it for each database to dump, and for the one that holds the
-- throttle's advisory locks (throttleDatabase, by default postgres):
--
--   grant connect on database shop to backstay;
--
-- A managed service may not let you give BYPASSRLS or set lo_compat_privileges. Without the first, a database must have
-- no table with row-level security; without the second, no large object that the role does not own. The preflight says
-- which ones stand in the way. Where roles cannot be read, set `globals: none`.
