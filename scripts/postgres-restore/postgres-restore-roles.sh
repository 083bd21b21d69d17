#!/bin/sh
# postgres-restore-roles.sh - checks roles and rights that a restore needs, and creates missing roles. Sourced, never run.
#
# A server stores names of roles and tablespaces as bytes, in the encoding of whichever database they were created from. A dump
# has the same bytes. So the scripts pass them on unchanged, and convert only what people read.
#
# Environment: that of postgres-restore.sh. Needs postgres-recorded.sh. Reads TMP/named. Gives: FRESH_OWNER, TABLESPACES (keep or none).

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# knows_names - whether the manifest lists exactly the roles and tablespaces that this restore needs
#
# The lists describe the whole database. A part of it needs fewer roles, and a missing role that only the rest needs must not make
# the restore fail. Only pg_dump and pg_restore know what a filter matches, so for a part the statements of the dump decide.
knows_names() {
	has_recorded && ! is_partial && ! has_fact filters "$FACTS"
}

# name_recorded - replaces the roles and tablespaces in TMP/named by the recorded ones
name_recorded() {
	awk -F '\t' '$1 !~ /^(owner|grantee|acts|role|tablespace)$/' "$TMP/named" >"$TMP/named.new"
	recorded_names >"$TMP/recorded.all"
	awk -F '\t' -v owner="$OWNER" -v privileges="$PRIVILEGES" '
		$1 == "owner" && owner != "keep" { next }
		($1 == "grantee" || $1 == "acts") && privileges != "keep" { next }
		{ print }
	' "$TMP/recorded.all" >"$TMP/recorded"
	recode_recorded
	{
		cat "$TMP/recorded"
		case $OWNER in
		role:*) printf 'role\t' && named_as "${OWNER#role:}" ;;
		esac
	} >>"$TMP/named.new"
	mv "$TMP/named.new" "$TMP/named"
}

# named_as NAME - prints it in the format of TMP/named
named_as() {
	printf '%s' "$1" | awk '{ gsub(/\\/, "&&"); gsub(/\t/, "\\t"); text = text (NR > 1 ? "\\n" : "") $0 } END { print text }'
}

# recode_recorded - converts them from UTF-8 into the bytes of the dump, which may be invalid in the database of the session
recode_recorded() {
	dump_encoding=$(fact database.encoding "$FACTS")
	case $dump_encoding in
	UTF8 | SQL_ASCII) return 0 ;;
	esac
	LC_ALL=C awk -F '\t' '
		BEGIN { for (i = 1; i < 256; i++) hex[sprintf("%c", i)] = sprintf("%02x", i) }
		{
			bytes = ""
			for (i = 1; i <= length($2); i++) bytes = bytes hex[substr($2, i, 1)]
			printf "%s(\047%s\047, decode(\047%s\047, \047hex\047))", (NR > 1 ? ",\n" : ""), $1, bytes
		}' "$TMP/recorded" >"$TMP/recorded.rows"
	[ -s "$TMP/recorded.rows" ] || return 0
	named_query recoded <<-SQL
		select kind || E'\\t' || convert_from(convert(name, 'UTF8', '$dump_encoding'), getdatabaseencoding())
		from (values $(cat "$TMP/recorded.rows")) as recorded(kind, name);
	SQL
	mv "$TMP/recoded" "$TMP/recorded"
}

# fresh_owner - sets the owner of the new database: in place, that of the live one
fresh_owner() {
	case $IN_PLACE/$OWNER in
	true/*)
		query live-owner <<-'SQL'
			select pg_get_userbyid(datdba) from pg_database where datname = :'live';
		SQL
		FRESH_OWNER=$(cat "$TMP/live-owner")
		;;
	*/keep) FRESH_OWNER=$(fact database.owner "$FACTS") ;;
	*/role:*) FRESH_OWNER=${OWNER#role:} ;;
	esac
}

