#!/bin/sh
# postgres.sh - sessions of PostgreSQL, as every step that talks to a server has them. Sourced, never run.
#
# Environment: PG*, DATABASE, SERVER_MAJOR, WAIT_SECONDS, LOCK_WAIT_SECONDS, ENVIRONMENT and SOURCE of the script that
# sources it, and TMP, a folder that it empties. Optional: SESSION_DATABASE, with which sessions are instead of DATABASE,
# SESSION_KEY, its key in the values, QUERY_PRELUDE, lines that every query begins with, and ROLE_HINT, LOCK_HINT and
# VALUES_HINT.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2016,SC2034,SC2086

# session_defaults - what holds for psql, pg_dump and pg_dumpall alike
#
# The server's or the role's own time-outs must not end a dump, and a server must notice that a pod's node is gone.
# LC_ALL: what libpq says is told apart by its words.
session_defaults() {
	export LC_ALL=C PGAPPNAME="backstay/$ENVIRONMENT/$SOURCE"
	# 0 would be for ever, and libpq takes 1 for 2.
	PGCONNECT_TIMEOUT=$((WAIT_SECONDS < 2 ? 2 : WAIT_SECONDS > 10 ? 10 : WAIT_SECONDS))
	export PGCONNECT_TIMEOUT
	export PGOPTIONS="-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 \
-c default_transaction_read_only=on -c tcp_keepalives_idle=60 -c tcp_keepalives_interval=15 -c tcp_keepalives_count=4"
}

# conninfo DATABASE - for --dbname, where a plain name with a = in it would be taken for something else
conninfo() {
	printf "dbname='%s' keepalives_idle=60 keepalives_interval=15 keepalives_count=4" "$(printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g")"
}

# check_client - the client's major is the server's: an older one refuses, a newer one writes what the server cannot read
check_client() {
	CLIENT_VERSION=$(pg_dump --version | awk '{ print $3; exit }')
	[ "${CLIENT_VERSION%%[!0-9]*}" = "$SERVER_MAJOR" ] ||
		die $WRONG_INPUT "this image has pg_dump $CLIENT_VERSION, but version: $SERVER_MAJOR is given" "take the image postgres:$SERVER_MAJOR, or set version: to the server's major"
}

# wait_for_server - until it answers, for WAIT_SECONDS; what waiting cannot mend ends at once
wait_for_server() {
	deadline=$(($(date +%s) + WAIT_SECONDS)) pause=1
	while :; do
		refused=0
		run psql --no-psqlrc --no-password --dbname="$(conninfo "${SESSION_DATABASE:-$DATABASE}")" --command='select 1' >"$TMP/ready" 2>"$TMP/ready.err" || refused=$?
		[ "$refused" != 0 ] || return 0
		! is_final "$TMP/ready.err" || refuse_session "$TMP/ready.err" "${SESSION_KEY:-database}"
		[ "$(date +%s)" -lt "$deadline" ] || give_up "$TMP/ready.err"
		log info "waiting for $PGHOST:$PGPORT: $(reason_in "$TMP/ready.err")"
		run sleep "$pause"
		[ "$pause" -ge 8 ] || pause=$((pause * 2))
	done
}

# is_final FILE - whether psql's words name something that does not pass: the server answers, but not to us
#
# A server may say it in its own language; then pg_isready tells whether it takes sessions at all.
is_final() {
	! grep -qE "$PASSING" "$1" || return 1
	! grep -qiE 'SSL|certificate' "$1" || return 0
	pg_isready --quiet
}

PASSING='could not translate host name|Connection refused|Connection reset|timed? ?out|timeout expired|No route to host|Network is unreachable|closed the connection|the database system is|too many (clients|connections)|connection slots'

