#!/bin/sh
# volume-unpack.sh - an archive, read to its end and compared, then unpacked and counted. Sourced, never run.
#
# Environment: PART; PATHS, LINKS and DEVICES of volume-judge.sh; OWNERS and ATTRIBUTES, keep or none; TMP, a folder for
# lists. With common.sh, json.sh, volume-pack.sh, volume-judge.sh and volume-fail.sh. GNU tar, also for archives of BusyBox.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

. "$(dirname "$0")/volume-attributes.sh"

# 64 KiB at a time: fewer system calls than with tar's 10 KiB.
RECORD=128

need_unpack_tools() {
	need_cmd tar zstd gzip find sort uniq xargs sha256sum mkfifo stat awk df
	case $(tar --version) in
	*'GNU tar'*) ;;
	*) die $WRONG_INPUT 'the tar of this image is not GNU tar' 'take the image postgres' ;;
	esac
	choose_sha256sum
}

# read_facts - of this part of the manifest: where the archive lies, and what it must hold
read_facts() {
	FACTS=$WORK_DIR/in/$PART.facts
	[ -s "$FACTS" ] || die $WRONG_INPUT "there are no facts of the part '$PART'" 'the step fetch writes them: look at its log'
	[ "$(fact kind "$FACTS")/$(fact method "$FACTS")" = volume/tar ] ||
		die $WRONG_INPUT "the part '$PART' is no archive of a volume, but $(fact kind "$FACTS")/$(fact method "$FACTS")" 'look at which backup is restored'
	ARCHIVE=$WORK_DIR/in/$(fact files.0.name "$FACTS")
	SHA256=$(fact files.0.sha256 "$FACTS")
	COMPRESSION=$(fact compression.method "$FACTS")
	for name in entries files bytes changed; do
		case $(fact "volume.$name" "$FACTS") in
		'' | *[!0-9]*) die $BAD_DATA "the manifest does not say how many $name the part '$PART' has" 'a manifest of another version needs a backstay of that version' ;;
		esac
	done
	case $COMPRESSION in
	zstd) ;;
	gzip) ;;
	none) ;;
	*) die $BAD_DATA "the archive is packed with '$COMPRESSION'" 'backstay packs with zstd, gzip or not at all' ;;
	esac
	[ -f "$ARCHIVE" ] || die $WRONG_INPUT "there is no file ${ARCHIVE##*/}" 'the step fetch brings it: look at its log'
}

# read_archive - hashed, and listed to its end, before anything of it is believed
read_archive() {
	log info "reading ${ARCHIVE##*/}"
	$SHA256SUM <"$ARCHIVE" >"$TMP/sha256" &
	hasher=$!
	through list_archive listing --verbose --totals
	join "$hasher"
	[ "$joined" = 0 ] || die $BAD_DATA "the archive cannot be read: ${SHA256SUM%% *} ended with status $joined" 'the scratch space of this node may be bad'
	[ "$(cut -c 1-64 "$TMP/sha256")" = "$SHA256" ] ||
		die $BAD_DATA "${ARCHIVE##*/} is not the file that the manifest names: its SHA-256 is another" 'fetch it again; restore another backup, or from another storage, if that does not help'
	[ "$unpack_status" = 0 ] || [ "$unpack_status" = 141 ] || fail_as "$TMP/unpack.err" $BAD_DATA "the archive cannot be read to its end ($COMPRESSION ended with status $unpack_status)"
	[ "$tar_status" = 0 ] || fail_as "$TMP/tar.err" $BAD_DATA "the archive cannot be read to its end (tar ended with status $tar_status)"
	STREAM=$(sed -n 's/^Total bytes read: \([0-9]*\).*/\1/p' "$TMP/tar.err")
}

# through READER - the archive, unpacked, to the stdin of a reader: unpack_status and tar_status are the ends of both
through() {
	open_pipe
	(
		exec <"$ARCHIVE" >&5 4<&- 5>&- 2>"$TMP/unpack.err"
		unpack
	) &
	left=$!
	(
		exec <&4 4<&- 5>&- 2>"$TMP/tar.err"
		"$@"
	) &
	right=$!
	close_pipe
	join "$left"
	unpack_status=$joined
	join "$right"
	tar_status=$joined
}

# list_archive NAME OPTION... - to the file of that name in TMP, with a mark at what has attributes
list_archive() {
	list=$1
	shift
	XATTRS=keep ACLS=keep
	with_attributes tar --list --file=- --absolute-names --blocking-factor=$RECORD --numeric-owner --quoting-style=c "$@" >"$TMP/$list"
}

# check_archive - it holds what the manifest says, and nothing that may not be unpacked
check_archive() {
	judge
	files=$ALL_FILES
	# BusyBox counted files, not links: to something else than a file there are hard links too. And it counted before it read.
	[ -z "$(fact tools.busybox "$FACTS")" ] || files=$ALL_REGULAR
	found="$ALL_ENTRIES entries, $files files, $ALL_BYTES bytes"
	expected="$(fact volume.entries "$FACTS") entries, $(fact volume.files "$FACTS") files, $(fact volume.bytes "$FACTS") bytes"
	if [ -n "$(fact tools.busybox "$FACTS")" ] && [ "$(fact volume.changed "$FACTS")" != 0 ]; then
		found=${found%%,*}
		expected=${expected%%,*}
	fi
	[ "$found" = "$expected" ] || die $BAD_DATA "the archive has $found, but the manifest says $expected" 'restore another backup, or from another storage'
	told=$(fact volume.attributed "$FACTS")
	[ "${told:-$ALL_ATTRIBUTED}" = "$ALL_ATTRIBUTED" ] ||
		die $BAD_DATA "$ALL_ATTRIBUTED entries of the archive have extended attributes, but the manifest says $told" 'restore another backup, or from another storage'
	check_judgement
	log info "the archive is whole: $found${PATHS:+; asked for are $ENTRIES entries}"
}

