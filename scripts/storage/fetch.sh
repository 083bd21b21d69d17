#!/bin/sh
# fetch.sh - fetch one backup: choose it, check its manifest, download it, compare every file before any tool opens it.
#
# Environment (the only input; common.sh, storage.sh and markers.sh list the rest):
#   ORIGIN_ENVIRONMENT   environment that the backup must be of
#   ORIGIN_SOURCES       sources that it may be of, one a line: a renamed source has several names
#   FOLDERS              folders to choose from, below the storage's prefix, one a line: shop/daily
#   FROM_STORAGE         number of the storage that is read (default: 1)
#   WANTED               latest, latest-verified, before:SECONDS (since 1970), or a run id, the name of a backup, or the
#                        name of one of its files
#   NOT_AFTER            backups that began after this are fetched only by their own name: tomorrow's attempt chooses as
#                        today's did (seconds since 1970; default: no bound)
#   NEWER_THAN_SECONDS   how old the chosen backup may be (seconds; default: any age)
#   PARTS                parts that it must have, and that are fetched, one a line: name, kind and method
# Output: log lines on stderr, nothing on stdout. In WORK_DIR: run/backup, run/folder, run/begun; in/ with manifest.json,
# <part>.facts (the part of the manifest as json.sh flattens it) and the stored files. If the done-marker was found:
# run/already with its content, and nothing else. If an earlier attempt made the safety backup: run/safe, or run/outdated
# if that attempt was another Job's.
# Exit: 0 fetched and compared, or already done; 64 nothing is stored, no such backup, or wrong values; 65 the manifest
# is wrong, a file differs from the manifest, or the backup is too old; 69 the store does not answer;
# 73 no room; 75 another attempt of this restore has just chosen; 77 access denied. After a failure in/ is empty.
#
# Names decide, never the dates of a store. A backup with a name from the future (more than an hour) is fetched only by
# its own name. A manifest is trusted once it names the backup it was found by, a file once size and SHA-256 agree.

# Functions are called by name through in_storage and each_storage; the functions for awk come from retention.sh.
# shellcheck disable=SC2317,SC2154
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/scratch.sh"
. "$(dirname "$0")/storage.sh"
. "$(dirname "$0")/retention.sh"
. "$(dirname "$0")/stored-manifest.sh"
. "$(dirname "$0")/markers.sh"

fetched='' CHOSEN=''

main() {
	FROM_STORAGE=${FROM_STORAGE:-1}
	need_env ORIGIN_ENVIRONMENT ORIGIN_SOURCES FOLDERS WANTED PARTS WORK_DIR SCRATCH_BYTES STORAGE_COUNT
	need_number SCRATCH_BYTES STORAGE_COUNT
	[ -z "${NOT_AFTER-}" ] || need_number NOT_AFTER
	need_storages
	need_storage_number FROM_STORAGE
	need_cmd rclone timeout
	trap on_exit EXIT
	trap stopped TERM
	begin

	look_for_markers
	in_storage "$FROM_STORAGE" find_backups
	choose
	check_age
	in_storage "$FROM_STORAGE" read_manifest
	check_manifest
	keep_choice
	check_parts
	need_room
	in_storage "$FROM_STORAGE" fetch_files
	compare
	finish
}

begin() {
	umask 027
	mkdir -p "$WORK_DIR/run" "$WORK_DIR/in" "$WORK_DIR/tmp"
	rm -rf "$WORK_DIR"/tmp/storage-*
	now >"$WORK_DIR/run/begun"
	started=$(now)
	rclone_defaults
	origin=$ORIGIN_ENVIRONMENT/$(printf '%s\n' "$ORIGIN_SOURCES" | head -n 1)
	cd "$WORK_DIR" || exit "$FAULT"
}

stopped() {
	trap '' TERM
	stop_child
	on_term
}