# refuse_session FILE KEY - says why the server does not let us in, and which key of the values to look at
refuse_session() {
	case $(cat "$1") in
	*'database "'*'" does not exist'* | *'is not currently accepting connections'*)
		die $WRONG_INPUT "$(reason_in "$1")" "look at $2: in the values of this source"
		;;
	*'does not support SSL'* | *certificate* | *'SSL error'*)
		die $WRONG_INPUT "$(reason_in "$1")" 'look at tls: in the values of this source'
		;;
	*'unsupported startup parameter'*)
		die $WRONG_INPUT "$(reason_in "$1")" 'host: and port: must be those of the server itself: a pooler such as PgBouncer breaks pg_dump and advisory locks'
		;;
	*'permission denied for database'*)
		die $NOT_ALLOWED "$(reason_in "$1")" "grant connect on that database to the role, or look at $2: in the values"
		;;
	*) die $NOT_ALLOWED "$(reason_in "$1")" 'role and password come from the Secret that credentials: names' ;;
	esac
}

# give_up FILE - the patience is at its end
give_up() {
	why="no session with $PGHOST:$PGPORT within ${WAIT_SECONDS}s: $(reason_in "$1")"
	case $why in
	*'too many'* | *'connection slots'*) die $BUSY "$why" 'the server has no connection to spare: raise max_connections or reserve one for the role' ;;
	*translate*) die $UNAVAILABLE "$why" 'is host: right, and may the pod ask DNS? A NetworkPolicy may forbid it' ;;
	*'the database system is'*) die $UNAVAILABLE "$why" 'the server is up but not ready; wait: in the values is the patience' ;;
	*) die $UNAVAILABLE "$why" 'is the server up, are host: and port: right, and do the NetworkPolicies of both namespaces (network: in the values) let this pod through?' ;;
	esac
}

# query NAME [DATABASE] - runs the SQL on stdin; what it returns is in TMP/NAME, unaligned
query() {
	try_query "$@" || fail_as "$TMP/$1.err" "cannot look at the database ($1)"
}

# try_query NAME [DATABASE] - the same, and psql's status
try_query() {
	query_name=$1 query_database=${2:-${SESSION_DATABASE:-$DATABASE}}
	{
		printf "set search_path = pg_catalog;\nset client_encoding = 'UTF8';\nset lock_timeout = '%ss';\n%s" "$LOCK_WAIT_SECONDS" "${QUERY_PRELUDE-}"
		cat
	} >"$TMP/$query_name.sql"
	run psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
		--dbname="$(conninfo "$query_database")" --file="$TMP/$query_name.sql" >"$TMP/$query_name" 2>"$TMP/$query_name.err"
}

# check_server - the server's own major
check_server() {
	query server <<-'SQL'
		select current_setting('server_version_num')::int / 10000, split_part(current_setting('server_version'), ' ', 1);
	SQL
	IFS='|' read -r major SERVER_VERSION <"$TMP/server"
	[ "$major" = "$SERVER_MAJOR" ] ||
		die $WRONG_INPUT "the server is PostgreSQL $SERVER_VERSION, but version: $SERVER_MAJOR is given" "set version: $major, which also picks the image"
}

