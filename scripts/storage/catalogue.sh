#!/bin/sh
# catalogue.sh - list what is stored, print one manifest, or prune on request. Runs in a pod of its own, one container a tier.
#
# Environment (the only input; common.sh, storage.sh, retention.sh and prune.sh list the rest):
#   ACTION            list, get or prune
#   ENVIRONMENT       environment in the values, such as prod
#   SOURCE            source in the values
#   FOLDER            folder of this source and tier below a storage's prefix: shop/daily
#   STORAGE           name of the storage (default: the primary; for prune: all of them)
#   RUN_ID_WANTED     get: a run id, the name of a backup, or the name of one of its files
#   DRY_RUN           prune: true only prints what would be deleted (default: false)
#   CONFIRM           prune: environment and source, such as prod/shop; required to delete
# Output: on stdout, between log lines on stderr, which kubectl shows in one stream:
#   list, get: lines of backup, name, pinned or -, verified or -, and the manifest as it is, on one line; newest first.
#     After a backup that is verified a line of verification, its name, and <name>.verified.json as it is, on one line
#   list: after each backup a line of next, its name, what retention decides about what is stored now, and why: keep with the
#     rules that keep it, delete, or refused: not kept, but more backups than one run may delete are not. The next run adds a
#     backup first, so the oldest one of a full rule may be deleted then, although its line says keep.
#   prune: lines of storage, folder, name, keep or delete or sweep, and why; then what was done
# Exit: 0 done, also if nothing is there; 64 wrong values; 69 the store does not answer; 77 access denied.
#
# A backup counts by the name of its manifest alone: what is in it is for the reader to judge.

# Functions are called by name through each_storage and whole_turn.
# shellcheck disable=SC2317
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/storage.sh"
. "$(dirname "$0")/storage-owner.sh"
. "$(dirname "$0")/retention.sh"
. "$(dirname "$0")/prune.sh"

main() {
	need_env ENVIRONMENT SOURCE NAMESPACE WORK_DIR FOLDER STORAGE_COUNT ACTION
	need_storages
	need_cmd rclone timeout
	trap on_exit EXIT
	trap stopped TERM
	umask 027
	# The containers of all tiers run side by side over one scratch.
	WORK_DIR=$WORK_DIR/${FOLDER##*/}
	mkdir -p "$WORK_DIR/tmp"
	rm -rf "$WORK_DIR"/tmp/storage-*
	rclone_defaults
	choose_storages
	case $ACTION in
	list) act=list_backups ;;
	get) need_env RUN_ID_WANTED && act=get_backup ;;
	prune) confirm && act=prune_storage ;;
	*) die "$WRONG_INPUT" "there is no action '$ACTION'" 'set ACTION to list, get or prune' ;;
	esac
	each_storage whole_turn
	finish
}

# whole_turn - a turn that ends early leaves no `ended`: an empty answer counts only if it is a whole one
whole_turn() {
	is_chosen || return 0
	"$act"
	: >"$S_TMP/ended"
}

stopped() {
	trap '' TERM
	stop_child
	on_term
}

# choose_storages - the one that STORAGE names; by default the primary, or all of them to prune
choose_storages() {
	chosen=''
	for number in $(storage_numbers); do
		read_settings "$number"
		if [ "$S_NAME" = "${STORAGE-}" ] || { [ -z "${STORAGE-}" ] && { [ "$ACTION" = prune ] || [ "$S_ROLE" = primary ]; }; }; then
			chosen="$chosen $number"
		fi
	done
	[ -n "$chosen" ] || die "$WRONG_INPUT" "unknown storage '${STORAGE-}'" 'set STORAGE to a storage of this tier'
}

is_chosen() {
	case "$chosen " in *" ${S_TMP##*-} "*) ;; *) return 1 ;; esac
}

confirm() {
	[ "${DRY_RUN-}" != true ] || return 0
	[ "${CONFIRM-}" = "$ENVIRONMENT/$SOURCE" ] ||
		die "$WRONG_INPUT" "CONFIRM must be $ENVIRONMENT/$SOURCE to delete, got '${CONFIRM-}'" "set CONFIRM=$ENVIRONMENT/$SOURCE, or DRY_RUN=true to look first"
}

