#!/bin/sh
# volume-restore.sh - put the files of a backup back into a claim: beside what is there, or in its place.
#
# Environment (the only input; see common.sh for WORK_DIR):
#   PART             name of the part in the manifest; in/<part>.facts is read
#   CLAIM            name of the claim, for messages
#   DATA_DIR         folder where the claim is mounted, to be written
#   DATA_PATH        folder below it that is restored; `.` is all of it
#   RESTORE_ID       names this restore; the same for each attempt
#   RESTORE_ACTION   restore, or of one that is done: swap-back or drop-old
#   RESTORE_MODE     beside, swap, merge, clear or fill
#   PATHS            only these files and folders, with all that is in them, one a line (default: all)
#   OWNERS           keep, or none: all belongs to the user of the pod
#   ATTRIBUTES       extended attributes and ACLs: keep (default) or none
#   LINKS            links that lead out of the folder: refuse (default) or keep
# Output: log lines on stderr, nothing on stdout. run/state-<part> and run/result-<part>.json.
# Exit: 0 restored, or it was before; 64 a wrong wish; 65 the archive is not good, or holds what could lead out of the
# folder; 70 a fault, or stopped; 73 no room; 75 another restore is at work here; 77 owners or files that this user may
# not give or change.
#
# The modes. In all of them the archive is compared, read to its end and judged before anything is touched, and unpacked
# into a folder of ours before anything of it comes into place:
#   beside   into .backstay-restored-<id>; nothing else changes
#   swap     what is there moves to .backstay-before-<time>, the restored into its place, by renames. A failure moves all
#            back; a kill leaves a journal by which the next attempt goes on. The old files stay: swap-back moves them
#            back (to .backstay-undone-<time> goes what is there then), drop-old deletes them, whichever they are
#   merge    the restored files replace those of their names, one rename each; all others stay, folders keep their modes
#   clear    what is there is deleted first: needs no room for both, and leaves neither if it is stopped
#   fill     into a folder with nothing in it, which is made where it is not there
# lost+found of the claim and folders of restores are never touched. The folder itself keeps owner and mode, but for
# clear and fill. Owners are kept by who may give files away (root); any other user can keep only its own.
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/json.sh"
. "$(dirname "$0")/volume-preflight.sh"
. "$(dirname "$0")/volume-pack.sh"
. "$(dirname "$0")/volume-judge.sh"
. "$(dirname "$0")/volume-unpack.sh"
. "$(dirname "$0")/volume-fail.sh"
. "$(dirname "$0")/volume-closed.sh"
. "$(dirname "$0")/volume-swap.sh"
. "$(dirname "$0")/volume-modes.sh"
. "$(dirname "$0")/volume-undo.sh"

# Statuses are numbers of common.sh.
# shellcheck disable=SC2034,SC2086,SC2154

ROOM_HINT='make the claim larger, free room in it, or restore with mode: clear'
OWNERS_HINT='run as root in a namespace that allows it (pod.runAsUser: 0), or set owners: none'
ALLOWED_HINT='run as the user that owns the files (pod.runAsUser), or as root in a namespace that allows it (pod.runAsUser: 0)'
ATTRIBUTES_HINT='the file system of the claim must know them, and capabilities can be given by root alone (pod.runAsUser: 0); attributes: none does without'
DEVICES=refuse
# Whether our folder in the volume holds nothing that an attempt after this one needs.
DISPOSABLE=no
LINKS=${LINKS:-refuse}
ATTRIBUTES=${ATTRIBUTES:-keep}
XATTRS=$ATTRIBUTES ACLS=$ATTRIBUTES
main() {
	trap on_exit EXIT
	trap on_term TERM
	need_env WORK_DIR PART CLAIM DATA_DIR DATA_PATH RESTORE_ID RESTORE_ACTION RESTORE_MODE OWNERS
	check_words
	if [ -e "$WORK_DIR/run/already" ]; then
		finish 'already done, in an earlier run of this restore'
	fi
	need_unpack_tools
	prepare
	open_volume
	case $RESTORE_ACTION in
	restore) restore ;;
	swap-back) swap_back ;;
	drop-old) drop_old ;;
	esac
}

check_words() {
	case $RESTORE_ID in *[!A-Za-z0-9-]*) die $WRONG_INPUT "RESTORE_ID is '$RESTORE_ID'" 'it is letters, digits and dashes' ;; esac
	case $RESTORE_ACTION in restore | swap-back | drop-old) ;; *) die $WRONG_INPUT "RESTORE_ACTION is '$RESTORE_ACTION'" 'it is restore, swap-back or drop-old' ;; esac
	case $RESTORE_MODE in beside | swap | merge | clear | fill) ;; *) die $WRONG_INPUT "RESTORE_MODE is '$RESTORE_MODE'" 'it is beside, swap, merge, clear or fill' ;; esac
	case $OWNERS in keep | none) ;; *) die $WRONG_INPUT "OWNERS is '$OWNERS'" 'it is keep or none' ;; esac
	case $LINKS in refuse | keep) ;; *) die $WRONG_INPUT "LINKS is '$LINKS'" 'it is refuse or keep' ;; esac
	case $ATTRIBUTES in keep | none) ;; *) die $WRONG_INPUT "ATTRIBUTES is '$ATTRIBUTES'" 'it is keep or none' ;; esac
}