# What a tool wrote, in said[1..sayings], without what was in the database: a row, a key, a password in a statement. Logs
# are read by more people than databases, and a verification writes them unattended.
#
# A message keeps its first line, which names what it is about, and the rest is left out but for what can hold no value.
# Values that are quoted there are left out as well, and all that a function of the database has said itself. Of an error
# its context tells that; of a warning nothing does, so those few are shown that are known to be the server's.
#
# A server speaks the language of its lc_messages, which only a superuser may change for a session. So one that is not
# English is known by how a message is built, and shown up to its first quote.
WORDS='
	BEGIN {
		# What an error is called: a message of another name may be a warning, and is left out.
		ERRORS = "^(ERROR|FATAL|PANIC|FEHLER|PANIK|ERREUR|ERRORE|FATALE|PANICO|ERRO|FEL|FATALT|EROARE|HATA|CHYBA|BŁĄD|ОШИБКА|ВАЖНО|ПОМИЛКА|ФАТАЛЬНО|エラー|오류|치명적오류|错误|致命错误|錯誤|შეცდომა|ფატალური):"
		# Of an apostrophe, none that is in a word; and a single byte that no UTF-8 has may be a quote.
		QUOTE = "\"|`|^\047|[^A-Za-z\200-\377]\047|«|»|„|“|”|\342\200[\230\231]|‚|‹|›|「|『|[ -~][\200-\277]"
	}
	{ line[NR] = $0 }
	END { for (at = 1; at <= NR; at++) hear(line[at]) }
	function hear(text) {
		if (text ~ /^Command was: / || text ~ /^pg_[a-z]+: detail: Query was: /) { message = 1; say(until(text, "[\047$]")) }
		else if (match(text, /^LINE [0-9]+: /)) say(substr(text, 1, RLENGTH) "(left out)")
		else if (match(text, /^([0-9][^"]* )?(DETAIL|HINT|CONTEXT|QUERY|STATEMENT):  /)) {
			message = 1
			say(substr(text, 1, RLENGTH) part(substr(text, 1, RLENGTH), substr(text, RLENGTH + 1)))
		} else if (begins(text) || !message) say(first(text))
	}
	function say(text) { said[++sayings] = text }
	# Whether a new message begins: rows go over several lines, too.
	function begins(text) {
		return text ~ /^(psql|pg_restore|pg_dump|pg_dumpall|vacuumdb|pg_amcheck|initdb|postgres)[:[]/ || text ~ /^connection to server / ||
			text ~ /^(WARNING|NOTICE|INFO):  / || text ~ (ERRORS "  ") || text ~ /^[0-9]+-[0-9]+-[0-9]+ [0-9:.]+ [A-Z]+ \[[0-9]+\] [A-Z0-9]+:  /
	}
	function first(text,  head, name, wrong) {
		hidden = 0
		message = match(text, /(^|: |[]] )[^ :a-z]+:  /)
		if (!message) return text
		head = substr(text, 1, RSTART + RLENGTH - 1)
		text = substr(text, RSTART + RLENGTH)
		name = head
		sub(/ +$/, "", name)
		sub(/.* /, "", name)
		if (name == "LOG:") { message = 0; return head text }
		if (name ~ /^(WARNING|NOTICE|INFO):$/) return head harmless(text)
		wrong = name ~ ERRORS || head ~ /(error|failed): /
		if (wrong && !fault) fault = sayings + 1
		hidden = !wrong || raised(text)
		if (hidden) return head "(left out)"
		hidden = name !~ /^(ERROR|FATAL|PANIC):$/ || is_foreign(text)
		if (hidden) return head until(text, QUOTE)
		if (text !~ /^[^"]*(locale|collation)/) sub(/: ".*/, ": (left out)", text)
		sub(/ at or near ".*/, " at or near (left out)", text)
		sub(/^invalid connection string syntax: .*/, "invalid connection string syntax: (left out)", text)
		if (match(text, /^(invalid )?value "/)) text = substr(text, 1, RLENGTH - 1) "(left out)"
		return head text
	}
	# English has other letters in names only, and most of those are quoted.
	function is_foreign(text) {
		gsub(/"[^"]*"/, "", text)
		return text ~ /[\200-\377]/
	}
	# Words of the server that help. A function may have taken them for its own, so names are left out all the same.
	function harmless(text) {
		if (text ~ /^(there is (no|already a) transaction in progress|"?wal_level"? is insufficient to publish logical changes|terminating connection because of crash of another server process|word is too long to be indexed)$/) return text
		hidden = text !~ /^(template )?database "[^"]*" has (a collation version mismatch|no actual collation version, but a version was recorded)$/ &&
			text !~ /^collation "[^"]*" has version mismatch$/ &&
			text !~ /^(no|not all) privileges (were granted|could be revoked) for (column "[^"]*" of relation )?"[^"]*"$/ &&
			text !~ /^(skipping "[^"]*" --- only [a-z ]+ can (analyze|vacuum) it|permission denied to (analyze|vacuum) "[^"]*", skipping it)$/ &&
			text !~ /^(schema|extension|relation) "[^"]*" already exists, skipping$/
		if (hidden) return "(left out)"
		gsub(/"[^"]*"/, "(left out)", text)
		return text
	}
	# Whether a function of the database has raised this message. In another language it is not told where in the function.
	# Blocks without a name that nothing has called are ours or those of assertions.
	function raised(text,  i) {
		for (i = at + 1; i <= NR && !begins(line[i]) && line[i] !~ /^Command was: /; i++) {
			if (line[i] ~ /^LINE / || line[i] !~ /PL.(pgSQL|Perl|Python|Tcl)/) continue
			if (line[i] !~ /^(CONTEXT:  )?PL.pgSQL (function|assignment|expression) /) return 1
			if (line[i] ~ /^CONTEXT:  .* at (RAISE|ASSERT)$/)
				return text !~ /^[a-z ]+ of the database did not become the same$/ || line[i] !~ /^CONTEXT:  PL.pgSQL function inline_code_block line / ||
					(i < NR && !begins(line[i + 1]))
		}
		return 0
	}
	function part(head, text,  end) {
		if (head !~ /CONTEXT/ && hidden) return "(left out)"
		if (head ~ /DETAIL/) {
			if (text ~ /^(Only|There (is|are)|The (template )?database was created using collation version) /) return text
			end = text ~ /^Key [(]/ ? index(text, ")=(") : 0
			return substr(text, 1, end ? end + 1 : 0) "(left out)"
		}
		if (head ~ /HINT/) return until(text, "[\"\047]")
		if (head !~ /CONTEXT/) return "(left out)"
		if (text ~ /^PL.pgSQL function / || text ~ /^PL.(Perl|Python|Tcl) function "[^"]*"$/) return text
		if (text ~ /^SQL function "[^"]*" (during (inlining|startup)|statement [0-9]+)$/) return text
		# Names come without quotes, and a row may look like the end of one: what counts is the first, where nothing of
		# another language is before it.
		if (!match(text, /^COPY [^,:]*, line [0-9]+/)) return "(left out)"
		end = RLENGTH + 1
		if (match(substr(text, end), /^, column [^:]*/)) end += RLENGTH
		return substr(text, 1, end - 1) ": (left out)"
	}
	# A text up to a letter, or the whole.
	function until(text, letter) {
		return match(text, letter) ? substr(text, 1, RSTART - 1) "(left out)" : text
	}
'

# said_in FILE - what a tool wrote there, as it may be shown
said_in() {
	LC_ALL=C awk "$WORDS"'
		END { for (i = 1; i <= sayings; i++) print said[i] }
	' "$1"
}

# log_said LEVEL FILE - the same, into the log
log_said() {
	while IFS= read -r line; do [ -z "$line" ] || log "$1" "$line"; done <<-SAID
		$(said_in "$2")
	SAID
}

# reason_in FILE - the first error that a tool wrote, on one line
reason_in() {
	LC_ALL=C awk "$WORDS"'
		END {
			for (i = 1; i <= sayings && i != fault && said[i] !~ /(error|ERROR|FATAL|PANIC):/; i++) last = said[i]
			if (i <= sayings) { last = said[i]; sub(/^([a-z_]+: error: |psql:.*[.]sql:[0-9]+: )/, "", last) }
			print last == "" ? "it said nothing" : last
		}
	' "$1"
}

# fail_as FILE WHAT - ends as what the tool wrote means
fail_as() {
	log_said error "$1"
	why="$2: $(reason_in "$1")"
	if grep -qE 'No space left|File too large|[Qq]uota exceeded' "$1"; then
		die $NO_ROOM "$why" 'give the run more scratch space'
	elif grep -qE 'permission denied|row-level security|password authentication|must be (owner|superuser|able)|pg_hba' "$1"; then
		die $NOT_ALLOWED "$why" "${ROLE_HINT:-docs/postgres-role.sql makes a role that suffices}"
	elif grep -qE 'lock timeout|could not obtain lock|connection slots|too many (clients|connections)' "$1"; then
		die $BUSY "$why" "${LOCK_HINT:-somebody holds a lock or all connections; dump.lockWait: is the patience}"
	elif grep -qE 'conflict with recovery' "$1"; then
		die $BUSY "$why" 'on a standby: hot_standby_feedback = on, or a larger max_standby_streaming_delay'
	elif grep -qE 'no matching|server version mismatch|invalid value|unrecognized|improper' "$1"; then
		die $WRONG_INPUT "$why" "${VALUES_HINT:-look at dump: in the values of this source}"
	elif grep -qE "$PASSING|connection to server|terminating connection|could not (receive|send) data|SSL SYSCALL" "$1"; then
		die $UNAVAILABLE "$why" 'the server went away; the next attempt starts afresh'
	fi
	die $FAULT "$why" 'the log has all that the tool said'
}
