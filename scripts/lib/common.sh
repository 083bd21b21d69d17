#!/bin/sh
# common.sh - what all steps share: logging, last words, clock, sizes and JSON. Sourced, never run.
#
# Environment (the only input):
#   WORK_DIR              scratch space shared by all steps of the run
#   TERMINATION_LOG       file for the last words (default: /dev/termination-log)
#   NOW                   clock, for tests (seconds since 1970; default: now)
# Output: log lines on stderr.

# shellcheck disable=SC2034 # used by the scripts that source this file

# The only statuses that a script exits with.
DEGRADED=10 WRONG_INPUT=64 BAD_DATA=65 UNAVAILABLE=69 FAULT=70 NO_ROOM=73 BUSY=75 NOT_ALLOWED=77
# A clock set by NOW keeps ticking from there.
clock_start=$(date +%s)
program=${0##*/}
PHASE=${PHASE:-${program%.sh}}
child=''
said=''

# log LEVEL TEXT...
log() {
	level=$1
	shift
	printf '%s %s %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$level" "$PHASE" "$*" >&2
}

# die STATUS REASON [HINT] - writes the reason to the log and, as the last words, to the pod's status
die() {
	status=$1 reason=$2 hint=${3-}
	trap '' TERM
	log error "$reason"
	[ -z "$hint" ] || log hint "$hint"
	last_words "$status" "$reason" "$hint" ''
	said=yes
	exit "$status"
}

# on_exit - EXIT trap of every script: tidies. A failure without last words is a fault, whatever status the tool had
on_exit() {
	ended=$?
	trap '' TERM
	set +e
	tidy
	[ "$ended" != 0 ] || exit 0
	[ -z "$said" ] && ! [ -s "${TERMINATION_LOG:-/dev/termination-log}" ] || exit "$ended"
	log error "internal error: unhandled exit status $ended"
	last_words $FAULT "internal error: unhandled exit status $ended, see the log" '' ''
	exit $FAULT
}

# tidy - removes what a script must not leave behind, however it ends. Scripts define their own
tidy() {
	:
}

# last_words STATUS REASON HINT MORE - MORE is JSON members, such as "bytes":42. A failed write is ignored
last_words() {
	printf '{"phase":%s,"status":%s,"reason":%s%s%s}\n' "$(json_text "$PHASE")" "$1" "$(json_short "$2")" \
		"${3:+,\"hint\":$(json_short "$3")}" "${4:+,$4}" 2>/dev/null >"${TERMINATION_LOG:-/dev/termination-log}" || :
}

# now - seconds since 1970
now() {
	if [ -n "${NOW-}" ]; then
		echo $((NOW + $(date +%s) - clock_start))
	else
		date +%s
	fi
}

# stamp SECONDS - 20261121-093000, UTC
stamp() {
	date -u -d "@$1" +%Y%m%d-%H%M%S
}

# iso SECONDS - 2026-11-21T09:30:00Z
iso() {
	date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
}

# need_env NAME... - reports all missing variables at once
need_env() {
	missing=
	for name; do
		eval "value=\${$name-}"
		[ -n "$value" ] || missing="$missing $name"
	done
	[ -z "$missing" ] || die $WRONG_INPUT "not set or empty:$missing" "docs/environment.md lists every variable of $program and its unit"
}

# need_number NAME... - whole numbers from 0, safe for arithmetic
need_number() {
	for name; do
		eval "value=\${$name-}"
		case $value in
		'' | *[!0-9]*) die $WRONG_INPUT "$name must be a whole number, got '$value'" "docs/environment.md lists every variable of $program and its unit" ;;
		esac
	done
}

# need_cmd NAME...
need_cmd() {
	missing=
	for name; do
		command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
	done
	[ -z "$missing" ] || die $WRONG_INPUT "not in this image:$missing" "use the default image of backstay, or one with the same tools"
}

# run COMMAND... - in the background, so that the shell handles TERM at once and not after the command. Returns its status
run() {
	"$@" &
	child=$!
	wait_for_child
}

wait_for_child() {
	child_status=0
	wait "$child" || child_status=$?
	child=
	return "$child_status"
}

# on_term - TERM: stops and awaits the running command, then dies, which runs the EXIT traps
#
# The script leads its process group and is process 1 of its container, so the group is everything that it started. The
# container ends with this shell, and pg_dump needs time to cancel its query on the server.
on_term() {
	trap '' TERM
	kill -TERM "-$$" 2>/dev/null || [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
	[ -z "$child" ] || await_child
	die $FAULT 'stopped by TERM: the run was deleted, evicted or past its deadline' 'an unfinished run is no backup; the next run starts from scratch'
}

# await_child - gives a child that got TERM 5 seconds to end, then kills it
await_child() {
	stubborn=$child
	(sleep 5 && kill -KILL "$stubborn") >/dev/null 2>&1 &
	killer=$!
	wait_for_child || :
	kill -KILL "$killer" 2>/dev/null || :
}

# size_of FILE - bytes
size_of() {
	stat -c %s "$1"
}

# human BYTES - 1.5 GiB
human() {
	awk -v bytes="$1" 'BEGIN {
		split("B KiB MiB GiB TiB PiB", unit, " ")
		for (i = 1; bytes >= 1024 && i < 6; i++) bytes /= 1024
		printf(i == 1 ? "%.0f %s\n" : "%.1f %s\n", bytes, unit[i])
	}'
}

# json_text TEXT - a JSON string with its quotes
json_text() {
	# The full stop protects a trailing newline, which awk would not see.
	printf '%s.' "$1" | awk '
		BEGIN { for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i) }
		{
			if (NR > 1) out = out "\\n"
			gsub(/[\\"]/, "\\\\&")
			line = $0
			if (line ~ /[[:cntrl:]]/) {
				clean = ""
				for (i = 1; i <= length(line); i++) { c = substr(line, i, 1); clean = clean (c in code ? code[c] : c) }
				line = clean
			}
			out = out line
		}
		END { printf "\"%s\"", substr(out, 1, length(out) - 1) }'
}

# json_short TEXT - the same, cut to 380 bytes between characters: reason and hint share the 1 KiB of a termination message
json_short() {
	json_text "$(printf '%s' "$1" | LC_ALL=C awk '
		{ text = text (NR > 1 ? "\n" : "") $0 }
		END {
			for (at = 1; at <= length(text) && size < 377; at++) {
				letter = substr(text, at, 1)
				size += letter ~ /["\\\n]/ ? 2 : letter < " " ? 6 : 1
			}
			if (at <= length(text)) {
				text = substr(text, 1, at - 1)
				sub(/[\300-\377][\200-\277]*$/, "", text)
				text = text "..."
			}
			printf "%s", text
		}')"
}