prepare() {
	umask 027
	mkdir -p "$WORK_DIR/run" "$WORK_DIR/tmp"
	WORK_DIR=$(cd "$WORK_DIR" && pwd -P)
	begun=$(now)
	TMP=$WORK_DIR/tmp/$PART
	rm -rf "$TMP"
	mkdir "$TMP"
	export TMPDIR="$TMP"
	read_paths
}

# open_volume - the folder becomes the working directory, and no other restore is at work in it
open_volume() {
	[ "$RESTORE_MODE" != fill ] || mkdir -p "$DATA_DIR/$DATA_PATH" 2>/dev/null || :
	enter
	exec 8<.
	locked=0
	flock -n 8 || locked=$?
	# Some file systems know no locks: then nobody can tell.
	[ "$locked" != 1 ] || die $BUSY "another restore is at work in claim '$CLAIM'" 'wait until it has ended'
	OWN=.backstay-restore-$RESTORE_ID
	RESTORED=.backstay-restored-$RESTORE_ID
	{ [ ! -L "$OWN" ] && [ ! -L "$RESTORED" ]; } || die $NOT_ALLOWED "$OWN is a link, which no restore makes" 'somebody made it: remove it'
	read_journal "$OWN"
}

# restore - goes on with what an attempt before this one left, or begins
restore() {
	case $JOURNAL_PHASE in
	swapping) go_on_swapping ;;
	merging) go_on_merging ;;
	undoing)
		state between 'stopped while it moved the old files back'
		undo_swap || die $FAULT "the old files cannot be moved back: they are in $TO" "$AGAIN_HINT"
		;;
	esac
	case $JOURNAL_PHASE in
	done | dropping) done_before ;;
	undone) die $WRONG_INPUT "restore $RESTORE_ID was done, and swapped back" 'give the restore another name to do it again' ;;
	esac
	if [ "$RESTORE_MODE" = beside ] && [ -d "$RESTORED" ]; then done_before; fi
	begin
	read_facts
	read_archive
	check_archive
	open_own
	check_owners
	"into_place_$RESTORE_MODE"
}

# begin - what is known before anything is read: nothing has changed, unless an attempt before this one began to delete
begin() {
	if [ "$MODE/$JOURNAL_PHASE" = clear/clearing ]; then
		state between 'the old files were deleted, and the restored are not in place'
	else
		state old 'nothing has changed'
	fi
	if [ -d "$OWN" ]; then
		log info 'an attempt before this one was stopped: its files are removed'
		remove "$OWN/new"
		[ "$STATE" = between ] || remove "$OWN"
	fi
	[ "$RESTORE_MODE" != fill ] || check_empty
	look_at_others
}

# check_empty - what is there would be neither old nor restored afterwards
check_empty() {
	list_live "$TMP/there"
	[ ! -s "$TMP/there" ] || die $WRONG_INPUT "'$DATA_PATH' of claim '$CLAIM' is not empty: $(tr '\0' '\n' <"$TMP/there" | head -n 3 | tr '\n' ' ')" \
		'a new claim has nothing in it; into one in use restore with inPlace'
}

