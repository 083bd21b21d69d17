#!/bin/sh
# postgres-choose.sh - chooses the entries of an archive to restore, and the tables that get rows. Sourced, never run.
#
# It asks pg_restore which entries belong to a schema or a table, because the names in its list are not quoted and so ambiguous.
#
# Environment: ONLY, INCLUDE_SCHEMAS, INCLUDE_TABLES. Reads TMP/contents, the whole list; writes TMP/list, the chosen entries.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

choose_entries() {
	: >"$TMP/in-schemas"
	: >"$TMP/in-tables"
	choose_schemas
	choose_tables
	awk -v schemas="${INCLUDE_SCHEMAS:+$TMP/in-schemas}" -v tables="${INCLUDE_TABLES:+$TMP/in-tables}" -v superuser="$SUPERUSER" -v major="$SERVER_MAJOR" '
		function ids(file, set, line, part) {
			while ((getline line < file) > 0) { split(line, part, ";"); set[part[1]] }
		}
		BEGIN {
			if (schemas) ids(schemas, chosen)
			if (tables) ids(tables, filled)
		}
		!/^[0-9]+;/ { next }
		{
			id = $1
			sub(/;$/, "", id)
			text = $0
			sub(/^[0-9]+; [0-9]+ [0-9]+ /, "", text)
		}
		# Create all schemas, the others empty: they may contain extensions.
		schemas && !(id in chosen) && text !~ /^(SCHEMA|EXTENSION|(ACL|COMMENT) - (SCHEMA|EXTENSION)) / { next }
		# Skip what needs rows that are not restored.
		tables && text ~ /^TABLE DATA / && !(id in filled) { next }
		tables && text ~ /^FK CONSTRAINT / { foreign[$6 " " $8 " " $7]; next }
		tables && text ~ /^COMMENT [^ ]+ CONSTRAINT [^ ]+ ON / && ($5 " " $7 " " $9) in foreign { next }
		tables && text ~ /^(MATERIALIZED VIEW DATA|BLOB|BLOBS|BLOB METADATA|(ACL|COMMENT|SECURITY LABEL) - LARGE OBJECTS?) / { next }
		# CREATE EXTENSION and initdb have set these already, and only the owner can.
		superuser != "t" && text ~ /^COMMENT - EXTENSION / { next }
		superuser != "t" && major < 15 && text ~ /^COMMENT - SCHEMA public / { next }
		{ print }
	' "$TMP/contents" >"$TMP/list"
	[ -z "$INCLUDE_TABLES" ] || log info "restoring rows of the listed tables only, without foreign keys, large objects and rows of materialized views"
}

# entries OPTION... - lists the entries that pg_restore selects
entries() {
	run pg_restore --list "$@" "$ARTIFACT" >"$TMP/entries" || die $BAD_DATA 'cannot list the dump' 'choose another backup'
}

choose_schemas() {
	while IFS= read -r schema; do
		[ -n "$schema" ] || continue
		entries --schema="$(unquoted "$schema")" </dev/null
		grep -E '^[0-9]+;' "$TMP/entries" >>"$TMP/in-schemas" ||
			problem $WRONG_INPUT "the dump has no schema $schema, or nothing is in it" 'write names as in SQL: quote those with capitals or blanks'
	done <<-LINES
		$INCLUDE_SCHEMAS
	LINES
}

choose_tables() {
	while IFS= read -r table; do
		[ -n "$table" ] || continue
		table_entries "$table" </dev/null
		grep -E '^[0-9]+; [0-9]+ [0-9]+ TABLE DATA ' "$TMP/entries" >>"$TMP/in-tables" && continue
		grep -qE '^[0-9]+; 1259 [0-9]+ TABLE ' "$TMP/entries" &&
			problem $WRONG_INPUT "the table $table has no rows of its own in the dump" 'for a partitioned table, list its partitions' && continue
		problem $WRONG_INPUT "the dump has no table $table" 'write names as in SQL: quote those with capitals or blanks'
	done <<-LINES
		$INCLUDE_TABLES
	LINES
}

# table_entries NAME - name with or without a schema
table_entries() {
	first=$(part_of "$1" 1)
	second=$(part_of "$1" 2)
	if [ -n "$second" ]; then
		entries --schema="$first" --table="$second"
	else
		entries --table="$first"
	fi
}

# unquoted NAME - one SQL name as the catalog has it
unquoted() {
	part_of "$1" 1
}

# part_of NAME NUMBER - of `schema.table`, each quoted or not
part_of() {
	printf '%s\n' "$1" | LC_ALL=C awk -v wanted="$2" '{
		for (number = 1; $0 != ""; number++) {
			name = ""
			if (substr($0, 1, 1) == "\"") {
				for ($0 = substr($0, 2); match($0, /"/); $0 = substr($0, RSTART + 2)) {
					name = name substr($0, 1, RSTART - 1)
					if (substr($0, RSTART + 1, 1) != "\"") { $0 = substr($0, RSTART + 1); break }
					name = name "\""
				}
			} else {
				match($0 ".", /[.]/)
				name = tolower(substr($0, 1, RSTART - 1))
				$0 = substr($0, RSTART)
			}
			if (number == wanted) { print name; exit }
			sub(/^[.]/, "")
		}
	}'
}

# check_empty - refuses missing tables, and tables with rows
check_empty() {
	awk '
		!/^[0-9]+;/ { next }
		NR == FNR { if ($4 == "TABLE" && $5 == "DATA") filled[$3]; next }
		$2 == 1259 && $4 == "TABLE" && $3 in filled { print }
	' "$TMP/list" "$TMP/contents" >"$TMP/filled.list"
	run pg_restore --use-list="$TMP/filled.list" --file="$TMP/filled.sql" "$ARTIFACT"
	named_in "$TMP/filled.sql" >"$TMP/filled"
	awk -F '\t' -v OFS='\t' '$1 == "table" { print $2, $3 }' "$TMP/filled" >"$TMP/filled-tables"
	[ -s "$TMP/filled-tables" ] || die $WRONG_INPUT 'the dump has no rows to restore' 'choose another backup, or other tables'
	query missing-tables "$INTO" <<-SQL
		select format('%I.%I', schema, name) from (values $(sql_texts "$TMP/filled-tables")) as named(schema, name)
		where to_regclass(format('%I.%I', schema, name)) is null order by 1;
	SQL
	[ ! -s "$TMP/missing-tables" ] ||
		die $WRONG_INPUT "$INTO lacks tables that the dump has rows for: $(listed "$TMP/missing-tables")" 'restore with only: schema first, or restore everything beside'
	query full-tables "$INTO" <<-SQL
		select format('select %L from (select from %I.%I limit 1) as row', format('%I.%I', schema, name), schema, name)
		from (values $(sql_texts "$TMP/filled-tables")) as named(schema, name) \gexec
	SQL
	[ ! -s "$TMP/full-tables" ] ||
		die $WRONG_INPUT "tables of $INTO are not empty: $(listed "$TMP/full-tables")" 'empty them first, or restore beside'
}
