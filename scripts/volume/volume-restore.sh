#!/bin/sh
# volume-restore.sh - restore the files of a backup into a claim, next to the live files or in their place.
#
# Environment (the only input; see common.sh for WORK_DIR):
#   PART             name of the part in the manifest; in/<part>.facts is read
#   CLAIM            name of the claim, for messages
#   DATA_DIR         folder where the claim is mounted, writable
#   DATA_PATH        folder below it to restore; `.` is all of it
#   RESTORE_ID       id of this restore; the same for each attempt
#   RESTORE_ACTION   restore; or swap-back or drop-old, which follow a restore that is done
#   RESTORE_MODE     beside, swap, merge, clear or fill
#   PATHS            only these files and folders, with their contents, one a line (default: all)
#   OWNERS           keep; or none, so that all files belong to the user of the pod
#   ATTRIBUTES       extended attributes and ACLs: keep (default) or none
#   LINKS            links that point outside the folder: refuse (default) or keep
# Output: log lines on stderr, nothing on stdout. run/state-<part> and run/result-<part>.json.
# Exit: 0 restored, or already done; 64 a wrong request; 65 the archive is damaged, or has entries that could reach outside
# the folder; 70 a fault, or stopped; 73 no room; 75 another restore is running here; 77 this user may not set an owner or
# change a file.
#
# In every mode the archive is first compared with the manifest, read to its end and checked. Then it is unpacked into a
# folder of this restore, and only then do files get into place:
#   beside   into .backstay-restored-<id>; nothing else changes
#   swap     renames move the live files to .backstay-before-<time> and the restored ones into their place. A failure moves
#            everything back; after a kill the next attempt resumes from a journal. The old files stay: swap-back restores
#            them (the files live by then move to .backstay-undone-<time>), drop-old deletes whichever were kept
#   merge    each restored file replaces the live one of its name, by a rename; other files stay, folders keep their modes
#   clear    deletes the live files first: needs no room for both, but has neither if it is stopped
#   fill     into an empty folder, which is created if it does not exist
# lost+found of the claim and folders of restores are never touched. The folder itself keeps owner and mode, except with
# clear and fill. Only root can restore the owners of others; any other user can keep only its own.
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

# Statuses come from common.sh.
# shellcheck disable=SC2034,SC2086,SC2154

ROOM_HINT='enlarge the claim, free space in it, or restore with mode: clear'
OWNERS_HINT='run as root in a namespace that allows it (pod.runAsUser: 0), or set owners: none'
ALLOWED_HINT='run as the user that owns the files (pod.runAsUser), or as root in a namespace that allows it (pod.runAsUser: 0)'
ATTRIBUTES_HINT='use a file system that has them, run as root for capabilities (pod.runAsUser: 0), or set attributes: none'
DEVICES=refuse
# Whether OWN can be deleted at the end, because no later attempt needs it.
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
	case $RESTORE_ID in *[!A-Za-z0-9-]*) die $WRONG_INPUT "RESTORE_ID must be letters, digits and dashes, got '$RESTORE_ID'" ;; esac
	case $RESTORE_ACTION in restore | swap-back | drop-old) ;; *) die $WRONG_INPUT "RESTORE_ACTION must be restore, swap-back or drop-old, got '$RESTORE_ACTION'" ;; esac
	case $RESTORE_MODE in beside | swap | merge | clear | fill) ;; *) die $WRONG_INPUT "RESTORE_MODE must be beside, swap, merge, clear or fill, got '$RESTORE_MODE'" ;; esac
	case $OWNERS in keep | none) ;; *) die $WRONG_INPUT "OWNERS must be keep or none, got '$OWNERS'" ;; esac
	case $LINKS in refuse | keep) ;; *) die $WRONG_INPUT "LINKS must be refuse or keep, got '$LINKS'" ;; esac
	case $ATTRIBUTES in keep | none) ;; *) die $WRONG_INPUT "ATTRIBUTES must be keep or none, got '$ATTRIBUTES'" ;; esac
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

