#!/bin/sh
# postgres-restore-check.sh - creates what surrounds a restored database, and checks the result. Sourced, never run.
#
# Environment: that of postgres-restore.sh. Gives: R_TABLES, R_LARGE_OBJECTS.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

R_TABLES=null R_LARGE_OBJECTS=null

# make_surroundings - creates what filtered dumps lack: extensions, and with a filter on tables schemas too
make_surroundings() {
	has_fact filters.schemas "$FACTS" || has_fact filters.tables "$FACTS" || return 0
	manifest_extensions
	: >"$TMP/schemas"
	! has_fact filters.tables "$FACTS" || awk -F '\t' '$1 == "table" && !seen[$2]++ { print $2 }' "$TMP/named" >"$TMP/schemas"
	[ -s "$TMP/schemas" ] || echo public >"$TMP/schemas"
	try_query surroundings "$FRESH" <<-SQL || log warn "cannot create the extensions and schemas that a filtered dump lacks: $(reason_in "$TMP/surroundings.err")"
		select format('create schema if not exists %I', name) from (values $(sql_texts "$TMP/schemas")) as named(name) \gexec
		select format('create extension if not exists %I schema public cascade', w.name) from (values $(sql_texts "$TMP/extensions")) as w(name, version)
		join pg_available_extensions a on a.name = w.name where a.installed_version is null \gexec
	SQL
}

# give_properties - applies settings, grants and comment of the dumped database; in place, the swap copies those of the live one
#
# A plain dump lacks them. A setting that this server does not know is only a warning.
give_properties() {
	[ "$IN_PLACE" = false ] && ! is_partial || return 0
	[ "$FORMAT" = custom ] || {
		log warn 'a plain dump has no settings and grants of the database itself: set them again where you need them'
		return 0
	}
	# Without --create, pg_restore does not even list them.
	run pg_restore --list --create "$ARTIFACT" >"$TMP/contents-with-database"
	grep -E '^[0-9]+; [0-9]+ [0-9]+ (DATABASE PROPERTIES|ACL - DATABASE) ' "$TMP/contents-with-database" >"$TMP/properties.list" || return 0
	run pg_restore --create --use-list="$TMP/properties.list" --file="$TMP/properties.dump" "$ARTIFACT"
	properties_of "$DATABASE" "$TMP/properties.dump" >"$TMP/giving-properties.sql"
	run psql --no-psqlrc --no-password --quiet --dbname="$(conninfo "$FRESH")" \
		--file="$TMP/giving-properties.sql" >/dev/null 2>"$TMP/properties.err" || :
	log_said warn "$TMP/properties.err"
}

# count_restored DATABASE - counts all tables as the dump did, and those that belong to no extension
count_restored() {
	query counts "$1" <<-'SQL'
		select count(*), count(*) filter (where not exists (select from pg_depend x where x.classid = 'pg_class'::regclass and x.objid = c.oid and x.deptype = 'e')),
		  (select count(*) from pg_largeobject_metadata)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema';
	SQL
	IFS='|' read -r R_TABLES own_tables R_LARGE_OBJECTS <"$TMP/counts"
}

# check_restored - compares with the list of the dump, which is exact, and with the counts of the manifest from before the dump:
# a difference is a warning, a complete loss is an error
check_restored() {
	PHASE=check
	count_restored "$FRESH"
	if [ "$FORMAT" = plain ]; then
		listed_tables=$(grep -c '^table	' "$TMP/named" || :)
	else
		listed_tables=$(grep -cE '^[0-9]+; 1259 [0-9]+ TABLE ' "$TMP/list" || :)
	fi
	[ "$own_tables" = "$listed_tables" ] ||
		die $BAD_DATA "the dump has $(count_of tables "$listed_tables"), the restored database $own_tables" 'the new database was removed'
	is_partial || has_fact filters "$FACTS" || compare_with_manifest
}

compare_with_manifest() {
	compare_counts tables "$R_TABLES"
	compare_counts 'large objects' "$R_LARGE_OBJECTS"
	[ -s "$TMP/extensions" ] || return 0
	query extensions-left "$FRESH" <<-SQL
		select name from (values $(sql_texts "$TMP/extensions")) as named(name, version)
		where not exists (select from pg_extension where extname = name) order by 1;
	SQL
	[ ! -s "$TMP/extensions-left" ] ||
		die $BAD_DATA "the restored database lacks extensions that the manifest names: $(listed "$TMP/extensions-left")" 'the new database was removed'
}

# compare_counts WHAT RESTORED
compare_counts() {
	case $1 in
	tables) counted=$(fact database.tables "$FACTS") ;;
	*) counted=$(fact database.largeObjects "$FACTS") ;;
	esac
	[ "$counted" != "$2" ] || return 0
	[ "$2" != 0 ] || die $BAD_DATA "the restored database has no $1, the dumped one had $counted" 'the new database was removed'
	log warn "the restored database has $2 $1, the dumped one had $counted right before the dump"
}
