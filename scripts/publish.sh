#!/bin/sh
# publish.sh - store what the steps before have taken: upload, compare, manifest last, then prune and report.
#
# Environment (the only input; see common.sh and storage.sh for the rest):
#   NAMESPACE                  namespace of the pod
#   FOLDER                     folder of this source and tier below a storage's prefix: shop/daily
#   SPEC_HASH                  hash of what the user wrote that shapes the artifact
#   LABEL                      label of a run by hand (default: none)
# Output: log lines on stderr, nothing on stdout.
# Exit: 0 stored everywhere; 10 stored in the primary, but a copy failed; when the primary failed, by its reason:
# 64 no such bucket, or the folder is another's; 65 the data is not what was taken; 69 the store does not answer;
# 73 no room; 77 access denied.
#
# A backup exists in a storage once its manifest is there. It is written last, after everything else was compared,
# and only if nothing has that name. Storages are independent: each gets the same files, and fails alone.
# Functions are called by name through each_storage.
# shellcheck disable=SC2317
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/storage.sh"

main() {
	need_env ENVIRONMENT SOURCE TIER POD_UID POD_NAME FILENAME_TEMPLATE WORK_DIR NAMESPACE FOLDER SPEC_HASH STORAGE_COUNT
	need_storages
	need_cmd rclone awk sync
	trap stopped TERM
	begin_run

	inspect
	compose >"$WORK_DIR/tmp/manifest.json"
	each_storage store
	report
}

need_storages() {
	for number in $(storage_numbers); do
		need_env "STORAGE_${number}_NAME" "STORAGE_${number}_KIND" "STORAGE_${number}_ROLE" "STORAGE_${number}_REMOTE" "STORAGE_${number}_COMPARE"
	done
}

# stopped - TERM: the storage whose turn it is cleans up, then the log says so
stopped() {
	trap '' TERM
	stop_child
	on_term
}

# inspect - out/ holds what the facts name and nothing else, byte for byte as it was taken
inspect() {
	cd "$WORK_DIR"
	set -- facts/*.sums
	[ -e "$1" ] || die $BAD_DATA 'nothing was taken: there are no facts' 'look at the step before'
	cat facts/*.sums >tmp/sums
	sed 's/^[0-9a-f]*  //' tmp/sums | sort >tmp/names
	find out ! -type d | sed 's|^out/||' | sort >tmp/found
	cmp -s tmp/names tmp/found || die $BAD_DATA "out/ does not hold what the facts name: $(differing)" 'nothing is stored that no step vouches for'
	run rclone lsjson out --files-only --hash --hash-type sha256 --hash-type md5 >tmp/hashed 2>tmp/said || die $BAD_DATA "cannot be read: $(tail -n 1 tmp/said)"
	sed -n 's/.*"Path":"\([^"]*\)".*"Size":\([0-9]*\).*"md5":"\([0-9a-f]*\)".*"sha256":"\([0-9a-f]*\)".*/\1 \2 \4 \3/p' tmp/hashed | sort >tmp/files
	awk '{ print $3 "  " $1 }' tmp/files | sort >tmp/now
	sort tmp/sums | cmp -s - tmp/now || die $BAD_DATA "changed since it was taken: $(changed)" 'a disk or memory of this node is bad, or something else writes to the scratch space'
}

differing() {
	cat tmp/names tmp/found | sort | uniq -u | tr '\n' ' '
}

changed() {
	cat tmp/sums tmp/now | sort | uniq -u | sed 's/^[0-9a-f]*  //' | sort -u | tr '\n' ' '
}

