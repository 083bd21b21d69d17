#!/bin/sh
# postgres-roles.sh - creates what a dump needs in a throw-away server: roles and tablespaces, and for a filtered dump schemas and
# extensions. So a load verifies owners and privileges too. Sourced, never run.
#
# Roles get no passwords, and tablespaces become folders of the server itself.
#
# Needs: json.sh, postgres-statements.sh, postgres-recorded.sh, postgres-load.sh, postgres-throwaway.sh; DATABASE; FACTS, ARTIFACT,
# FORMAT, globals and encoding of the script that sources it; TMP, a folder that it empties.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

# make_surroundings - runs in a session with the copy, because other names than ASCII are bytes in its encoding
make_surroundings() {
	PHASE=prepare
	: >"$TMP/named"
	if has_filters || { [ -z "$globals" ] && ! has_recorded; }; then list_names; fi
	{
		make_roles_sql
		set_encoding "$encoding"
		! has_filters || surroundings_of_part
	} >"$TMP/surroundings.in"
	sql surroundings "$DATABASE" <"$TMP/surroundings.in" && return 0
	server_answers || cannot 'create the roles of the backup' surroundings
	die $BAD_DATA "cannot create the roles that the dump needs: $(reason_in "$TMP/surroundings.err")" 'check the globals file beside the dump'
}

# make_roles_sql - prints SQL from the globals, from the lists of the manifest, or from the statements of the dump
make_roles_sql() {
	if [ -n "$globals" ]; then
		set_encoding "$encoding"
		roles_of_globals
	elif has_recorded; then
		set_encoding UTF8
		recorded_names >"$TMP/recorded"
		roles_of "$TMP/recorded"
	else
		set_encoding "$encoding"
		roles_of "$TMP/named"
	fi
}

set_encoding() {
	printf "set client_encoding = '%s';\n" "$1"
}

# has_filters - whether the dump is limited to schemas or tables: then it lacks extensions, and may lack schemas
has_filters() {
	has_fact filters.schemas "$FACTS" || has_fact filters.tables "$FACTS"
}

# list_names - writes what the dump names into TMP/named
list_names() {
	if [ "$FORMAT" = plain ]; then
		unpacking named_in "$TMP/text" >"$TMP/named" || die $FAULT 'cannot parse the dump'
		return 0
	fi
	run pg_restore --schema-only --file="$TMP/definitions.sql" "$ARTIFACT" 2>"$TMP/load.err" || refuse_load
	named_in "$TMP/definitions.sql" >"$TMP/named"
}

# roles_of_globals - prints what creates them in the globals file, with their memberships
roles_of_globals() {
	roles_made_by "$globals" >"$TMP/roles"
	awk '$0 != "postgres"' "$TMP/roles" >"$TMP/other-roles"
	making_roles "$TMP/other-roles" "$globals"
	LC_ALL=C awk 'BEGIN { whole = 1 } '"$STATEMENTS"'
		function statement() {
			if (word[1] != "create" || word[2] != "tablespace") return
			sub(/ LOCATION .*/, " LOCATION \047\047;", raw)
			print raw
		}' "$globals"
}

# roles_of FILE - prints SQL for the roles and tablespaces named there; as superusers, roles can own anything and refresh any view
roles_of() {
	awk -F '\t' '$1 ~ /^(owner|grantee|role|acts)$/ && !seen[$2]++ { print $2 }' "$1" >"$TMP/roles"
	for_each roles "select format('create role %I superuser', name)" "where name <> 'postgres' and name !~ '^pg_'"
	awk -F '\t' '$1 == "tablespace" { print $2 }' "$1" >"$TMP/tablespaces"
	for_each tablespaces "select format('create tablespace %I location %L', name, '')" "where name <> ''"
}

# surroundings_of_part - prints SQL for what a filtered dump expects to exist; which extensions it needs is unknown
surroundings_of_part() {
	if has_fact filters.tables "$FACTS"; then
		awk -F '\t' '$1 == "table" && !seen[$2]++ { print $2 }' "$TMP/named" >"$TMP/schemas"
		for_each schemas "select format('create schema if not exists %I', name)" ''
	fi
	extension_names >"$TMP/extensions"
	for_each extensions "select format('create extension if not exists %I schema public cascade', name)" \
		'where name in (select name from pg_available_extensions where installed_version is null)'
}

# for_each NAME SELECT WHERE - prints SQL that runs what it selects for every line of TMP/NAME
for_each() {
	[ -s "$TMP/$1" ] || return 0
	printf '%s from (values %s) as named(name) %s \\gexec\n' "$2" "$(sql_texts "$TMP/$1")" "$3"
}
