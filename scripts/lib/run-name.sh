#!/bin/sh
# run-name.sh - start, id and name of a run, recorded once by its first step. Sourced after common.sh, never run.
#
# Environment (the only input):
#   FILENAME_TEMPLATE     name of the stored files without extension; supports .Timestamp, .RunID and .DatabaseName
#   TEMPLATE_DATABASE     value of .DatabaseName (default: empty)
#
# WORK_DIR holds run/{start,id,name} of this run, out/ with the files to store under their final names,
# facts/<part>.json and facts/<part>.sums (sha256sum's format) of each part, and tmp/ for everything else.

# Statuses are numbers of common.sh, and scripts that source this file read the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

. "$(dirname "$0")/run-id.sh"

# begin_run - creates the folders. The first step also records start, id and name of the run
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

# run_name - the template with its values filled in. synth refuses unknown fields
run_name() {
	RUN_AT=$(stamp "$(cat "$WORK_DIR/run/start")") RUN_BY=$(cat "$WORK_DIR/run/id") TEMPLATE_DATABASE=${TEMPLATE_DATABASE-} \
		awk -v template=FILENAME_TEMPLATE '
		# Not gsub, which expands & in the replacement.
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

# check_name NAME - files are found and pruned by name, so a name outside the grammar is never written
check_name() {
	case $1 in
	'' | *[!A-Za-z0-9_-]*) die $WRONG_INPUT "invalid file name '$1': expected only A-Z, a-z, 0-9, _ and -" 'change filenameTemplate in the values' ;;
	esac
}
