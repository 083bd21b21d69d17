import type { Postgres } from './postgres.ts';

/** A small database with things that dumps get wrong: large objects, odd names, a materialized view, row-level security. */
export const AWKWARD_SQL = String.raw`
create extension if not exists pg_trgm;
create schema "Odd ""schema"" – ß";
create table orders (id bigint generated always as identity primary key, item text not null, price numeric(12, 2),
  total numeric generated always as (price * 1.2) stored, placed timestamptz default '2026-01-01 00:00+00', tags jsonb);
insert into orders (item, price, tags) select 'item ' || n || E' ☃ \t\\ ''"', n * 1.1, jsonb_build_object('n', n) from generate_series(1, 2000) n;
create table "Odd ""schema"" – ß"."Größe; drop table" ("a b" text, "$(id)" bytea);
insert into "Odd ""schema"" – ß"."Größe; drop table" values (E'line\nbreak', '\x00ff'), (null, null), ('', '');
create table empty_one (id int);
create materialized view totals as select count(*) as n, sum(price) as sum from orders;
create view cheap as select * from orders where price < 10;
create sequence tickets start 4711;
select nextval('tickets');
alter table orders enable row level security;
create policy nobody on orders using (false);
create function twice(int) returns int language sql immutable as 'select $1 * 2';
create index on orders using gin (item gin_trgm_ops);
select lo_from_bytea(0, convert_to(repeat('large object ', 5000), 'UTF8'));
comment on table orders is 'it''s a comment – with ''quotes''';
`;

/** Everything that a restore must bring back, as text: the schema and a hash of the rows of each table. */
export async function fingerprint(server: Postgres, database: string): Promise<string> {
  const schema = await server.program(`pg_dump --schema-only -h /tmp -U postgres '${database}'`);
  const rows = await server.sql(
    String.raw`
    select format('select %L || '' '' || count(*) || '' '' || coalesce(md5(string_agg(t::text, chr(10) order by t::text)), ''-'') from (select %s from %I.%I) t;',
      oid::regclass, case relkind when 'S' then 'last_value, is_called' else '*' end, nspname, relname)
    from (select c.oid, relkind, nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace
          where relkind in ('r', 'm', 'S') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 3, 4) x \gexec
    select 'large object ' || md5(string_agg(lo_get(oid), ''::bytea order by oid)) from pg_largeobject_metadata;`,
    database,
  );
  // Since 17.6, pg_dump writes a random key around the text.
  return `${schema.replace(/^\\(un)?restrict .*$/gm, '')}\n${rows}`;
}

/** Creates files that archives get wrong in the current folder: links, holes, odd names, modes, an empty folder, a deep tree. */
export const AWKWARD_FILES = String.raw`
umask 022
mkdir -p 'empty folder' deep/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p private
echo deep >deep/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/file
echo text >plain
ln plain 'hard link'
ln -s plain 'soft link'
ln -s /nowhere/at/all dangling
truncate -s 20M sparse
printf end | dd of=sparse bs=1 seek=10000000 conv=notrunc status=none
echo odd >"$(printf 'line\nbreak')"
echo odd >'-starts with a dash'
echo odd >'*?[x] $(id) "quotes" \ back'
echo odd >'größe ☃'
echo private >private/key
chmod 600 private/key
chmod 700 private
touch -d '2001-02-03 04:05:06.789 UTC' plain
printf '#!/bin/sh\n' >program
chmod 755 program
: >zero
for n in $(seq 200); do echo "$n" >"many-$n"; done
`;

/** The listing of a tree: kind, mode, owners, size, time, link target and hash of every file. */
export const LIST_TREE = String.raw`
find . -mindepth 1 -printf '%y %m %U:%G %T@ %P -> %l\n' | sort
find . -type f -exec sha256sum {} + | sort
find . -type f -links +1 -printf 'linked %P\n' | sort
`;