# open_volume - changes to the folder, locks it against other restores, and reads the journal
open_volume() {
	[ "$RESTORE_MODE" != fill ] || mkdir -p "$DATA_DIR/$DATA_PATH" 2>/dev/null || :
	enter
	exec 8<.
	locked=0
	flock -n 8 || locked=$?
	# Some file systems have no locks: the status is not 1 then, and the restore goes ahead.
	[ "$locked" != 1 ] || die $BUSY "another restore is running in claim '$CLAIM'" 'wait until it has finished'
	OWN=.backstay-restore-$RESTORE_ID
	RESTORED=.backstay-restored-$RESTORE_ID
	{ [ ! -L "$OWN" ] && [ ! -L "$RESTORED" ]; } || die $NOT_ALLOWED "$OWN is a link, but restores create only folders" 'find out who created the link, and remove it'
	read_journal "$OWN"
}

# restore - resumes what an earlier attempt left, or begins
restore() {
	case $JOURNAL_PHASE in
	swapping) resume_swap ;;
	merging) resume_merge ;;
	undoing)
		state between 'stopped while it moved the old files back'
		undo_swap || die $FAULT "cannot move the old files back: they are in $TO" "$AGAIN_HINT"
		;;
	esac
	case $JOURNAL_PHASE in
	done | dropping) already_done ;;
	undone) die $WRONG_INPUT "restore $RESTORE_ID was done, and then swapped back" 'give the restore another name to run it again' ;;
	esac
	if [ "$RESTORE_MODE" = beside ] && [ -d "$RESTORED" ]; then already_done; fi
	begin
	read_facts
	read_archive
	check_archive
	open_own
	check_owners
	"into_place_$RESTORE_MODE"
}

# begin - notes the state, which is old unless an earlier attempt began to delete, and removes what earlier attempts left
begin() {
	if [ "$MODE/$JOURNAL_PHASE" = clear/clearing ]; then
		state between 'the old files are deleted, and the restored ones are not in place'
	else
		state old 'nothing has changed'
	fi
	if [ -d "$OWN" ]; then
		log info 'removing the files of an earlier attempt that was stopped'
		remove "$OWN/new"
		[ "$STATE" = between ] || remove "$OWN"
	fi
	[ "$RESTORE_MODE" != fill ] || check_empty
	check_other_restores
}

# check_empty - fill would mix its files with existing ones
check_empty() {
	list_live "$TMP/there"
	[ ! -s "$TMP/there" ] || die $WRONG_INPUT "'$DATA_PATH' of claim '$CLAIM' is not empty: $(tr '\0' '\n' <"$TMP/there" | head -n 3 | tr '\n' ' ')" \
		'use a new claim, or restore into this one with inPlace'
}

