#!/bin/sh
# postgres-throwaway.sh - runs a PostgreSQL server in the scratch space for as long as the script. Sourced, never run.
#
# Only the user of this pod can reach it: it listens on no address, and its socket is in a folder of mode 700, so it needs no
# password. Nothing in a copy of production may start by itself: no preloaded library (pg_cron, pg_net), no subscription worker,
# no event trigger. Its data is disposable, so it is not protected from crashes.
#
# Needs postgres-redact.sh.
# Environment: WORK_DIR, RESTORE_JOBS and SERVER_MAJOR of the script that sources it; TMP, a folder that it empties; LOCKS,
# how many locks one transaction may need.
# Gives: SERVER_VERSION, SERVER_NUMBER (its major), PGHOST, PGPORT, PGUSER; sql and wait_for_child for sessions.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086

ROOM_HINT='increase verify.scratch.size in the values'
START_SECONDS=60
# The server stops when less scratch space than this is free: later, the kubelet would evict the pod without a message.
LEAST_ROOM=33554432
server='' watcher='' SERVER_VERSION='' SERVER_NUMBER=0

# check_image MAJOR - requires programs of the expected major that can read a backup of MAJOR
check_image() {
	need_cmd initdb postgres psql pg_isready pg_restore vacuumdb sha256sum mkfifo
	SERVER_VERSION=$(postgres --version | awk '{ print $3; exit }')
	SERVER_NUMBER=${SERVER_VERSION%%[!0-9]*}
	[ "$SERVER_NUMBER" = "$SERVER_MAJOR" ] ||
		die $WRONG_INPUT "this image has PostgreSQL $SERVER_VERSION, but version: $SERVER_MAJOR is given" "use the image postgres:$SERVER_MAJOR, or set version: to the server's major"
	[ "$SERVER_NUMBER" -ge "$1" ] ||
		die $WRONG_INPUT "the backup is from PostgreSQL $1, which PostgreSQL $SERVER_VERSION of this image cannot restore" "set version: $1, which also picks the image"
}

# check_user - initdb refuses root, and initdb and psql require a name for the uid
check_user() {
	[ "$(id -u)" != 0 ] || die $WRONG_INPUT 'PostgreSQL refuses to run as root' 'set pod.runAsUser: 999, the user of the image'
	id -un >"$TMP/user" 2>/dev/null ||
		die $WRONG_INPUT "user $(id -u) has no name in this image, which initdb and psql require" 'set pod.runAsUser: 999, the user of the image'
}

# start_server - creates and starts a server, which takes about two seconds
start_server() {
	PHASE=start
	export PGHOST="$TMP" PGPORT=5432 PGUSER=postgres LC_ALL=C PGAPPNAME=backstay PGOPTIONS=''
	unset PGPASSWORD PGDATABASE PGSERVICE PGDATA PGSSLMODE PGSSLROOTCERT
	check_socket "$PGHOST/.s.PGSQL.$PGPORT"
	initdb_status=0
	run initdb --pgdata="$TMP/data" --username=$PGUSER --auth=trust --encoding=UTF8 --locale=C --no-sync \
		>"$TMP/server.log" 2>&1 || initdb_status=$?
	[ "$initdb_status" = 0 ] || refuse_server "initdb ended with status $initdb_status"
	server_settings >>"$TMP/data/postgresql.conf"
	postgres -D "$TMP/data" -k "$PGHOST" -h '' >"$TMP/server.log" 2>&1 &
	server=$!
	wait_for_answer
	watch_room
}

# check_socket PATH - checks the limit of the kernel, which the server would report only in its log
check_socket() {
	[ "$(printf %s "$1" | wc -c)" -le 107 ] ||
		die $WRONG_INPUT "the path of the server's socket is longer than 107 bytes: $1" 'use a shorter WORK_DIR'
}

# server_settings - lines of postgresql.conf
#
# wal_level=minimal: tables and indexes that are created and filled in one transaction write no WAL.
# Dynamic shared memory as files: /dev/shm has 64 MiB in a container, and one parallel index may want more. These files
# are never synced, so they hardly reach a disk; they are removed with the folder of a killed server.
server_settings() {
	connections=$((RESTORE_JOBS + 10))
	memory_settings
	cat <<-SETTINGS
		unix_socket_permissions = 0700
		max_connections = $connections
		max_locks_per_transaction = $(between 64 $((LOCKS / connections)) 30000)
		shared_buffers = ${shared_buffers}kB
		maintenance_work_mem = ${maintenance_memory}kB
		dynamic_shared_memory_type = mmap
		huge_pages = off
		fsync = off
		full_page_writes = off
		synchronous_commit = off
		wal_level = minimal
		max_wal_senders = 0
		archive_mode = off
		max_wal_size = 1GB
		checkpoint_timeout = 1h
		autovacuum = off
		jit = off
		restart_after_crash = off
		shared_preload_libraries = ''
		session_preload_libraries = ''
		local_preload_libraries = ''
		max_logical_replication_workers = 0
		allow_in_place_tablespaces = on
		timezone = 'UTC'
		logging_collector = off
		log_timezone = 'UTC'
		log_min_messages = error
		log_min_error_statement = panic
		log_error_verbosity = terse
	SETTINGS
	[ "$SERVER_NUMBER" -lt 17 ] || echo 'event_triggers = off'
}

