#!/bin/sh
# prune.sh - deletes backups that retention does not keep, and sweeps files of failed runs. Sourced after retention.sh, never run.
#
# Environment (the only input):
#   ABANDONED_AFTER_SECONDS   age above which files without a manifest are swept (seconds; at least 48 h)
#
# Everything follows from a single listing. Only files with names of backups are touched, the manifest is deleted first,
# and whatever the store refuses to delete stays and is counted.

# awk_names comes from retention.sh.
# shellcheck disable=SC2154

# prune FOLDER LIMIT - carries out the plan. LIMIT is share, to delete nothing above KEEP_AT_MOST_DELETED, or all
prune() {
	pruned=0 retained=0 hidden=0 swept=0
	refused=''
	future=$(awk '$3 == "future" { n++ } END { print n + 0 }' "$S_TMP/plan")
	[ "$future" = 0 ] || warn "$future backups are dated in the future: they stay, and no rule counts them" 'check the clocks of the nodes'
	[ "$2" = all ] || refused=$(share_exceeded "$S_TMP/plan")
	if [ -n "$refused" ]; then
		warn "retention $refused backups exceed atMostDeleted (${KEEP_AT_MOST_DELETED:-50} %), nothing deleted" 'to delete them anyway: backstay prune'
	else
		delete_doomed "$1"
	fi
	sweep "$1"
	echo "$pruned $retained $hidden $swept" >"$S_TMP/pruned"
	log info "storage $S_NAME: $pruned pruned, $retained retained by the store, $hidden only hidden, $swept swept"
}

# plan FOLDER NOW - lists the folder, and decides about every backup and every abandoned run in it
plan() {
	list "$1"
	committed <"$S_TMP/list" >"$S_TMP/entries"
	plan_retention "$2" "$S_TMP/entries" >"$S_TMP/plan"
	abandoned "$2" <"$S_TMP/list" >"$S_TMP/abandoned"
}

# delete_doomed FOLDER - manifest, companions, data, in that order. If a manifest cannot be deleted, all files of the backup stay
delete_doomed() {
	awk '$2 == "delete" { print $1 }' "$S_TMP/plan" >"$S_TMP/doomed"
	[ -s "$S_TMP/doomed" ] || return 0
	files_of "$S_TMP/doomed" manifest >"$S_TMP/batch"
	delete_batch "$1"
	sed 's/\..*//' "$S_TMP/deleted" >"$S_TMP/gone"
	pruned=$(count "$S_TMP/gone")
	retained=$(($(count "$S_TMP/doomed") - pruned))
	hidden=$(count_hidden)
	for class in companion data; do
		files_of "$S_TMP/gone" "$class" >"$S_TMP/batch"
		delete_batch "$1"
	done
}

# sweep FOLDER - deletes files of runs that never wrote a manifest
sweep() {
	files_of "$S_TMP/abandoned" companion >"$S_TMP/batch"
	files_of "$S_TMP/abandoned" data >>"$S_TMP/batch"
	delete_batch "$1"
	sed 's/[.+].*//' "$S_TMP/deleted" | sort -u >"$S_TMP/gone"
	swept=$(count "$S_TMP/gone")
}

# abandoned NOW <listing - names without a manifest that are too old for their run to be alive
abandoned() {
	awk -v now="$1" -v age="${ABANDONED_AFTER_SECONDS:-0}" "$awk_names"'
		BEGIN { age = age < 172800 ? 172800 : age + 0 }
		{ stem = stem_of($0); time = seconds_of(stem); ending = substr($0, length(stem) + 1) }
		time == "" || now - time <= age { next }
		ending == ".manifest.json" || ending == ".keep" { kept[stem]; next }
		ending == ".done" { next }
		{ found[stem] }
		END { for (stem in found) if (!(stem in kept)) print stem }
	'
}

# files_of STEMS CLASS - the files of these backups of one class: manifest, companion or data. Markers are in none of them
files_of() {
	awk -v wanted="$2" '
		FILENAME == ARGV[1] { stems[$0]; next }
		{
			stem = $0; sub(/[.+].*/, "", stem)
			ending = substr($0, length(stem) + 1)
			class = "data"
			if (ending ~ /\+/ || ending == ".verified.json") class = "companion"
			if (ending == ".manifest.json") class = "manifest"
			if (ending == ".keep" || ending == ".done") class = "marker"
			if (stem in stems && class == wanted) print
		}
	' "$1" "$S_TMP/list"
}

# delete_batch FOLDER - deletes the files in batch, lists the deleted ones in deleted, and logs why others stay
delete_batch() {
	: >"$S_TMP/deleted"
	[ -s "$S_TMP/batch" ] || return 0
	try rclone delete "$S_REMOTE/$1" --files-from-raw "$S_TMP/batch" --no-traverse --retries 1 --dump headers || :
	sed -n 's/^.* INFO  *: \(.*\): Deleted$/\1/p' "$S_TMP/said" >"$S_TMP/deleted"
	after_delete "$1"
	[ "$(count "$S_TMP/deleted")" != "$(count "$S_TMP/batch")" ] || return 0
	sed -n "s/^.* ERROR *: /storage $S_NAME: not deleted: /p" "$S_TMP/said" | head -n 5 >"$S_TMP/refusals"
	while IFS= read -r refusal; do log warn "$refusal"; done <"$S_TMP/refusals"
}

count() {
	awk 'END { print NR }' "$1"
}
