#!/bin/sh
# common.sh - what every step of a backup shares: logging, last words, run id, names, sizes. Sourced, never run.
#
# Environment (the only input):
#   ENVIRONMENT           environment of the values, such as prod
#   SOURCE                source in the values
#   TIER                  tier in the values, or once
#   POD_UID               uid of the pod; the run id is made of its first 8 hex digits
#   POD_NAME              name of the pod
#   JOB_NAME              name of the Job; empty in a pod without one
#   FILENAME_TEMPLATE     name of the stored files without extension; knows .Timestamp, .RunID and .DatabaseName
#   TEMPLATE_DATABASE     what .DatabaseName stands for (default: empty)
#   WORK_DIR              scratch space that all steps of the run share
#   SCRATCH_BYTES         size of the scratch space (bytes)
#   TERMINATION_LOG       file that the last words go to (default: /dev/termination-log)
#   NOW                   clock, for tests (seconds since 1970; default: now)
# Output: log lines on stderr.
#
# In WORK_DIR: run/{start,id,name} of this run, out/ with what is to be stored under its final name,
# facts/<part>.json and facts/<part>.sums (sha256sum's format) of each part, tmp/ for everything else.

# shellcheck disable=SC2034 # for whoever sources this file

# Statuses, the only ones a script ends with.
DEGRADED=10 WRONG_INPUT=64 BAD_DATA=65 UNAVAILABLE=69 FAULT=70 NO_ROOM=73 BUSY=75 NOT_ALLOWED=77
# Where NOW moves the clock, it moves on from there.
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

# die STATUS REASON [HINT] - the reason goes to the log and, as the last words, to whoever looks at the pod
die() {
	status=$1 reason=$2 hint=${3-}
	trap '' TERM
	log error "$reason"
	[ -z "$hint" ] || log hint "$hint"
	last_words "$status" "$reason" "$hint" ''
	said=yes
	exit "$status"
}

# on_exit - EXIT trap of every script: tidies, and what ends without last words is a fault, whatever tool's status it is
on_exit() {
	ended=$?
	trap '' TERM
	set +e
	tidy
	[ "$ended" != 0 ] || exit 0
	[ -z "$said" ] && ! [ -s "${TERMINATION_LOG:-/dev/termination-log}" ] || exit "$ended"
	log error "ended with status $ended of a tool, which should have been handled"
	last_words $FAULT "ended with status $ended of a tool, see the log" '' ''
	exit $FAULT
}

# tidy - what a script leaves behind nothing of, however it ends; each has its own
tidy() {
	:
}

# last_words STATUS REASON HINT MORE - MORE is JSON members, such as "bytes":42; a failure to write is no failure
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

# need_env NAME... - names all that are missing at once, not one per run
need_env() {
	missing=
	for name; do
		eval "value=\${$name-}"
		[ -n "$value" ] || missing="$missing $name"
	done
	[ -z "$missing" ] || die $WRONG_INPUT "not set or empty:$missing" "the header of scripts/$program lists every variable and its unit"
}

# need_number NAME... - whole numbers from 0: what arithmetic is done with
need_number() {
	for name; do
		eval "value=\${$name-}"
		case $value in
		'' | *[!0-9]*) die $WRONG_INPUT "$name is not a whole number: '$value'" "the header of scripts/$program lists every variable and its unit" ;;
		esac
	done
}

# need_cmd NAME...
need_cmd() {
	missing=
	for name; do
		command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
	done
	[ -z "$missing" ] || die $WRONG_INPUT "not in this image:$missing" "use the image that backstay names, or one with the same tools"
}

# run COMMAND... - in the background, so that TERM is heard at once and not when the command has ended; its status
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