# memory_settings - a quarter of the memory limit for shared buffers, an eighth for all sorting; kB
memory_settings() {
	memory=$(memory_limit)
	shared_buffers=131072 maintenance_memory=65536
	[ -n "$memory" ] || return 0
	shared_buffers=$(between 16384 $((memory / 4096)) 1048576)
	maintenance_memory=$(between 8192 $((memory / 8192 / RESTORE_JOBS)) 524288)
}

# memory_limit - prints bytes; nothing if there is no limit, which cgroups v1 shows as a huge number
memory_limit() {
	for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
		bytes=$(cat "$file" 2>/dev/null) || continue
		case $bytes in
		'' | *[!0-9]* | ??????????????*) ;;
		*) echo "$bytes" ;;
		esac
		return 0
	done
}

# between LEAST NUMBER MOST
between() {
	echo $(($2 < $1 ? $1 : $2 > $3 ? $3 : $2))
}

wait_for_answer() {
	deadline=$(($(date +%s) + START_SECONDS))
	until run pg_isready --quiet; do
		server_runs || refuse_server 'the throw-away server did not start'
		[ "$(date +%s)" -lt "$deadline" ] || refuse_server "the throw-away server did not start within ${START_SECONDS}s"
		run sleep 0.1
	done
}

# server_runs - kill -0 reports a process that ended but was not waited for as alive
server_runs() {
	grep -q '^State:.[^ZX]' "/proc/$server/status" 2>/dev/null
}

# server_answers - if it does not, a failure is not the fault of the backup
server_answers() {
	server_runs && run pg_isready --quiet
}

# refuse_server WHAT - ends with everything that the server wrote in the log
refuse_server() {
	log_said error "$TMP/server.log"
	! is_full "$TMP/server.log" || die $NO_ROOM "$1: $(reason_in "$TMP/server.log")" "$ROOM_HINT"
	die $FAULT "$1: $(reason_in "$TMP/server.log")" 'see the log'
}

# is_full FILE - whether the error there is a lack of space
is_full() {
	[ -e "$TMP/full" ] || grep -qE 'No space left|[Qq]uota exceeded' "$1" "$TMP/server.log"
}

# lost_server WHAT - ends because WHAT failed when the server died
lost_server() {
	crash_in "$TMP/server.log" >"$TMP/server.end"
	log_said error "$TMP/server.end"
	! is_full "$TMP/server.log" || die $NO_ROOM "$1: no room for the restored database" "$ROOM_HINT"
	! grep -q 'terminated by signal 9' "$TMP/server.log" ||
		die $FAULT "$1: a process of the throw-away server was killed" 'raise pod.resources.limits.memory: the container ran out of memory'
	die $FAULT "$1: the throw-away server ended" 'see the log'
}

# cannot WHAT NAME - ends with the status for the error in TMP/NAME.err, when a failure cannot be the fault of the backup
cannot() {
	why="cannot $1: $(reason_in "$TMP/$2.err")"
	! is_full "$TMP/$2.err" || die $NO_ROOM "$why" "$ROOM_HINT"
	server_answers || lost_server "$why"
	die $FAULT "$why" 'see the log'
}

# watch_room - stops the server before the scratch space is full
#
# Filling an emptyDir over its limit is not a write error: the kubelet evicts the pod, without last words.
watch_room() {
	(
		nap=''
		trap 'kill "$nap"; exit' TERM
		while :; do
			sleep 2 &
			nap=$!
			wait "$nap"
			left=$(free_bytes) || left=0
			[ "$left" -le "$LEAST_ROOM" ] || continue
			: >"$TMP/full"
			kill -QUIT "$server"
			exit
		done
	) >/dev/null 2>&1 &
	watcher=$!
}

# stop_server - stops immediately, because the data is disposable; safe to call again
stop_server() {
	[ -z "$watcher" ] || kill "$watcher" 2>/dev/null || :
	[ -z "$server" ] || kill -QUIT "$server" 2>/dev/null || :
	[ -z "$watcher" ] || wait "$watcher" 2>/dev/null || :
	[ -z "$server" ] || wait "$server" 2>/dev/null || :
	watcher='' server=''
}

# sql NAME DATABASE [OPTION...] - runs the SQL on stdin; writes the result into TMP/NAME and errors into TMP/NAME.err; returns the status of psql
sql() {
	sql_name=$1 sql_database=$2
	shift 2
	cat >"$TMP/$sql_name.sql"
	sql_status=0
	run psql --no-psqlrc --no-password --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 "$@" \
		--dbname="$(conninfo "$sql_database")" --file="$TMP/$sql_name.sql" >"$TMP/$sql_name" 2>"$TMP/$sql_name.err" || sql_status=$?
	return "$sql_status"
}