# compose - the manifest: what is known here, and the facts as they are
compose() {
	total=$(awk '{ bytes += $2 } END { printf "%.0f", bytes }' "$WORK_DIR/tmp/files")
	printf '{"version":"backstay/v1","environment":%s,"namespace":%s,"source":%s,"tier":%s,\n' \
		"$(json_text "$ENVIRONMENT")" "$(json_text "$NAMESPACE")" "$(json_text "$SOURCE")" "$(json_text "$TIER")"
	printf '"name":%s,"runId":%s,"specHash":%s,"job":%s,"pod":%s,\n' \
		"$(json_text "$NAME")" "$(json_text "$RUN_ID")" "$(json_text "$SPEC_HASH")" "$(json_text "${JOB_NAME-}")" "$(json_text "$POD_NAME")"
	[ -z "${LABEL-}" ] || printf '"label":%s,\n' "$(json_text "$LABEL")"
	printf '"start":"%s","end":"%s","bytes":%s,\n"storages":[' "$(iso "$START")" "$(iso "$(now)")" "$total"
	separator=
	for number in $(storage_numbers); do
		read_settings "$number"
		compared=$S_COMPARE
		[ "$S_READ_BACK" != true ] || compared=read-back
		printf '%s{"name":%s,"kind":%s,"role":%s,"compared":%s}' "$separator" \
			"$(json_text "$S_NAME")" "$(json_text "$S_KIND")" "$(json_text "$S_ROLE")" "$(json_text "$compared")"
		separator=,
	done
	printf '],\n"parts":['
	separator=
	for facts in "$WORK_DIR"/facts/*.json; do
		printf '%s\n' "$separator"
		cat "$facts"
		separator=,
	done
	printf ']}\n'
}

# store - one storage's turn
store() {
	make_folder "$FOLDER"
	own "${FOLDER%/*}/owner.json"
	upload "$FOLDER" "$WORK_DIR/tmp/names"
	[ "$S_READ_BACK" != true ] || read_back
	look "$FOLDER" "$WORK_DIR/tmp/names"
	compare
	commit
}

# own PATH - the folder is ours, or becomes it; two environments or sources never write to one folder
own() {
	printf '{"environment":%s,"namespace":%s,"source":%s}\n' "$(json_text "$ENVIRONMENT")" "$(json_text "$NAMESPACE")" "$(json_text "$SOURCE")" >"$S_TMP/owner.json"
	read_stored "$1" >"$S_TMP/owner.stored"
	if [ ! -s "$S_TMP/owner.stored" ]; then
		create "$S_TMP/owner.json" "$1" || :
		read_stored "$1" >"$S_TMP/owner.stored"
	fi
	cmp -s "$S_TMP/owner.json" "$S_TMP/owner.stored" ||
		fail $WRONG_INPUT "$S_REMOTE/$1 says that the folder belongs to $(head -c 200 "$S_TMP/owner.stored" | tr -d '\n')" \
			'give one of the two another prefix or folder; if the other is gone for good, delete owner.json'
}

# read_back - everything once more over the network
read_back() {
	remote hashsum sha256 "$S_REMOTE/$FOLDER" --files-from-raw "$WORK_DIR/tmp/names" --no-traverse --download >"$S_TMP/read"
	sort "$S_TMP/read" >"$S_TMP/read.sorted"
	cmp -s "$S_TMP/read.sorted" "$WORK_DIR/tmp/now" || fail $BAD_DATA 'what was read back is not what was uploaded' 'the store or the network changes bytes'
}

# compare - what the storage says it holds against what was taken
compare() {
	[ ! -e "$S_TMP/uploaded" ] || sed -n 's/.* DEBUG : \([^ ]*\): Multipart upload Etag: \([^ ]*\) OK$/\1 \2/p' "$S_TMP/uploaded" >"$S_TMP/etags"
	[ -e "$S_TMP/etags" ] || : >"$S_TMP/etags"
	wrong=$(awk -v by="$S_COMPARE" -v claim="$(is_claim && echo yes || echo no)" '
		FILENAME == ARGV[1] { composite[$1] = $2; next }
		FILENAME == ARGV[2] { bytes[$1] = $2; hash[$1] = $3; etag[$1] = $4; next }
		!($1 in bytes) { print $1 " is not there"; next }
		bytes[$1] != $2 { print $1 " has " bytes[$1] " bytes and not " $2; next }
		by == "size" { next }
		claim == "yes" { if (hash[$1] != $3) print $1 " has other content"; next }
		hash[$1] != $4 || etag[$1] != ($1 in composite ? composite[$1] : $4) { print $1 " has the checksum " etag[$1] " and not " ($1 in composite ? composite[$1] : $4) }
	' "$S_TMP/etags" "$S_TMP/stored" "$WORK_DIR/tmp/files")
	[ -z "$wrong" ] || fail $BAD_DATA "what is stored is not what was uploaded: $(echo "$wrong" | tr '\n' ';')" 'it has no manifest and does not count as a backup'
}

# commit - the manifest, once; one that is there already is left alone
commit() {
	manifest=$FOLDER/$NAME.manifest.json
	if ! create "$WORK_DIR/tmp/manifest.json" "$manifest"; then
		# A lost answer looks like a manifest of somebody else: it is ours if it says what ours says.
		read_stored "$manifest" >"$S_TMP/manifest.stored"
		if ! cmp -s "$S_TMP/manifest.stored" "$WORK_DIR/tmp/manifest.json"; then
			# What is there has a manifest that is not ours: it is not ours to take back.
			: >"$S_TMP/made"
			fail $BAD_DATA "there is a manifest already: $manifest" 'nothing was overwritten; the next run has another name'
		fi
	fi
	: >"$S_TMP/made"
	: >"$S_TMP/committed"
	log info "storage $S_NAME: committed $S_REMOTE/$manifest"
}

# report - last words and status
report() {
	total=$(awk '{ bytes += $2 } END { printf "%.0f", bytes }' "$WORK_DIR/tmp/files")
	status=0 reason='stored in every storage' hint= path= states= separator=
	for number in $(storage_numbers); do
		read_settings "$number"
		state=committed
		if [ ! -e "$S_TMP/committed" ]; then
			failed_as=$FAULT why='ended without a word'
			[ ! -s "$S_TMP/failed" ] || { failed_as=$(sed -n 1p "$S_TMP/failed") && why=$(sed -n 2p "$S_TMP/failed"); }
			state="failed: $(printf '%.120s' "$why")"
			if [ "$S_ROLE" = primary ]; then
				status=$failed_as reason="storage $S_NAME: $why" hint=$(sed -n 3p "$S_TMP/failed" 2>/dev/null || :)
			elif [ "$status" = 0 ]; then
				status=$DEGRADED reason="degraded: storage $S_NAME: $why" hint=$(sed -n 3p "$S_TMP/failed" 2>/dev/null || :)
			fi
		fi
		[ "$S_ROLE" != primary ] || path=$S_REMOTE/$FOLDER/$NAME.manifest.json
		states="$states$separator$(json_text "$S_NAME"):$(json_text "$state")"
		separator=,
	done
	last_words "$status" "$reason" "$hint" "\"path\":$(json_text "$path"),\"bytes\":$total,\"seconds\":$(($(now) - START)),\"runId\":\"$RUN_ID\",\"name\":\"$NAME\",\"storages\":{$states}"
	log info "$reason"
	exit "$status"
}

main "$@"