# tidy - called by on_exit: no later step may find half a backup
tidy() {
	[ -n "$fetched" ] || rm -rf "$WORK_DIR"/in/*
}

# find_backups - one storage's turn: lines of time, name, folder, and verified or -; newest first
find_backups() {
	# shellcheck disable=SC2153 # FOLDER is another one
	printf '%s\n' "$FOLDERS" >"$S_TMP/folders"
	: >"$S_TMP/dated"
	while IFS= read -r folder; do
		[ -n "$folder" ] || continue
		list "$folder"
		committed <"$S_TMP/list" >"$S_TMP/entries"
		folder=$folder awk "$awk_names"'{ printf "%.0f %s %s %s\n", seconds_of($1), $1, ENVIRON["folder"], $3 }' "$S_TMP/entries" >>"$S_TMP/dated"
	done <"$S_TMP/folders"
	sort -k 1,1nr -k 2,2r "$S_TMP/dated" >"$WORK_DIR/tmp/backups"
}

# choose - sets NAME, FOLDER and time of the requested backup
choose() {
	read_settings "$FROM_STORAGE"
	what="the backup $CHOSEN"
	if [ -n "$CHOSEN" ]; then choose_again; else choose_anew; fi
	read -r time NAME FOLDER verified <tmp/wanted
	log info "chosen${CHOSEN:+ by an earlier attempt}: $NAME in $FOLDER of storage $S_NAME, $verified"
}

choose_anew() {
	[ -s tmp/backups ] || die "$WRONG_INPUT" "no backup of $origin in storage $S_NAME" 'back it up first, or choose another storage'
	awk -v until="$(($(now) + 3600))" -v bound="${NOT_AFTER-}" '$1 <= until && (bound == "" || $1 <= bound + 0)' tmp/backups >tmp/believed
	what='the newest backup'
	case $WANTED in
	'latest')
		none="all backups of $origin have names from the future"
		cat tmp/believed >tmp/wanted
		;;
	'latest-verified')
		what='the newest verified backup' none="no verified backup of $origin"
		awk '$4 == "verified"' tmp/believed >tmp/wanted
		;;
	before:*)
		before=${WANTED#before:}
		need_number before
		what="the newest backup before $(iso "$before")" none="no backup of $origin before $(iso "$before")"
		awk -v before="$before" '$1 < before + 0' tmp/believed >tmp/wanted
		;;
	*) choose_by_name ;;
	esac
	[ -s tmp/wanted ] || die "$WRONG_INPUT" "$none (storage $S_NAME)" "$(what_there_is)"
}

choose_by_name() {
	what="the backup $WANTED" none="no backup '$WANTED' of $origin"
	named "$WANTED" 2 tmp/backups >tmp/wanted
	[ "$(awk 'END { print NR }' tmp/wanted)" -lt 2 ] ||
		die "$WRONG_INPUT" "'$WANTED' matches several backups: $(awk '{ printf "%s%s/%s", (NR > 1 ? ", " : ""), $3, $2 }' tmp/wanted)" 'give the full name'
}

what_there_is() {
	awk '{ oldest = $2 } NR == 1 { newest = $2 } END { printf "the newest is %s and the oldest %s", newest, oldest }' tmp/backups
	printf '; backstay list %s shows all\n' "$origin"
}

# check_age - verifying an old backup tells nothing about newer ones, or about their absence
check_age() {
	[ -n "${NEWER_THAN_SECONDS-}" ] || return 0
	need_number NEWER_THAN_SECONDS
	age=$(($(now) - time))
	[ "$age" -le "$NEWER_THAN_SECONDS" ] ||
		die "$BAD_DATA" "$what is $(in_words "$age") old, the maximum is $(in_words "$NEWER_THAN_SECONDS"): $NAME" \
			"find out why there is no newer one: run backstay list $origin, and check the Jobs of the source"
}

# in_words SECONDS - 9 days
in_words() {
	if [ "$1" -ge 172800 ]; then
		echo "$(($1 / 86400)) days"
	elif [ "$1" -ge 7200 ]; then
		echo "$(($1 / 3600)) hours"
	else
		echo "$(($1 / 60)) minutes"
	fi
}

read_manifest() {
	read_stored "$FOLDER/$NAME.manifest.json" >"$WORK_DIR/in/manifest.json"
}

# need_room - before the first byte
need_room() {
	free=$(free_bytes)
	[ "$free" -ge "$total" ] ||
		die "$NO_ROOM" "no room: $(human "$free") of scratch space free, the backup $NAME needs $(human "$total")" 'give the pod more scratch space'
}

# fetch_files - one storage's turn; a file that is missing there is found missing by compare
fetch_files() {
	download "$FOLDER" "$WORK_DIR/tmp/names" || explain_download "$?"
}

explain_download() {
	! grep -qi 'no space left on device' "$S_TMP/said" ||
		fail "$NO_ROOM" 'no room: the scratch space is full' 'give the pod more scratch space; other pods may have filled the disk of the node'
	explain "$1"
}

# compare - size and SHA-256 of every file against the manifest, in one read of each
compare() {
	run rclone lsjson in --files-only --hash --hash-type sha256 >tmp/hashed 2>tmp/said ||
		die "$FAULT" "a fetched file cannot be read: $(tail -n 1 tmp/said)" 'check the disks of the node'
	hashed_files tmp/hashed >tmp/here || die "$FAULT" 'rclone printed no JSON' 'see the log'
	wrong=$(awk '
		FILENAME == ARGV[1] { bytes[$1] = $2; hash[$1] = $3; next }
		!($1 in hash) { print $1 " is missing; "; next }
		bytes[$1] != $2 { print $1 " has " bytes[$1] " bytes instead of " $2 "; "; next }
		hash[$1] != $3 { print $1 " has a different SHA-256 than when it was stored; " }
	' tmp/here tmp/files)
	[ -z "$wrong" ] || die "$BAD_DATA" "storage $S_NAME does not hold what was backed up: $(echo "$wrong" | tr '\n' ' ' | sed 's/; *$//')" \
		'nothing was opened or restored; another storage may hold a good copy of this backup'
}

finish() {
	echo "$NAME" >run/backup
	echo "$FOLDER" >run/folder
	fetched=yes
	words="backup $NAME of $S_NAME fetched and compared"
	log info "$words: $(human "$total") in $(awk 'END { print NR }' tmp/files) files"
	last_words 0 "$words" '' "\"name\":$(json_text "$NAME"),\"bytes\":$total,\"seconds\":$(($(now) - started)),\"files\":$(awk 'END { print NR }' tmp/files)"
}

main "$@"
