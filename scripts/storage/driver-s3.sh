#!/bin/sh
# driver-s3.sh - a storage that is a bucket of S3, or of a store that speaks it. Sourced by storage.sh for one storage, never run.
#
# Environment: that of storage.sh, whose header says what each function is for.

# Statuses are numbers of common.sh, S_ variables are set by storage.sh, and functions are called by name.
# shellcheck disable=SC2154,SC2034

make_folder() {
	:
}

# missing_folder - S3 has no folders: it is the bucket that is missing
missing_folder() {
	explain "$1"
}

read_stored() {
	ask cat "$S_REMOTE/$1"
}

create() {
	ask_or_not copyto "$1" "$S_REMOTE/$2" --no-check-dest --s3-no-check-bucket --header-upload 'If-None-Match: *' && return
	created=$?
	grep -q 'PreconditionFailed\|StatusCode: 412\|ConditionalRequestConflict' "$S_TMP/said" || explain "$created"
	return 1
}

replace() {
	ask copyto "$1" "$S_REMOTE/$2" --no-check-dest --s3-no-check-bucket
}

upload() {
	part=$(part_size "$2")
	# Streams: from 256 MiB on rclone would upload in another way, which asks for no ETag of the whole.
	try rclone copy "$WORK_DIR/out" "$S_REMOTE/$1" --files-from-raw "$2" --no-traverse --immutable --transfers 2 --s3-no-check-bucket \
		--multi-thread-streams 0 --s3-use-multipart-etag="$([ "$S_COMPARE" = size ] && echo false || echo true)" \
		--s3-chunk-size "${part}Mi" --s3-upload-concurrency "$((part > 16 ? 2 : 4))" -vv || explain "$?"
	cp "$S_TMP/said" "$S_TMP/uploaded"
}

# part_size NAMES - of a multipart upload (MiB): 16, and more where 9,000 parts would not be enough
part_size() {
	largest=0
	while IFS= read -r file; do
		bytes=$(size_of "$WORK_DIR/out/$file")
		[ "$bytes" -le "$largest" ] || largest=$bytes
	done <"$1"
	parts=$((largest / 9000 / 1048576 + 1))
	echo $((parts > 16 ? parts : 16))
}

# undo - an object is there whole or not at all, and rclone aborts its multipart uploads itself
undo() {
	:
}

compared_by() {
	[ "$S_COMPARE" = size ] || echo MD5 ETag
}

look() {
	ask lsjson "$S_REMOTE/$1" --files-from-raw "$2" --no-traverse --hash --dump headers >"$S_TMP/seen"
	hashed_files "$S_TMP/seen" >"$S_TMP/hashed" || fail "$FAULT" 'rclone printed no JSON' 'see the log'
	awk '
		FILENAME == ARGV[1] {
			if (/: HEAD \//) { path = $0; sub(/ HTTP\/.*/, "", path); sub(/.*\//, "", path); gsub(/%2[Bb]/, "+", path) }
			if (/HTTP REQUEST \(req /) { asked = $0; sub(/.*\(req /, "", asked); sub(/\).*/, "", asked); waiting = 1 }
			if (/HTTP RESPONSE \(req /) { answered = $0; sub(/.*\(req /, "", answered); sub(/\).*/, "", answered) }
			if (waiting && /: HEAD \//) { of[asked] = path; waiting = 0 }
			if (/^[Ee][Tt]ag: /) { etag[of[answered]] = unquoted($2) }
			next
		}
		{ print $1, $2, $4, $1 in etag ? etag[$1] : "-" }
		function unquoted(text) { gsub(/["\r]/, "", text); return tolower(text) }
	' "$S_TMP/said" "$S_TMP/hashed" >"$S_TMP/stored"
}

# expected - an ETag is the MD5 of an object that came in one piece; for one in parts rclone has computed it while it uploaded
expected() {
	sed -n 's/.* DEBUG : \([^ ]*\): Multipart upload Etag: \([^ ]*\) OK$/\1 \2/p' "$S_TMP/uploaded" >"$S_TMP/etags"
	awk '
		FILENAME == ARGV[1] { composite[$1] = $2; next }
		{ print $1, $2, $4, $1 in composite ? composite[$1] : $4 }
	' "$S_TMP/etags" "$WORK_DIR/tmp/files"
}

hint_on_sums() {
	if grep -qi '^x-amz-server-side-encryption: *aws:kms' "$S_TMP/said"; then
		echo "the bucket encrypts with a key of its own, so its checksums differ: set serverSideEncryption: { algorithm: aws:kms }, or readBack: true"
	else
		echo "$UPLOADS_AFRESH"
	fi
}

# download - large objects come in several streams; rclone would compare them by reading them once more, and fetch compares them itself
download() {
	try rclone copy "$S_REMOTE/$1" "$WORK_DIR/in" --files-from-raw "$2" --no-traverse --no-check-dest --ignore-checksum \
		--transfers 4 --multi-thread-streams 4 --multi-thread-cutoff 64Mi
}

# room - a bucket reports no limit
room() {
	:
}

after_delete() {
	:
}

count_hidden() {
	grep -c '^X-Amz-Delete-Marker: true' "$S_TMP/said" || :
}

explain_own() {
	case $1 in
	*StorageFull* | *QuotaExceeded* | *'StatusCode: 507'*) no_room ;;
	*NoSuchBucket* | *'directory not found'*)
		fail "$WRONG_INPUT" "no such bucket: $S_REMOTE" 'create the bucket: backstay never does'
		;;
	*AccessDenied* | *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *ExpiredToken* | *'StatusCode: 403'* | *'StatusCode: 401'* | *'ermission denied'*)
		denied 'check the key in the Secret and what it may do: list, get, put and delete below the prefix'
		;;
	*PreconditionFailed* | *'immutable file modified'*) stored_already ;;
	*'corrupted on transfer'* | *'multipart upload corrupted'* | *BadDigest*)
		fail "$BAD_DATA" "damaged in transit: $error" "$UPLOADS_AFRESH; if it happens again, check the network and the memory of the node"
		;;
	esac
}
