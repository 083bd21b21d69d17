#!/bin/sh
# volume-unpack.sh - compares an archive with the manifest, unpacks it and counts the result. Sourced, never run.
#
# Environment: PART; PATHS, LINKS and DEVICES of volume-judge.sh; OWNERS and ATTRIBUTES, keep or none; TMP, a folder for
# lists. Needs common.sh, json.sh, volume-pack.sh, volume-judge.sh and volume-fail.sh, and GNU tar even for archives of
# BusyBox.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

. "$(dirname "$0")/volume-attributes.sh"

# 64 KiB a record: fewer system calls than with tar's 10 KiB.
RECORD=128

need_unpack_tools() {
	need_cmd tar zstd gzip find sort uniq xargs sha256sum mkfifo stat awk df
	case $(tar --version) in
	*'GNU tar'*) ;;
	*) die $WRONG_INPUT 'the tar of this image is not GNU tar' 'use the image postgres' ;;
	esac
	choose_sha256sum
}

# read_facts - from this part of the manifest: which file the archive is, and its counts and hash
read_facts() {
	FACTS=$WORK_DIR/in/$PART.facts
	[ -s "$FACTS" ] || die $WRONG_INPUT "there are no facts for part '$PART'" 'check the log of the step fetch, which writes them'
	[ "$(fact kind "$FACTS")/$(fact method "$FACTS")" = volume/tar ] ||
		die $WRONG_INPUT "part '$PART' is not a volume archive, but $(fact kind "$FACTS")/$(fact method "$FACTS")" 'check which backup is being restored'
	ARCHIVE=$WORK_DIR/in/$(fact files.0.name "$FACTS")
	SHA256=$(fact files.0.sha256 "$FACTS")
	COMPRESSION=$(fact compression.method "$FACTS")
	for name in entries files bytes changed; do
		case $(fact "volume.$name" "$FACTS") in
		'' | *[!0-9]*) die $BAD_DATA "the manifest has no number of $name for part '$PART'" 'use the version of backstay that wrote the manifest' ;;
		esac
	done
	case $COMPRESSION in
	zstd) ;;
	gzip) ;;
	none) ;;
	*) die $BAD_DATA "the compression of the archive must be zstd, gzip or none, got '$COMPRESSION'" 'use the version of backstay that wrote the manifest' ;;
	esac
	[ -f "$ARCHIVE" ] || die $WRONG_INPUT "there is no file ${ARCHIVE##*/}" 'check the log of the step fetch, which downloads it'
}

# read_archive - hashes the archive and lists it to its end. Nothing in it is trusted before that
read_archive() {
	log info "reading ${ARCHIVE##*/}"
	$SHA256SUM <"$ARCHIVE" >"$TMP/sha256" &
	hasher=$!
	through list_archive listing --verbose --totals
	join "$hasher"
	[ "$joined" = 0 ] || die $BAD_DATA "the archive cannot be read: ${SHA256SUM%% *} ended with status $joined" 'check the disk of this node'
	[ "$(cut -c 1-64 "$TMP/sha256")" = "$SHA256" ] ||
		die $BAD_DATA "${ARCHIVE##*/} is not the file in the manifest: its SHA-256 differs" 'fetch it again; if that does not help, use another storage or another backup'
	[ "$unpack_status" = 0 ] || [ "$unpack_status" = 141 ] || fail_as "$TMP/unpack.err" $BAD_DATA "the archive cannot be read to its end ($COMPRESSION ended with status $unpack_status)"
	[ "$tar_status" = 0 ] || fail_as "$TMP/tar.err" $BAD_DATA "the archive cannot be read to its end (tar ended with status $tar_status)"
	STREAM=$(sed -n 's/^Total bytes read: \([0-9]*\).*/\1/p' "$TMP/tar.err")
}

# list_archive NAME OPTION... - lists the archive into TMP/NAME, with a * at entries with attributes
list_archive() {
	list=$1
	shift
	XATTRS=keep ACLS=keep
	with_attributes tar --list --file=- --absolute-names --blocking-factor=$RECORD --numeric-owner --quoting-style=c "$@" >"$TMP/$list"
}