# on_term - TERM: what runs is stopped and waited for, EXIT traps clean up, and the log says so
#
# The script leads its process group, and is process 1 of its container: the group is all that it started. It is
# waited for because the container ends with this shell, and pg_dump must still be able to tell its server.
on_term() {
	trap '' TERM
	kill -TERM "-$$" 2>/dev/null || [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
	[ -z "$child" ] || await_child
	die $FAULT 'stopped by TERM: the run was deleted, evicted or past its deadline' 'nothing of it counts as a backup; the next run starts afresh'
}

# await_child - waits for a child that was told to end, for 5 seconds
await_child() {
	stubborn=$child
	(sleep 5 && kill -KILL "$stubborn") >/dev/null 2>&1 &
	killer=$!
	wait_for_child || :
	kill -KILL "$killer" 2>/dev/null || :
}

# begin_run - makes the folders, and notes start, id and name of the run once, by whichever step comes first
begin_run() {
	umask 027
	mkdir -p "$WORK_DIR/run" "$WORK_DIR/out" "$WORK_DIR/facts" "$WORK_DIR/tmp"
	if [ ! -s "$WORK_DIR/run/name" ]; then
		now >"$WORK_DIR/run/start"
		run_id >"$WORK_DIR/run/id"
		run_name >"$WORK_DIR/run/name.new"
		check_name "$(cat "$WORK_DIR/run/name.new")"
		mv "$WORK_DIR/run/name.new" "$WORK_DIR/run/name"
	fi
	START=$(cat "$WORK_DIR/run/start")
	RUN_ID=$(cat "$WORK_DIR/run/id")
	NAME=$(cat "$WORK_DIR/run/name")
}

# run_id - 8 letters out of the pod's uid: never a number for YAML, and another one for each attempt
run_id() {
	printf '%.8s' "$POD_UID" | tr 0-9a-f bcdfghjkmnpqrstv
	echo
}

# run_name - the template with its values; what is left over of it is refused at synth
run_name() {
	RUN_AT=$(stamp "$(cat "$WORK_DIR/run/start")") RUN_BY=$(cat "$WORK_DIR/run/id") TEMPLATE_DATABASE=${TEMPLATE_DATABASE-} \
		awk -v template=FILENAME_TEMPLATE '
		# Not gsub: in its replacement an & means what was matched.
		function fill(text, field, value,   out) {
			while (match(text, "[{][{] *[.]" field " *[}][}]")) {
				out = out substr(text, 1, RSTART - 1) value
				text = substr(text, RSTART + RLENGTH)
			}
			return out text
		}
		BEGIN {
			text = fill(ENVIRON[template], "Timestamp", ENVIRON["RUN_AT"])
			text = fill(text, "RunID", ENVIRON["RUN_BY"])
			print fill(text, "DatabaseName", ENVIRON["TEMPLATE_DATABASE"])
		}'
}

# check_name NAME - files are found and pruned by their names: what the grammar does not know is never written
check_name() {
	case $1 in
	'' | *[!A-Za-z0-9_-]*) die $WRONG_INPUT "'$1' cannot be the name of files: only A-Z, a-z, 0-9, _ and - can" 'look at filenameTemplate in the values' ;;
	esac
}

# size_of FILE - bytes
size_of() {
	stat -c %s "$1"
}

# free_bytes - what is left of the scratch space: the smaller of the disk's room and the pod's own limit
free_bytes() {
	df -Pk "$WORK_DIR" >"$WORK_DIR/tmp/df"
	du -sk "$WORK_DIR" >"$WORK_DIR/tmp/du" 2>/dev/null || :
	awk -v limit="$SCRATCH_BYTES" '
		FILENAME ~ /df$/ && FNR == 2 { disk = $4 * 1024 }
		FILENAME ~ /du$/ { left = limit - $1 * 1024 }
		END { free = disk < left ? disk : left; printf "%.0f\n", (free > 0 ? free : 0) }
	' "$WORK_DIR/tmp/df" "$WORK_DIR/tmp/du"
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
	# The full stop is for a newline at the end, which awk would not see.
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

# json_short TEXT - the same, cut to 380 bytes: reason and hint share the 1 KiB of a termination message. Never within a letter.
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