# list_backups - one storage's turn
list_backups() {
	list "$FOLDER"
	committed <"$S_TMP/list" >"$S_TMP/entries"
	[ -s "$S_TMP/entries" ] || return 0
	try rclone copy "$S_REMOTE/$FOLDER" "$S_TMP/manifests" --include '*.manifest.json' --include '*.verified.json' --transfers 16 --checkers 16 || explain "$?"
	use_keep "${S_TMP##*-}"
	plan_retention "$(now)" "$S_TMP/entries" >"$S_TMP/plan"
	describe "$(share_exceeded "$S_TMP/plan")"
}

get_backup() {
	list "$FOLDER"
	committed <"$S_TMP/list" >"$S_TMP/all"
	named "$RUN_ID_WANTED" 1 "$S_TMP/all" >"$S_TMP/entries"
	[ -s "$S_TMP/entries" ] || return 0
	[ "$(count "$S_TMP/entries")" = 1 ] || fail "$WRONG_INPUT" "'$RUN_ID_WANTED' matches several backups" 'give the full name'
	mkdir -p "$S_TMP/manifests"
	name=$(cut -d ' ' -f 1 "$S_TMP/entries")
	read_stored "$FOLDER/$name.manifest.json" >"$S_TMP/manifests/$name.manifest.json"
	! grep -q ' verified$' "$S_TMP/entries" || read_stored "$FOLDER/$name.verified.json" >"$S_TMP/manifests/$name.verified.json"
	# Retention decides over all backups of a tier, and this is one.
	echo "$name" >"$S_TMP/plan"
	describe ''
}

# describe REFUSED - the lines of each backup of plan: all documents in one go; REFUSED is what share_exceeded says
describe() {
	awk -v dir="$S_TMP/manifests" -v refused="$1" '
		FILENAME == ARGV[1] { pinned[$1] = $2; verified[$1] = $3; next }
		{
			print_line("backup " $1 " " pinned[$1] " " verified[$1], $1 ".manifest.json")
			if (verified[$1] == "verified") print_line("verification " $1, $1 ".verified.json")
			if ($2 == "delete" && refused != "") $2 = "refused"
			if (NF > 1) print "next " $0
		}
		function print_line(start, file, line) {
			printf "%s ", start
			while ((getline line <(dir "/" file)) > 0) {
				gsub(/[[:cntrl:]]/, "", line)
				printf "%s", line
			}
			close(dir "/" file)
			printf "\n"
		}
	' "$S_TMP/entries" "$S_TMP/plan"
}

# prune_storage - one storage's turn: by the same rules as a run, but without its limit on the share
prune_storage() {
	use_keep "${S_TMP##*-}"
	plan "$FOLDER" "$(now)"
	[ -s "$S_TMP/plan" ] || [ -s "$S_TMP/abandoned" ] || return 0
	read_stored "${FOLDER%/*}/owner.json" >"$S_TMP/owner.stored"
	need_owner "${FOLDER%/*}/owner.json"
	awk -v place="$S_NAME $FOLDER" '{ print place, $1, $2, $2 == "keep" ? substr($0, length($1) + 7) : "no rule keeps it" }' "$S_TMP/plan"
	sort "$S_TMP/abandoned" | awk -v place="$S_NAME $FOLDER" '{ print place, $1, "sweep never committed" }'
	[ "${DRY_RUN-}" != true ] || return 0
	prune "$FOLDER" all
	echo "$S_NAME $FOLDER: $pruned pruned, $retained retained by the store, $hidden only hidden, $swept swept"
}

# finish - the first storage that failed decides
finish() {
	for number in $chosen; do
		read_settings "$number"
		[ ! -s "$S_TMP/failed" ] || die "$(sed -n 1p "$S_TMP/failed")" "storage $S_NAME: $(sed -n 2p "$S_TMP/failed")" "$(sed -n 3p "$S_TMP/failed")"
		[ -e "$S_TMP/ended" ] || die "$FAULT" "storage $S_NAME: ended without a reason" 'check the log above'
	done
	last_words 0 "$ACTION: done" '' ''
}

main "$@"