# check_archive - dies unless the archive matches the manifest and is safe to unpack
check_archive() {
	judge
	files=$ALL_FILES
	# Backups by BusyBox count files, not hard links, which may also link to other types, and count them before reading.
	[ -z "$(fact tools.busybox "$FACTS")" ] || files=$ALL_REGULAR
	found="$ALL_ENTRIES entries, $files files, $ALL_BYTES bytes"
	expected="$(fact volume.entries "$FACTS") entries, $(fact volume.files "$FACTS") files, $(fact volume.bytes "$FACTS") bytes"
	if [ -n "$(fact tools.busybox "$FACTS")" ] && [ "$(fact volume.changed "$FACTS")" != 0 ]; then
		found=${found%%,*}
		expected=${expected%%,*}
	fi
	[ "$found" = "$expected" ] || die $BAD_DATA "the archive has $found, but the manifest says $expected" 'use another storage or another backup'
	declared=$(fact volume.attributed "$FACTS")
	[ "${declared:-$ALL_ATTRIBUTED}" = "$ALL_ATTRIBUTED" ] ||
		die $BAD_DATA "$ALL_ATTRIBUTED entries of the archive have extended attributes, but the manifest says $declared" 'use another storage or another backup'
	check_judgement
	log info "the archive is complete: $found${PATHS:+; paths: selects $ENTRIES entries}"
}

# needed_bytes - disk space that the files need: whole blocks, but at most the size of the archive, which omits holes
needed_bytes() {
	blocks=$((ROOM * 4096))
	stream=$((STREAM + (ENTRIES + DEVICE_COUNT) * 4096))
	if [ "$blocks" -lt "$stream" ]; then echo "$blocks"; else echo "$stream"; fi
}

# unpack_into FOLDER OPTION... - unpacks what PATHS selects into an empty folder, with more options for tar
#
# The list has been checked, so tar finds nothing to refuse. Errors about the folder itself, which may belong to another
# user, do not count. tar sets modes and ACLs of folders last, because files of a folder may come after its neighbours.
unpack_into() {
	folder=$1
	shift
	[ "$ATTRIBUTES" = none ] || [ -z "$(fact volume.attributed "$FACTS")" ] || remove_acls "$folder"
	[ ! -s "$TMP/paths" ] || set -- "$@" --null --no-unquote --no-recursion --files-from="$TMP/parents" --recursion --files-from="$TMP/wanted"
	log info "unpacking $ENTRIES entries, $(human "$BYTES")"
	extract_into "$folder" "$@"
	judge_unpacking
	count_unpacked "$folder"
}

# extract_into FOLDER OPTION... - runs tar, whose messages go to $TMP/tar.err
extract_into() {
	into=$1
	shift
	through with_attributes tar --extract --file=- --directory="$into" --blocking-factor=$RECORD --numeric-owner --preserve-permissions \
		--delay-directory-restore --warning=no-timestamp "$@"
}

# remove_acls FOLDER - files created in it would inherit its default ACL, which the files in the backup did not have
remove_acls() {
	tar --create --file="$TMP/bare.tar" --directory="$1" --no-recursion .
	tar --extract --file="$TMP/bare.tar" --directory="$1" --acls 2>"$TMP/err" || fail_as "$TMP/err" $FAULT 'cannot remove the ACLs of the folder'
}

# judge_unpacking - dies unless every message of tar is harmless
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
	! grep -q '^tar: \.: Cannot' "$TMP/tar.err" || log info 'the folder itself has another owner in the backup: it keeps the user of this pod'
}

# try_attributes - before anything is deleted, unpacks the smallest file for each kind of attribute and each type of file
try_attributes() {
	[ "$ATTRIBUTED" != 0 ] && [ "$ATTRIBUTES" = keep ] || return 0
	through list_archive attributes --verbose --verbose
	awk -v dir="$TMP/" "$AWK_ENTRY"'
		!/^  / { entry(); closed = substr($1, 3, 1); next }
		$1 == "x:" && (!some || selected_by() != "") {
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

# judge_attributes - dies on attributes that cannot be set, which are only a warning to tar
judge_attributes() {
	grep 'extended attribute' "$TMP/err" >"$TMP/lost" || return 0
	die $NOT_ALLOWED "cannot set extended attributes: $(first_lines "$TMP/lost")" "$ATTRIBUTES_HINT"
}

# count_unpacked FOLDER - dies unless the files on disk match the list
count_unpacked() {
	run find "$1" -mindepth 1 ! -type c ! -type b -printf '%y %D:%i %n %s\n' >"$TMP/unpacked"
	counted=$(awk '
		$1 == "f" { regular++; if ($3 == 1 || !seen[$2]++) bytes += $4 }
		END { printf "%.0f entries, %.0f files, %.0f bytes\n", NR, regular, bytes }' "$TMP/unpacked")
	rm "$TMP/unpacked"
	[ "$counted" = "$ENTRIES entries, $REGULAR files, $BYTES bytes" ] ||
		die $BAD_DATA "unpacked $counted, but the archive has $ENTRIES entries, $REGULAR files, $BYTES bytes" \
			'use a case-sensitive file system that supports links'
}
