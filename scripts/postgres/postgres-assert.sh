#!/bin/sh
# postgres-assert.sh - checks the assertions about a restored database. Sourced, never run.
#
# The script runs all checks and reports every failure before it ends: a full list is faster to fix than one failure a week.
#
# Needs: sql and server_answers of postgres-throwaway.sh, fact of json.sh; DATABASE, ASSERT_*, AMCHECK and RESTORE_JOBS of the script that
# sources it; FACTS, a flattened part of a manifest; TMP, a folder that it empties.
# Leaves in TMP: failures and notes, one per line; checks, members of one JSON object.

# Statuses are numbers of common.sh; the files of sql are read where they are written.
# shellcheck disable=SC2034,SC2086,SC2154

# Time limit for one query of the user.
QUERY_SECONDS=300
asserted=0

# check_assertions - validates the settings before anything is restored
check_assertions() {
	: "${ASSERT_TABLES:=}" "${ASSERT_ROWS:=}" "${ASSERT_FRESH:=}"
	need_number ASSERT_QUERY_COUNT
	while IFS=' ' read -r number table; do
		case "$number" in
		'') continue ;;
		*[!0-9]*) die $WRONG_INPUT "lines of ASSERT_ROWS and ASSERT_FRESH must begin with a whole number, got '$number'" 'docs/environment.md lists every variable and its unit' ;;
		esac
		[ -n "$table" ] || die $WRONG_INPUT "expected a table after the number '$number'" 'docs/environment.md lists every variable and its unit'
	done <<-LINES
		$ASSERT_ROWS
		$ASSERT_FRESH
	LINES
}

# assert_all - runs every check, and fails if any of them failed
assert_all() {
	PHASE=assert
	for list in failures notes checks; do : >"$TMP/$list"; done
	count_objects
	note_unfinished
	assert_tables
	assert_rows
	assert_fresh
	assert_queries
	check_indexes
	printf ',"assertions":%s' "$asserted" >>"$TMP/checks"
	[ ! -s "$TMP/failures" ] || refuse_backup
}

# refuse_backup - reports the first failure and the number of the others
refuse_backup() {
	failures=$(awk 'END { print NR }' "$TMP/failures")
	first=$(head -n 1 "$TMP/failures")
	[ "$failures" = 1 ] || first="$first, and $((failures - 1)) more"
	die $BAD_DATA "$first" 'see the log for every failed check; the backup itself was restored without errors'
}

# failed TEXT - records a failed check, on one line and cut to a readable length
failed() {
	server_answers || lost_server "$1"
	short "$1" 300 >>"$TMP/failures"
	log error "$(tail -n 1 "$TMP/failures")"
}

# noted TEXT - records what is not a failure but worth knowing
noted() {
	short "$1" 300 >>"$TMP/notes"
	log warn "$(tail -n 1 "$TMP/notes")"
}

# short TEXT BYTES - on one line
short() {
	printf '%s' "$1" | LC_ALL=C awk -v most="$2" '
		{ text = text (NR > 1 ? " " : "") $0 }
		END {
			if (length(text) > most) {
				text = substr(text, 1, most)
				sub(/[\300-\377][\200-\277]*$/, "", text)
				text = text "..."
			}
			print text
		}'
}