# needed_bytes - on a disk: in blocks, but no more than what the archive has to say, for the holes of sparse files
needed_bytes() {
	blocks=$((ROOM * 4096))
	stream=$((STREAM + (ENTRIES + DEVICE_COUNT) * 4096))
	if [ "$blocks" -lt "$stream" ]; then echo "$blocks"; else echo "$stream"; fi
}

# unpack_into FOLDER OPTION... - what PATHS asks for into an empty folder; more options for tar
#
# The list was judged, so tar has nothing to refuse; the folder itself may belong to somebody else, and is no failure.
# Folders are closed, and hand their ACLs down, in the end only: files of a folder may come after its neighbours.
unpack_into() {
	folder=$1
	shift
	[ "$ATTRIBUTES" = none ] || [ -z "$(fact volume.attributed "$FACTS")" ] || bare "$folder"
	[ ! -s "$TMP/paths" ] || set -- "$@" --null --no-unquote --no-recursion --files-from="$TMP/parents" --recursion --files-from="$TMP/wanted"
	log info "unpacking $ENTRIES entries, $(human "$BYTES")"
	extract_into "$folder" "$@"
	judge_unpacking
	count_unpacked "$folder"
}

# extract_into FOLDER OPTION... - what it says is in $TMP/tar.err
extract_into() {
	into=$1
	shift
	through with_attributes tar --extract --file=- --directory="$into" --blocking-factor=$RECORD --numeric-owner --preserve-permissions \
		--delay-directory-restore --warning=no-timestamp "$@"
}

# bare FOLDER - takes its ACLs away: a folder may hand them down to all that is made in it, and these files had none of them
bare() {
	tar --create --file="$TMP/bare.tar" --directory="$1" --no-recursion .
	tar --extract --file="$TMP/bare.tar" --directory="$1" --acls 2>"$TMP/err" || fail_as "$TMP/err" $FAULT 'the ACLs of the folder cannot be taken away'
}

# judge_unpacking - every word of tar
judge_unpacking() {
	[ "$unpack_status" = 0 ] || [ "$unpack_status" = 141 ] || [ "$tar_status" != 0 ] ||
		fail_as "$TMP/unpack.err" $BAD_DATA "the archive cannot be read to its end ($COMPRESSION ended with status $unpack_status)"
	grep -v -e '^tar: Exiting with failure status due to previous errors$' \
		-e '^tar: \.: Cannot change' -e '^tar: \.: Cannot utime' "$TMP/tar.err" >"$TMP/err" || :
	if [ "$DEVICES" = skip ]; then
		grep -v ': Cannot mknod: Operation not permitted$' "$TMP/err" >"$TMP/err.rest" || :
		mv "$TMP/err.rest" "$TMP/err"
	fi
	judge_attributes
	if [ "$tar_status" = 0 ]; then
		while IFS= read -r line; do log warn "$line"; done <"$TMP/err"
	elif [ -s "$TMP/err" ] || [ "$tar_status" != 2 ] || ! [ -s "$TMP/tar.err" ]; then
		fail_as "$TMP/err" $FAULT "cannot unpack (tar ended with status $tar_status)"
	fi
	! grep -q '^tar: \.: Cannot' "$TMP/tar.err" || log info 'the folder itself belongs to somebody else in the backup: it stays with the user of this pod'
}

# try_attributes - before anything is deleted: one of each kind of attributes on each kind of file, the smallest, is set once
try_attributes() {
	[ "$ATTRIBUTED" != 0 ] && [ "$ATTRIBUTES" = keep ] || return 0
	through list_archive attributes --verbose --verbose
	awk -v dir="$TMP/" "$AWK_ENTRY"'
		!/^  / { entry(); closed = substr($1, 3, 1); next }
		$1 == "x:" && (!some || meant_by() != "") {
			kind = type closed ($3 ~ /^user[.]/ ? "user" : $3)
			if (!(kind in smallest) || size < smallest[kind]) { smallest[kind] = size; chosen[kind] = raw }
		}
		END { for (kind in chosen) print chosen[kind] }' "$TMP/attributes" | sort -u >"$TMP/tried"
	remove "$OWN/tried"
	mkdir -m 700 "$OWN/tried"
	extract_into "$OWN/tried" "$SAME_OWNER" --no-recursion --files-from="$TMP/tried"
	cp "$TMP/tar.err" "$TMP/err"
	remove "$OWN/tried"
	judge_attributes
}

# judge_attributes - one that cannot be set is a mere warning to tar
judge_attributes() {
	grep 'extended attribute' "$TMP/err" >"$TMP/lost" || return 0
	die $NOT_ALLOWED "extended attributes cannot be set: $(first_lines "$TMP/lost")" "$ATTRIBUTES_HINT"
}

# count_unpacked FOLDER - on the disk is what the list names
count_unpacked() {
	run find "$1" -mindepth 1 ! -type c ! -type b -printf '%y %D:%i %n %s\n' >"$TMP/unpacked"
	counted=$(awk '
		$1 == "f" { regular++; if ($3 == 1 || !seen[$2]++) bytes += $4 }
		END { printf "%.0f entries, %.0f files, %.0f bytes\n", NR, regular, bytes }' "$TMP/unpacked")
	rm "$TMP/unpacked"
	[ "$counted" = "$ENTRIES entries, $REGULAR files, $BYTES bytes" ] ||
		die $BAD_DATA "unpacked are $counted, but in the archive are $ENTRIES entries, $REGULAR files, $BYTES bytes" \
			'a file system that does not know upper and lower case, or links, cannot hold them'
}
