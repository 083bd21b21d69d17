#!/bin/sh
# postgres.sh - sessions of PostgreSQL for every step that talks to a server. Sourced, never run.
#
# Needs postgres-redact.sh.
# Environment: PG*, DATABASE, SERVER_MAJOR, WAIT_SECONDS, LOCK_WAIT_SECONDS, ENVIRONMENT and SOURCE of the script that
# sources it, and TMP, a folder that it empties. Optional: SESSION_DATABASE, to connect to instead of DATABASE,
# SESSION_KEY, its key in the values, QUERY_PRELUDE, first lines of every query, and ROLE_HINT, LOCK_HINT and
# VALUES_HINT.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

# session_defaults - settings for psql, pg_dump and pg_dumpall
#
# Time-outs of the server or the role must not end a dump, and the server must notice when a node is lost.
# LC_ALL: the scripts recognize messages of libpq by their text.
session_defaults() {
	export LC_ALL=C PGAPPNAME="backstay/$ENVIRONMENT/$SOURCE"
	# 0 means no limit, and libpq rounds 1 up to 2.
	PGCONNECT_TIMEOUT=$((WAIT_SECONDS < 2 ? 2 : WAIT_SECONDS > 10 ? 10 : WAIT_SECONDS))
	export PGCONNECT_TIMEOUT
	export PGOPTIONS="-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 \
-c default_transaction_read_only=on -c tcp_keepalives_idle=60 -c tcp_keepalives_interval=15 -c tcp_keepalives_count=4"
}

# conninfo DATABASE - for --dbname, which would parse a plain name with a = as a connection string
conninfo() {
	printf "dbname='%s' keepalives_idle=60 keepalives_interval=15 keepalives_count=4" "$(printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g")"
}

# check_client - the client must have the major of the server: an older one refuses, a newer one writes dumps that the server cannot read
check_client() {
	CLIENT_VERSION=$(pg_dump --version | awk '{ print $3; exit }')
	[ "${CLIENT_VERSION%%[!0-9]*}" = "$SERVER_MAJOR" ] ||
		die $WRONG_INPUT "this image has pg_dump $CLIENT_VERSION, but version: $SERVER_MAJOR is given" "use the image postgres:$SERVER_MAJOR, or set version: to the server's major"
}

# wait_for_server - waits up to WAIT_SECONDS for an answer; errors that waiting cannot fix end it at once
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

# is_final FILE - whether the error of psql is permanent: the server answers, but rejects us
#
# The message may be in another language; then pg_isready tells whether the server accepts sessions at all.
is_final() {
	! grep -qE "$PASSING" "$1" || return 1
	! grep -qiE 'SSL|certificate' "$1" || return 0
	pg_isready --quiet
}

PASSING='could not translate host name|Connection refused|Connection reset|timed? ?out|timeout expired|No route to host|Network is unreachable|closed the connection|the database system is|too many (clients|connections)|connection slots'

# refuse_session FILE KEY - reports why the server rejects us, and which key of the values to check
refuse_session() {
	case $(cat "$1") in
	*'database "'*'" does not exist'* | *'is not currently accepting connections'*)
		die $WRONG_INPUT "$(reason_in "$1")" "check $2: in the values of this source"
		;;
	*'does not support SSL'* | *certificate* | *'SSL error'*)
		die $WRONG_INPUT "$(reason_in "$1")" 'check tls: in the values of this source'
		;;
	*'unsupported startup parameter'*)
		die $WRONG_INPUT "$(reason_in "$1")" 'set host: and port: to the server itself: a pooler such as PgBouncer breaks pg_dump and advisory locks'
		;;
	*'permission denied for database'*)
		die $NOT_ALLOWED "$(reason_in "$1")" "grant connect on that database to the role, or check $2: in the values"
		;;
	*) die $NOT_ALLOWED "$(reason_in "$1")" 'check role and password in the Secret that credentials: names' ;;
	esac
}

# give_up FILE - ends after waiting in vain
give_up() {
	why="cannot connect to $PGHOST:$PGPORT within ${WAIT_SECONDS}s: $(reason_in "$1")"
	case $why in
	*'too many'* | *'connection slots'*) die $BUSY "$why" 'raise max_connections, or reserve a connection for the role' ;;
	*translate*) die $UNAVAILABLE "$why" 'check host:, and that NetworkPolicies allow DNS' ;;
	*'the database system is'*) die $UNAVAILABLE "$why" 'the server is not ready yet: raise wait: in the values' ;;
	*) die $UNAVAILABLE "$why" 'check that the server is up, that host: and port: are right, and that the NetworkPolicies of both namespaces (network: in the values) let this pod through' ;;
	esac
}

# query NAME [DATABASE] - runs the SQL on stdin and writes its unaligned result into TMP/NAME
query() {
	try_query "$@" || fail_as "$TMP/$1.err" "cannot query the database ($1)"
}

# try_query NAME [DATABASE] - the same, but returns the status of psql
try_query() {
	query_name=$1 query_database=${2:-${SESSION_DATABASE:-$DATABASE}}
	{
		printf "set search_path = pg_catalog;\nset client_encoding = 'UTF8';\nset lock_timeout = '%ss';\n%s" "$LOCK_WAIT_SECONDS" "${QUERY_PRELUDE-}"
		cat
	} >"$TMP/$query_name.sql"
	run psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 \
		--dbname="$(conninfo "$query_database")" --file="$TMP/$query_name.sql" >"$TMP/$query_name" 2>"$TMP/$query_name.err"
}

# check_server - requires the major of the values
check_server() {
	query server <<-'SQL'
		select current_setting('server_version_num')::int / 10000, split_part(current_setting('server_version'), ' ', 1);
	SQL
	IFS='|' read -r major SERVER_VERSION <"$TMP/server"
	[ "$major" = "$SERVER_MAJOR" ] ||
		die $WRONG_INPUT "the server is PostgreSQL $SERVER_VERSION, but version: $SERVER_MAJOR is given" "set version: $major, which also picks the image"
}

# fail_as FILE WHAT - ends with the status that the error of a tool stands for
fail_as() {
	log_said error "$1"
	why="$2: $(reason_in "$1")"
	if grep -qE 'No space left|File too large|[Qq]uota exceeded' "$1"; then
		die $NO_ROOM "$why" 'give the run more scratch space'
	elif grep -qE 'permission denied|row-level security|password authentication|must be (owner|superuser|able)|pg_hba' "$1"; then
		die $NOT_ALLOWED "$why" "${ROLE_HINT:-create the role with docs/postgres-role.sql}"
	elif grep -qE 'lock timeout|could not obtain lock|connection slots|too many (clients|connections)' "$1"; then
		die $BUSY "$why" "${LOCK_HINT:-another session holds a lock, or no connection is free; raise dump.lockWait: in the values}"
	elif grep -qE 'conflict with recovery' "$1"; then
		die $BUSY "$why" 'on a standby: hot_standby_feedback = on, or a larger max_standby_streaming_delay'
	elif grep -qE 'no matching|server version mismatch|invalid value|unrecognized|improper' "$1"; then
		die $WRONG_INPUT "$why" "${VALUES_HINT:-check dump: in the values of this source}"
	elif grep -qE "$PASSING|connection to server|terminating connection|could not (receive|send) data|SSL SYSCALL" "$1"; then
		die $UNAVAILABLE "$why" 'the connection was lost; the next attempt starts over'
	fi
	die $FAULT "$why" 'see the log'
}