# count_objects - compares with the counts that the server had before the dump
#
# For a filtered dump there is nothing to compare with.
count_objects() {
	sql counts "$DATABASE" <<-'SQL' || cannot 'count what was restored' counts
		select (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
		    where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
		  (select count(*) from pg_largeobject_metadata),
		  (select count(*) from pg_extension);
	SQL
	IFS='|' read -r tables large_objects extensions <"$TMP/counts"
	printf '"tables":%s,"largeObjects":%s,"extensions":%s' "$tables" "$large_objects" "$extensions" >>"$TMP/checks"
	log info "restored: $tables tables, $large_objects large objects, $extensions extensions"
	! is_filtered || return 0
	compare_count tables "$tables" "$(fact database.tables "$FACTS")"
	compare_count 'large objects' "$large_objects" "$(fact database.largeObjects "$FACTS")"
	compare_extensions
}

# compare_count WHAT RESTORED COUNTED - the count was taken shortly before the dump: up to a tenth may have been dropped since, or more created
compare_count() {
	if [ $((($3 - $2) * 10)) -gt "$3" ]; then
		failed "the backup has $2 of $3 $1"
	elif [ "$2" != "$3" ]; then
		noted "$2 $1 were restored, $3 were counted before the dump"
	fi
}

compare_extensions() {
	sql extensions "$DATABASE" <<-'SQL' || failed "cannot list the extensions: $(reason_in "$TMP/extensions.err")"
		select extname || '|' || extversion from pg_extension;
	SQL
	fact_rows database.extensions "$FACTS" name version >"$TMP/dumped-extensions"
	while IFS='	' read -r extension version; do
		restored=$(awk -F '|' -v name="$extension" '$1 == name { print $2 }' "$TMP/extensions")
		if [ -z "$restored" ]; then
			failed "the extension $extension was not restored"
		elif [ "$restored" != "$version" ]; then
			noted "the extension $extension has version $restored here and had $version in the dumped database"
		fi
	done <"$TMP/dumped-extensions"
}

# note_unfinished - invalid or unfinished objects: they were so in the dumped database, so the backup is not at fault
note_unfinished() {
	sql unfinished "$DATABASE" <<-'SQL' || failed "cannot look at indexes and constraints: $(reason_in "$TMP/unfinished.err")"
		select translate(text, E'\n', ' ') from (
		  select format('the index %I.%I is not valid', n.nspname, c.relname) as text
		  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
		  where not (i.indisvalid and i.indisready and i.indislive)
		  union all
		  select format('the materialized view %I.%I has no data', n.nspname, c.relname)
		  from pg_class c join pg_namespace n on n.oid = c.relnamespace
		  where c.relkind = 'm' and not c.relispopulated
		  union all
		  select format('the constraint %I of %s is not validated', k.conname, coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text))
		  from pg_constraint k
		  where not k.convalidated) x
		order by 1;
	SQL
	while IFS= read -r line; do noted "$line"; done <"$TMP/unfinished"
}

# find_table TABLE - puts its quoted name into $relation; a missing table leaves it empty and is a failure
#
# Accepts schema.table verbatim or as SQL reads it: "public.Order", 'public."Order"' and PUBLIC.order.
find_table() {
	relation=''
	asserted=$((asserted + 1))
	sql table "$DATABASE" --set=table="$1" <<-'SQL' || {
		select format('%I.%I', n.nspname, c.relname)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.oid = coalesce(
		  (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
		    where n.nspname || '.' || c.relname = :'table' and c.relkind in ('r', 'p', 'v', 'm', 'f') limit 1),
		  to_regclass(:'table'));
	SQL
		failed "there is no table $1: $(reason_in "$TMP/table.err")"
		return 0
	}
	relation=$(cat "$TMP/table")
	[ -n "$relation" ] || failed "there is no table $1"
}

assert_tables() {
	while IFS= read -r table; do
		[ -z "$table" ] || find_table "$table"
	done <<-LINES
		$ASSERT_TABLES
	LINES
}

assert_rows() {
	rows=''
	while read -r least table; do
		[ -n "$least" ] || continue
		find_table "$table"
		[ -n "$relation" ] || continue
		sql rows "$DATABASE" <<-SQL || { failed "cannot count the rows of $table: $(reason_in "$TMP/rows.err")" && continue; }
			select count(*) from $relation;
		SQL
		count=$(cat "$TMP/rows")
		rows=$rows${rows:+,}$(json_text "$table"):$count
		[ "$count" -ge "$least" ] || failed "$table has $count rows, expected at least $least"
	done <<-LINES
		$ASSERT_ROWS
	LINES
	printf ',"rows":{%s}' "$rows" >>"$TMP/checks"
}