# named_query NAME - runs a query that contains or returns names in the bytes of the dump
named_query() {
	{
		cat <<-'SQL'
			select getdatabaseencoding() as own \gset
			set client_encoding = :'own';
		SQL
		cat
	} >"$TMP/$1.in"
	try_query "$1" <"$TMP/$1.in" || refuse_letters "$1"
}

# told_query NAME - the same, but converts the result, one text per row, for people
told_query() {
	{
		echo "select set_config('backstay.told', coalesce(string_agg(told, chr(10)), ''), false) as told from ("
		cat
		cat <<-'SQL'
			) as lines(told) \gset
			set client_encoding = 'UTF8';
			select told from regexp_split_to_table(current_setting('backstay.told'), chr(10)) as lines(told) where told <> '';
		SQL
	} >"$TMP/$1.select"
	named_query "$1" <"$TMP/$1.select"
}

# told FILE - prints its names for people, the first ten and a count
told() {
	told_query told <<-SQL
		select replace(name, chr(10), '\n') from (values $(sql_texts "$1")) as named(name)
	SQL
	listed "$TMP/told"
}

# refuse_letters NAME - a database of another encoding may be unable to represent names of the dump
refuse_letters() {
	grep -qE 'invalid byte sequence|has no equivalent' "$TMP/$1.err" || fail_as "$TMP/$1.err" "cannot query the database ($1)"
	die $WRONG_INPUT "names or settings have letters that the database $ADMIN_DATABASE cannot represent: $(reason_in "$TMP/$1.err")" \
		"set adminDatabase: in the values to a database of encoding $(fact database.encoding "$FACTS")"
}

# owner_name - prints the owner of the new database in the format of TMP/named; nothing if it is the restoring role
owner_name() {
	[ -n "$FRESH_OWNER" ] || return 0
	try_query owner-name <<-SQL || refuse_letters owner-name
		$(variable owner "$FRESH_OWNER")
		select set_config('backstay.owner', :'owner', false) as owner, getdatabaseencoding() as own \gset
		set client_encoding = :'own';
		select replace(replace(current_setting('backstay.owner'), '\\', '\\\\'), chr(10), '\n');
	SQL
	cat "$TMP/owner-name"
}

# check_roles - reports all roles that the dump names and the server lacks
check_roles() {
	[ "$ONLY" != data ] || return 0
	fresh_owner
	awk -F '\t' '$1 == "owner" || $1 == "grantee" || $1 == "role" || $1 == "acts" { if (!seen[$2]++) print $2 }' "$TMP/named" >"$TMP/roles"
	owner_name >>"$TMP/roles"
	: >"$TMP/missing-roles"
	if [ -s "$TMP/roles" ]; then
		named_query missing-roles <<-SQL
			select distinct replace(replace(replace(name, '\\', '\\\\'), E'\\n', '\\n'), E'\\t', '\\t')
			from (values $(sql_texts "$TMP/roles")) as named(name) where not exists (select from pg_roles where rolname = name) order by 1;
		SQL
	fi
	find_makeable
	if [ -s "$TMP/lacking-roles" ]; then
		problem $WRONG_INPUT "the server lacks roles that the dump names: $(told "$TMP/lacking-roles")" \
			'create them, or restore with owner: none and privileges: none, or with globals: missing-roles'
	fi
	check_tablespaces
}

# find_makeable - of the missing roles, finds those that the globals cannot create either
find_makeable() {
	cp "$TMP/missing-roles" "$TMP/lacking-roles"
	[ "$RESTORE_GLOBALS" = missing-roles ] || return 0
	[ -n "$GLOBALS_FILE" ] || die $WRONG_INPUT 'the backup has no globals' 'restore without globals: missing-roles'
	roles_made_by "$WORK_DIR/in/$GLOBALS_FILE" >"$TMP/makeable"
	awk -v file="$TMP/makeable" '
		BEGIN { while ((getline role < file) > 0) makeable[role] }
		!($0 in makeable)
	' "$TMP/missing-roles" >"$TMP/lacking-roles"
}