# look_at_others - other restores into this folder: none may be in the middle, and what is of no more use goes
look_at_others() {
	for other in .backstay-restore-*; do
		{ [ -d "$other" ] && [ ! -L "$other" ] && [ "$other" != "$OWN" ]; } || continue
		read_journal "$other"
		case $JOURNAL_PHASE/$KEPT in
		swapping/* | undoing/*)
			state between "restore ${other#.backstay-restore-} was stopped in the middle"
			die $WRONG_INPUT "restore ${other#.backstay-restore-} was stopped between the old and the restored files" \
				'run it again, which finishes it, or with its action swap-back, which moves the old files back'
			;;
		done/?* | undone/?* | dropping/*) ;;
		clearing/* | merging/*)
			# Only what puts all of it in place may take over: the rest would be left half done, and look whole.
			case $RESTORE_MODE/${PATHS-} in
			swap/ | clear/) log info "takes over from restore ${other#.backstay-restore-}, which was stopped in the middle" && remove "$other" ;;
			*)
				state between "restore ${other#.backstay-restore-} was stopped in the middle"
				die $WRONG_INPUT "restore ${other#.backstay-restore-} was stopped while files came into place" \
					'run it again, which finishes it, or restore all of it in place with mode: swap'
				;;
			esac
			;;
		*)
			log info "what restore ${other#.backstay-restore-} left is removed: $other"
			remove "$other"
			;;
		esac
	done
	read_journal "$OWN"
}

# check_owners - before anything is touched: as another user files would come back as somebody else's
check_owners() {
	SAME_OWNER=--no-same-owner
	[ "$OWNERS" = keep ] || return 0
	SAME_OWNER=--same-owner
	! may_give_away || return 0
	awk -v user="$(id -u)" -v groups=" $(id -G) " -F / '$1 != user || !index(groups, " " $2 " ")' "$TMP/owners" >"$TMP/foreign"
	[ ! -s "$TMP/foreign" ] || die $NOT_ALLOWED "user $(id -u) may not give files to $(first_lines "$TMP/foreign") (user/group), to whom they belong in the backup" "$OWNERS_HINT"
}

# may_give_away - seen, not guessed: root may be without its powers, or a stranger to the file system
may_give_away() {
	gave=0
	: >"$OWN/probe"
	chown 4242:4242 "$OWN/probe" 2>/dev/null || gave=1
	rm -f "$OWN/probe"
	return "$gave"
}

# open_own - the folder of this restore, which none but its user enters
open_own() {
	MODE=$RESTORE_MODE BACKUP=$(head -n 1 "$WORK_DIR/run/backup") FROM=$OWN/new TO='' LISTS='' KEPT='' ALL=yes
	[ ! -s "$TMP/paths" ] || ALL=no
	[ "$STATE" != old ] || DISPOSABLE=yes
	[ -d "$OWN" ] || mkdir -m 700 "$OWN" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "cannot write to claim '$CLAIM'"
}

# check_claim BYTES - besides what is free already
check_claim() {
	df -Pk . >"$TMP/df"
	free=$(awk -v more="$1" 'NR == 2 { printf "%.0f\n", $4 * 1024 + more }' "$TMP/df")
	[ "$(needed_bytes)" -le "$free" ] || die $NO_ROOM "$(human "$(needed_bytes)") do not fit into claim '$CLAIM', which has room for $(human "$free")" "$ROOM_HINT"
	df -Pi . >"$TMP/df" 2>/dev/null || :
	inodes=$(awk 'NR == 2 && $2 > 0 && $4 ~ /^[0-9]+$/ { print $4 }' "$TMP/df")
	[ "$1" != 0 ] || [ -z "$inodes" ] || [ "$ENTRIES" -le "$inodes" ] ||
		die $NO_ROOM "$ENTRIES files and folders do not fit into claim '$CLAIM', whose file system takes $inodes more" "$ROOM_HINT"
}

# state WORD TEXT - what is there if this is the last that is heard: old, between or new
state() {
	STATE=$1
	[ "$1" = old ] || DISPOSABLE=no
	printf '%s\n%s\n' "$1" "$2" >"$WORK_DIR/run/state-$PART.new"
	chmod 644 "$WORK_DIR/run/state-$PART.new"
	mv -f "$WORK_DIR/run/state-$PART.new" "$WORK_DIR/run/state-$PART"
}

# finish TEXT [HINT] - the last words of success
finish() {
	log info "$1"
	[ -z "${2-}" ] || log hint "$2"
	last_words 0 "$1" "${2-}" ''
	exit 0
}

# report INTO TEXT [HINT] - the result of this part, and the end
report() {
	{
		printf '{"part":%s,"kind":"volume","action":"%s","mode":"%s","backup":%s,' "$(json_text "$PART")" "$RESTORE_ACTION" "${MODE:-$RESTORE_MODE}" "$(json_text "$BACKUP")"
		printf '"claim":%s,"path":%s,"into":%s,"kept":%s,' "$(json_text "$CLAIM")" "$(json_text "$DATA_PATH")" "$(json_text "$1")" "$(json_text "$KEPT")"
		printf '"entries":%s,"bytes":%s,"seconds":%s}\n' "$ENTRIES" "$BYTES" "$(($(now) - begun))"
	} >"$WORK_DIR/run/result-$PART.new"
	chmod 644 "$WORK_DIR/run/result-$PART.new"
	mv -f "$WORK_DIR/run/result-$PART.new" "$WORK_DIR/run/result-$PART.json"
	finish "$2" "${3-}"
}

# on_term - TERM, unless files change places just now: what was unpacked goes, and the log says what is there
on_term() {
	trap '' TERM
	# The lock is of those who write: not of the watch over a stubborn child, which outlives it.
	exec 8<&-
	kill -TERM "-$$" 2>/dev/null || [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
	[ -z "$child" ] || await_child
	case ${STATE-} in
	between) die $FAULT 'stopped by TERM: the old files are deleted, and the restored are not in place' 'run the restore again, or restore the safety backup' ;;
	new) die $FAULT 'stopped by TERM, after the restored files came into place' 'nothing is to be done' ;;
	*) die $FAULT 'stopped by TERM: the run was deleted, evicted or past its deadline' 'nothing has changed; run the restore again' ;;
	esac
}

# tidy - called by on_exit: what was unpacked in vain goes
tidy() {
	[ "$DISPOSABLE" = no ] || ! [ -d "$OWN" ] || remove "$OWN"
	[ -z "${TMP-}" ] || rm -rf "$TMP"
}

main "$@"