# assert_fresh - compares the newest time in a column with the start of the backup
#
# It does not compare with now: choosing the backup has checked its age already, and this checks whether the application still wrote
# when the backup was taken. So a backup gives the same answer whenever it is verified. Future times are ignored, because one
# planned event would make a dead table look alive. One day ahead is allowed, because a time without a zone may be local.
assert_fresh() {
	fresh=''
	while read -r most table; do
		[ -n "$most" ] || continue
		column=${table##* } table=${table% *}
		find_table "$table"
		[ -n "$relation" ] || continue
		ask_age || continue
		fresh=$fresh${fresh:+,}$(json_text "$table $column"):$age
		[ "$age" -le "$most" ] ||
			failed "the newest $column of $table is $age seconds older than the backup, expected at most $most"
	done <<-LINES
		$ASSERT_FRESH
	LINES
	printf ',"fresh":{%s}' "$fresh" >>"$TMP/checks"
}

# ask_age - puts the seconds between the newest time and the backup into $age; without a time, records a failure and returns 1
ask_age() {
	sql age "$DATABASE" --set=relation="$relation" --set=column="$column" --set=start="$(fact start "$FACTS")" <<-'SQL' || {
		select format($$select coalesce(floor(extract(epoch from %1$L::timestamptz - max(%2$I)::timestamptz))::bigint::text, '')
		  from %3$s where %2$I <= %1$L::timestamptz + interval '1 day'$$, :'start', attname, :'relation')
		from pg_attribute where attrelid = :'relation'::regclass and attnum > 0 and not attisdropped
		  and attname in (:'column', lower(:'column'), trim('"' from :'column'))
		order by attname = :'column' desc limit 1
		\gexec
	SQL
		failed "cannot determine the age of $column in $table: $(reason_in "$TMP/age.err")"
		return 1
	}
	age=$(cat "$TMP/age")
	[ -z "$age" ] || return 0
	failed "$table has no column $column with a time before the backup"
	return 1
}

# assert_queries - runs each query read-only and compares the whole answer, except for trailing newlines
assert_queries() {
	number=0
	while [ "$number" -lt "$ASSERT_QUERY_COUNT" ]; do
		number=$((number + 1))
		eval "query=\${ASSERT_QUERY_$number-} expected=\${ASSERT_ANSWER_$number-}"
		asserted=$((asserted + 1))
		ask_query || continue
		[ "$(cat "$TMP/answer")" = "$(printf %s "$expected")" ] ||
			failed "query $number ($(short "$query" 60)) returned '$(short "$(cat "$TMP/answer")" 60)', expected '$(short "$expected" 60)'"
	done
	printf ',"queries":%s' "$ASSERT_QUERY_COUNT" >>"$TMP/checks"
}

# ask_query - writes the answer into TMP/answer; returns 1 after a failure
#
# The newline comes first because psql would run a leading backslash as its own command.
ask_query() {
	query_status=0
	run env PGOPTIONS="-c default_transaction_read_only=on -c statement_timeout=${QUERY_SECONDS}s" \
		psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --dbname="$(conninfo "$DATABASE")" \
		--command="
$query" >"$TMP/answer" 2>"$TMP/answer.err" || query_status=$?
	[ "$query_status" != 0 ] || return 0
	failed "query $number ($(short "$query" 60)) failed: $(reason_in "$TMP/answer.err")"
	return 1
}

# check_indexes - runs amcheck on every table and index, last because it adds an extension
check_indexes() {
	state=off
	if [ "$AMCHECK" = true ]; then
		state='not available'
		! has_amcheck || run_amcheck
	fi
	printf ',"amcheck":"%s"' "$state" >>"$TMP/checks"
}

has_amcheck() {
	sql amcheck "$DATABASE" <<-'SQL' || failed "cannot look for amcheck: $(reason_in "$TMP/amcheck.err")"
		select 'available' from pg_available_extensions where name = 'amcheck';
	SQL
	[ -s "$TMP/amcheck" ] && command -v pg_amcheck >/dev/null
}

# run_amcheck - with event triggers of the copy disabled, because it creates an extension
run_amcheck() {
	state=passed amcheck_status=0
	run env PGOPTIONS='-c session_replication_role=replica' pg_amcheck --install-missing --heapallindexed --jobs="$RESTORE_JOBS" "$(conninfo "$DATABASE")" \
		>"$TMP/amcheck" 2>"$TMP/amcheck.err" || amcheck_status=$?
	[ "$amcheck_status" != 0 ] || return 0
	state=failed
	cat "$TMP/amcheck" "$TMP/amcheck.err" >"$TMP/amcheck.all"
	log_said error "$TMP/amcheck.all"
	failed "pg_amcheck found corruption: $(reason_in "$TMP/amcheck.all")"
}