# check_tablespaces - if one is missing, everything goes to the default one
check_tablespaces() {
	awk -F '\t' '$1 == "tablespace" { print $2 }' "$TMP/named" >"$TMP/tablespaces"
	[ -s "$TMP/tablespaces" ] || return 0
	named_query missing-tablespaces <<-SQL
		select name from (values $(sql_texts "$TMP/tablespaces")) as named(name)
		where not exists (select from pg_tablespace where spcname = name) order by 1;
	SQL
	[ -s "$TMP/missing-tablespaces" ] || return 0
	TABLESPACES=none
	if [ "$FORMAT" = custom ]; then
		log warn "the server lacks tablespaces, everything goes to the default one: $(told "$TMP/missing-tablespaces")"
	else
		problem $WRONG_INPUT "the server lacks tablespaces that the dump names: $(told "$TMP/missing-tablespaces")" 'create them, or take dumps of format: custom'
	fi
}

# check_rights - checks the restoring role
#
# To give an object to another role, the restoring role must be able to SET ROLE to it.
check_rights() {
	[ "$SESSION_SUPERUSER" != t ] || return 0
	{
		awk -F '\t' -v only="$ONLY" '($1 == "owner" || $1 == "role") && only != "data" { print $2 }' "$TMP/named"
		owner_name
	} >"$TMP/becomes"
	[ -s "$TMP/becomes" ] || echo >"$TMP/becomes"
	told_query right-problems <<-SQL
		select 'the role ' || quote_ident(current_user) || ' cannot create databases' from pg_roles
		where rolname = current_user and not rolsuper and not rolcreatedb and '$ONLY' <> 'data'
		union all
		select distinct 'the role ' || quote_ident(current_user) || ' is not a member of ' || quote_ident(name)
		from (values $(sql_texts "$TMP/becomes")) as named(name) join pg_roles r on r.rolname = name
		where not pg_has_role(r.oid, case when $SERVER_MAJOR >= 16 then 'SET' else 'MEMBER' end) order by 1
	SQL
	problems $NOT_ALLOWED "$ROLE_HINT" "$TMP/right-problems"
	awk -F '\t' '$1 == "acts" { print $2 }' "$TMP/named" >"$TMP/acts"
	[ "$ONLY" = data ] || [ ! -s "$TMP/acts" ] ||
		problem $NOT_ALLOWED "only a superuser can grant on behalf of $(told "$TMP/acts")" 'restore with privileges: none, or as a superuser'
}

# make_roles - creates the missing roles in one transaction; existing roles stay unchanged
make_roles() {
	[ "$RESTORE_GLOBALS" = missing-roles ] || return 0
	PHASE=roles
	named_query new-roles <<-SQL
		select replace(replace(replace(name, '\\', '\\\\'), E'\\n', '\\n'), E'\\t', '\\t')
		from (values $(sql_texts "$TMP/makeable")) as named(name) where not exists (select from pg_roles where rolname = name) order by 1;
	SQL
	[ -s "$TMP/new-roles" ] || return 0
	{
		echo 'begin;'
		# The creator of a role must be able to give objects to it.
		[ "$SERVER_MAJOR" -lt 16 ] || echo "set local createrole_self_grant = 'set, inherit';"
		making_roles "$TMP/new-roles" "$WORK_DIR/in/$GLOBALS_FILE"
		[ "$SERVER_MAJOR" -ge 16 ] || [ "$SESSION_SUPERUSER" = t ] || awk '{ gsub(/\047/, "\047\047"); printf "select format(\047grant %%I to current_user\047, E\047%s\047) \\gexec\n", $0 }' "$TMP/new-roles"
		echo 'commit;'
	} >"$TMP/making-roles.sql"
	named_query making <"$TMP/making-roles.sql"
	log info "created roles without passwords: $(told "$TMP/new-roles")"
}