# check_other_restores - dies if another restore into this folder is half done, and removes what finished ones no longer need
check_other_restores() {
	for other in .backstay-restore-*; do
		{ [ -d "$other" ] && [ ! -L "$other" ] && [ "$other" != "$OWN" ]; } || continue
		read_journal "$other"
		case $JOURNAL_PHASE/$KEPT in
		swapping/* | undoing/*)
			state between "restore ${other#.backstay-restore-} was interrupted"
			die $WRONG_INPUT "restore ${other#.backstay-restore-} was interrupted during its swap" \
				'run it again to finish it, or run its swap-back to move the old files back'
			;;
		done/?* | undone/?* | dropping/*) ;;
		clearing/* | merging/*)
			# Only a restore of the whole folder may take over. Any other would leave the rest half done, and look complete.
			case $RESTORE_MODE/${PATHS-} in
			swap/ | clear/) log info "taking over from restore ${other#.backstay-restore-}, which was interrupted" && remove "$other" ;;
			*)
				state between "restore ${other#.backstay-restore-} was interrupted"
				die $WRONG_INPUT "restore ${other#.backstay-restore-} was interrupted while it moved files into place" \
					'run it again to finish it, or restore everything in place with mode: swap'
				;;
			esac
			;;
		*)
			log info "removing what restore ${other#.backstay-restore-} left: $other"
			remove "$other"
			;;
		esac
	done
	read_journal "$OWN"
}

# check_owners - dies before anything is touched if this user cannot set the owners of the backup
check_owners() {
	SAME_OWNER=--no-same-owner
	[ "$OWNERS" = keep ] || return 0
	SAME_OWNER=--same-owner
	! may_chown || return 0
	awk -v user="$(id -u)" -v groups=" $(id -G) " -F / '$1 != user || !index(groups, " " $2 " ")' "$TMP/owners" >"$TMP/foreign"
	[ ! -s "$TMP/foreign" ] || die $NOT_ALLOWED "user $(id -u) may not restore files of other owners: $(first_lines "$TMP/foreign") (user/group)" "$OWNERS_HINT"
}

# may_chown - tries it: root may lack the capability, or be squashed by NFS
may_chown() {
	chown_status=0
	: >"$OWN/probe"
	chown 4242:4242 "$OWN/probe" 2>/dev/null || chown_status=1
	rm -f "$OWN/probe"
	return "$chown_status"
}

# open_own - creates the folder of this restore, which only its user may enter
open_own() {
	MODE=$RESTORE_MODE BACKUP=$(head -n 1 "$WORK_DIR/run/backup") FROM=$OWN/new TO='' LISTS='' KEPT='' ALL=yes
	[ ! -s "$TMP/paths" ] || ALL=no
	[ "$STATE" != old ] || DISPOSABLE=yes
	[ -d "$OWN" ] || mkdir -m 700 "$OWN" 2>"$TMP/err" || fail_as "$TMP/err" $FAULT "cannot write to claim '$CLAIM'"
}

# check_claim BYTES - dies if the files do not fit into the free space plus BYTES
check_claim() {
	df -Pk . >"$TMP/df"
	free=$(awk -v more="$1" 'NR == 2 { printf "%.0f\n", $4 * 1024 + more }' "$TMP/df")
	[ "$(needed_bytes)" -le "$free" ] || die $NO_ROOM "$(human "$(needed_bytes)") does not fit into claim '$CLAIM', which has $(human "$free") free" "$ROOM_HINT"
	df -Pi . >"$TMP/df" 2>/dev/null || :
	inodes=$(awk 'NR == 2 && $2 > 0 && $4 ~ /^[0-9]+$/ { print $4 }' "$TMP/df")
	[ "$1" != 0 ] || [ -z "$inodes" ] || [ "$ENTRIES" -le "$inodes" ] ||
		die $NO_ROOM "$ENTRIES files and folders do not fit into claim '$CLAIM', whose file system has $inodes inodes free" "$ROOM_HINT"
}

# state WORD TEXT - records which files are live (old, between or new) in case the step dies now
state() {
	STATE=$1
	[ "$1" = old ] || DISPOSABLE=no
	printf '%s\n%s\n' "$1" "$2" >"$WORK_DIR/run/state-$PART.new"
	chmod 644 "$WORK_DIR/run/state-$PART.new"
	mv -f "$WORK_DIR/run/state-$PART.new" "$WORK_DIR/run/state-$PART"
}

# finish TEXT [HINT] - exits with success and these last words
finish() {
	log info "$1"
	[ -z "${2-}" ] || log hint "$2"
	last_words 0 "$1" "${2-}" ''
	exit 0
}

# report INTO TEXT [HINT] - writes the result of this part, and exits with success
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

# on_term - TERM: ends the running command and dies with the current state. A swap or merge ignores TERM
on_term() {
	trap '' TERM
	# Release the lock: the watchdog of await_child would inherit it, and outlives this script.
	exec 8<&-
	kill -TERM "-$$" 2>/dev/null || [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
	[ -z "$child" ] || await_child
	case ${STATE-} in
	between) die $FAULT 'stopped by TERM: the old files are deleted, and the restored ones are not in place' 'run the restore again, or restore the safety backup' ;;
	new) die $FAULT 'stopped by TERM after the restored files were in place' 'there is nothing left to do' ;;
	*) die $FAULT 'stopped by TERM: the run was deleted, evicted or past its deadline' 'nothing has changed; run the restore again' ;;
	esac
}

# tidy - called by on_exit: deletes unpacked files that nothing needs
tidy() {
	[ "$DISPOSABLE" = no ] || ! [ -d "$OWN" ] || remove "$OWN"
	[ -z "${TMP-}" ] || rm -rf "$TMP"
}

main "$@"
