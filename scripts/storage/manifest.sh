#!/bin/sh
# manifest.sh - checks once more what was taken, and composes its manifest. Sourced after storage.sh and retention.sh, never run.
#
# Environment (the only input):
#   ENVIRONMENT                environment in the values, such as prod
#   SOURCE                     source in the values
#   TIER                       tier in the values, or once
#   JOB_NAME                   name of the Job; empty in a pod without one
#   POD_NAME                   name of the pod
#   SPEC_HASH                  hash of the values that shape the artifact
#   LABEL                      label of a manual run (default: none)

# The functions for awk come from retention.sh.
# shellcheck disable=SC2154

# inspect - out/ must hold the files that the facts name and nothing else, byte for byte as they were taken
#
# Leaves in tmp/: names, and files with lines of name, bytes, SHA-256 and MD5, which S3 compares by (- where nothing does).
inspect() {
	cd "$WORK_DIR" || exit "$FAULT"
	check_grammar
	check_facts
	cat facts/*.sums >tmp/sums
	sed 's/^[0-9a-f]*  //' tmp/sums | sort >tmp/names
	find out ! -type d | sed 's|^out/||' | sort >tmp/found
	cmp -s tmp/names tmp/found ||
		die "$BAD_DATA" "out/ does not hold what the facts name: $(cat tmp/names tmp/found | sort | uniq -u | tr '\n' ' ')" 'only files that a step has recorded are stored'
	foreign=$(awk -v name="$NAME" 'substr($0, 1, length(name)) != name || substr($0, length(name) + 1) !~ /^[.+]/' tmp/names)
	[ -z "$foreign" ] || die "$BAD_DATA" "not named after the run: $foreign" 'retention recognizes files by the name of their run'
	hash_again
}

# hash_again - both sums in one read, so that the MD5 is that of the bytes that the SHA-256 covers
#
# MD5 takes twice as long as SHA-256, for which processors have instructions: it is computed only if a storage needs it.
hash_again() {
	set -- --hash-type sha256
	! any_md5 || set -- "$@" --hash-type md5
	run rclone lsjson out --files-only --hash "$@" >tmp/hashed 2>tmp/said ||
		die "$BAD_DATA" "cannot be read: $(tail -n 1 tmp/said)" 'check the disks of the node'
	hashed_files tmp/hashed >tmp/unsorted || die "$FAULT" 'rclone printed no JSON' 'see the log'
	sort tmp/unsorted >tmp/files
	awk '{ print $3 "  " $1 }' tmp/files | sort >tmp/now
	sort tmp/sums >tmp/then
	cmp -s tmp/then tmp/now ||
		die "$BAD_DATA" "changed since it was taken: $(cat tmp/then tmp/now | sort | uniq -u | sed 's/^[0-9a-f]*  //' | uniq | tr '\n' ' ')" \
			'the disk or memory of this node is faulty, or something else writes to the scratch space'
}

# any_md5 - whether a storage compares by MD5
any_md5() {
	for number in $(storage_numbers); do
		read_settings "$number"
		case $(use_driver && compared_by) in *MD5*) return 0 ;; esac
	done
	return 1
}

# check_grammar - retention reads the time from the name: a backup without one would never count and never be deleted
check_grammar() {
	known=$(echo "$NAME" | awk "$awk_names"'{ print seconds_of($0) != "" ? "yes" : "no" }')
	[ "$known" = yes ] || die "$WRONG_INPUT" "the name $NAME must contain one time and the run id" "set filenameTemplate to '{{ .Timestamp }}-{{ .RunID }}'"
}

# check_facts - each part must have facts and sums that agree
check_facts() {
	set -- facts/*.sums
	[ -e "$1" ] || die "$BAD_DATA" 'nothing was taken: there are no facts' 'check the earlier steps'
	find facts -type f | sed 's/\.[a-z]*$//' | sort | uniq -u >tmp/halves
	[ ! -s tmp/halves ] || die "$BAD_DATA" "facts without sums, or sums without facts: $(tr '\n' ' ' <tmp/halves)" 'an earlier step did not finish'
	for sums; do
		facts=${sums%.sums}.json
		json_flatten <"$facts" >tmp/flat || die "$BAD_DATA" "not JSON: $facts" 'this is a bug in the step that wrote it'
		unnamed=$(awk 'FILENAME == ARGV[1] { text = text $0; next } !index(text, $1) { print $2 }' "$facts" "$sums")
		[ -z "$unnamed" ] || die "$BAD_DATA" "$facts lacks the checksums of $unnamed" 'this is a bug in the step that wrote it'
	done
}

# compose - the manifest: what this script knows, and the facts unchanged
#
# Every storage gets the same manifest. It says how each storage compares; a storage that has it has compared that way.
compose() {
	printf '{"version":"backstay/v1","environment":%s,"namespace":%s,"source":%s,"tier":%s,\n' \
		"$(json_text "$ENVIRONMENT")" "$(json_text "$NAMESPACE")" "$(json_text "$SOURCE")" "$(json_text "$TIER")"
	printf '"name":%s,"runId":%s,"specHash":%s,"job":%s,"pod":%s,\n' \
		"$(json_text "$NAME")" "$(json_text "$RUN_ID")" "$(json_text "$SPEC_HASH")" "$(json_text "${JOB_NAME-}")" "$(json_text "$POD_NAME")"
	[ -z "${LABEL-}" ] || printf '"label":%s,\n' "$(json_text "$LABEL")"
	printf '"start":"%s","end":"%s","bytes":%s,\n' "$(iso "$START")" "$(iso "$(now)")" "$(total_bytes)"
	printf '"storages":[%s],\n"parts":[' "$(compose_storages)"
	separator=''
	for facts in "$WORK_DIR"/facts/*.json; do
		printf '%s\n' "$separator"
		cat "$facts"
		separator=,
	done
	printf ']}\n'
}

compose_storages() {
	separator=''
	for number in $(storage_numbers); do
		read_settings "$number"
		compared=$S_COMPARE
		[ "$S_READ_BACK" != true ] || compared=read-back
		printf '%s{"name":%s,"kind":%s,"role":%s,"compared":%s}' "$separator" \
			"$(json_text "$S_NAME")" "$(json_text "$S_KIND")" "$(json_text "$S_ROLE")" "$(json_text "$compared")"
		separator=,
	done
}

total_bytes() {
	awk '{ bytes += $2 } END { printf "%.0f", bytes }' "$WORK_DIR/tmp/files"
}
