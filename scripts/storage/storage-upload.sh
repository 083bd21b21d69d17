#!/bin/sh
# storage-upload.sh - brings files into a storage, and looks at what came of it. Sourced after storage.sh, never run.
#
# Environment: that of storage.sh; out/ of WORK_DIR holds the files, tmp/names all of their names.

# Statuses are numbers of common.sh.
# shellcheck disable=SC2154

# upload FOLDER NAMES - the files of out/ that the file NAMES lists, over nothing that is there
upload() {
	if is_claim; then
		while IFS= read -r file; do copy_to_claim "$WORK_DIR/out/$file" "$S_REMOTE/$1/$file"; done <"$2"
		try sync "$S_REMOTE/$1" || explain "$?"
	else
		part=$(part_size)
		# Streams: from 256 MiB on rclone would upload in another way, which asks for no ETag of the whole.
		try rclone copy "$WORK_DIR/out" "$S_REMOTE/$1" --files-from-raw "$2" --no-traverse --immutable --transfers 2 --s3-no-check-bucket \
			--multi-thread-streams 0 --s3-use-multipart-etag="$([ "$S_COMPARE" = size ] && echo false || echo true)" \
			--s3-chunk-size "${part}Mi" --s3-upload-concurrency "$((part > 16 ? 2 : 4))" -vv || explain "$?"
		cp "$S_TMP/said" "$S_TMP/uploaded"
	fi
}

copy_to_claim() {
	[ ! -e "$2" ] || fail "$BAD_DATA" "already stored: $2" 'nothing was overwritten; the next run has another name'
	echo "$2" >>"$S_TMP/made"
	try copy_new "$1" "$2" || explain "$?"
	try sync "$2" || explain "$?"
}

# copy_new FROM TO - fails where TO exists, even if it came a moment ago
copy_new() {
	set -C
	exec cat "$1" >"$2"
}

# part_size - of a multipart upload (MiB): 16, and more where 9,000 parts would not be enough
part_size() {
	largest=0
	while IFS= read -r file; do
		bytes=$(size_of "$WORK_DIR/out/$file")
		[ "$bytes" -le "$largest" ] || largest=$bytes
	done <"$WORK_DIR/tmp/names"
	parts=$((largest / 9000 / 1048576 + 1))
	echo $((parts > 16 ? parts : 16))
}

# look FOLDER NAMES - what the storage says of each file, freshly asked: lines of name, bytes, hash, ETag; - where it says nothing
look() {
	if is_claim; then
		ask lsjson "$S_REMOTE/$1" --files-from-raw "$2" --no-traverse --hash --hash-type sha256 >"$S_TMP/seen"
	else
		ask lsjson "$S_REMOTE/$1" --files-from-raw "$2" --no-traverse --hash --dump headers >"$S_TMP/seen"
	fi
	awk '
		FILENAME == ARGV[1] {
			if (/: HEAD \//) { path = $0; sub(/ HTTP\/.*/, "", path); sub(/.*\//, "", path); gsub(/%2[Bb]/, "+", path) }
			if (/HTTP REQUEST \(req /) { asked = $0; sub(/.*\(req /, "", asked); sub(/\).*/, "", asked); waiting = 1 }
			if (/HTTP RESPONSE \(req /) { answered = $0; sub(/.*\(req /, "", answered); sub(/\).*/, "", answered) }
			if (waiting && /: HEAD \//) { of[asked] = path; waiting = 0 }
			if (/^[Ee][Tt]ag: /) { etag[of[answered]] = unquoted($2) }
			next
		}
		/"Path":/ {
			name = member("Path"); hash = member("sha256"); if (hash == "") hash = member("md5")
			bytes = $0; sub(/.*"Size":/, "", bytes); sub(/[^0-9].*/, "", bytes)
			print name, bytes, hash == "" ? "-" : hash, name in etag ? etag[name] : "-"
		}
		function unquoted(text) { gsub(/["\r]/, "", text); return tolower(text) }
		function member(key, text) {
			text = $0
			if (!sub(".*\"" key "\":\"", "", text)) return ""
			sub(/".*/, "", text)
			return text
		}' "$S_TMP/said" "$S_TMP/seen" >"$S_TMP/stored"
}
