-- A database with what dumps get wrong. Run by a superuser; everything belongs to other roles than the one that dumps.
create role "shop owner" createdb;
create role "other, too";
grant create on database :"DBNAME" to "shop owner", "other, too";
select format('alter database %I owner to %I', :'DBNAME', 'shop owner') \gexec
select format('alter database %I set work_mem = %L', :'DBNAME', '5MB') \gexec
select format('comment on database %I is %L', :'DBNAME', E'it''s; -- a "shop"\nof two lines') \gexec

create extension pg_trgm;
create extension hstore;
create schema "Größe; drop ""x"" – ß" authorization "shop owner";
create schema empty_schema;
revoke all on schema public from public;

set role "shop owner";
set search_path = "Größe; drop ""x"" – ß";
create type mood as enum ('süß', 'it''s', '');
create domain percent as int check (value between 0 and 100);
create function twice(n int) returns int language sql immutable as $$select n * 2 -- $$;
create table customers (
  id bigint generated always as identity primary key,
  "Näme ""quoted""" text not null,
  "$(id)" bytea,
  mood mood,
  share percent default 50,
  doubled int generated always as (twice(3)) stored,
  tags public.hstore,
  born timestamptz default '0001-01-01 00:00+00 BC');
insert into customers ("Näme ""quoted""", "$(id)", mood, tags)
  select E'line\nbreak \t \\. \\N ☃ ' || n, decode(md5(n::text), 'hex'), 'süß', public.hstore('n', n::text) from generate_series(1, 500) n;
insert into customers ("Näme ""quoted""", mood, born) values ('', '', 'infinity'), ('NULL', null, '-infinity');
create table orders (
  id serial primary key,
  customer bigint references customers on delete cascade deferrable initially deferred,
  total numeric(12, 2),
  parent int references orders);
insert into orders (customer, total, parent) select n, n * 1.1, nullif(n - 1, 0) from generate_series(1, 500) n;
select setval('orders_id_seq', 4711, false);
create sequence cycling minvalue -5 maxvalue 5 cycle;
select nextval('cycling'), nextval('cycling');
create table "line
break" ("a
b" text);
insert into "line
break" values ('-- PostgreSQL database dump complete');
create table empty_one (like customers including all);
create unlogged table forgetful (n int);
insert into forgetful values (1);
create materialized view totals as select customer, sum(total) from orders group by customer with data;
create materialized view not_yet as select 1 as one with no data;
create view cheap with (security_barrier) as select * from orders where total < 10;
create index on customers using gin ("Näme ""quoted""" public.gin_trgm_ops);
create table events (at date not null, what text, primary key (at, what)) partition by range (at);
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create table "events – rest" partition of events default;
insert into events select date '2025-12-01' + n, 'event ' || n from generate_series(1, 60) n;
create function note() returns trigger language plpgsql as $$begin new.total := coalesce(new.total, 0); return new; end$$;
create trigger note before insert or update on orders for each row execute function note();
create rule nothing as on delete to cheap do instead nothing;
create statistics s (dependencies) on customer, parent from orders;
comment on table orders is E'it''s a comment -- with ''quotes'';\nand lines';
grant select ("Näme ""quoted""") on customers to "other, too";
alter table customers enable row level security;
alter table customers force row level security;
create policy nobody on customers using (false);
reset role;

set role "other, too";
create schema secret;
create table secret."only mine" (id uuid primary key, body text);
insert into secret."only mine" select md5(n::text)::uuid, repeat('long ' || n, 2000) from generate_series(1, 50) n;
alter table secret."only mine" enable row level security;
select lo_from_bytea(0, convert_to(repeat('large object ' || n, 5000), 'UTF8')) from generate_series(1, 3) n;
reset role;
