#!/bin/sh
# storage-hashes.sh - reads what rclone tells of files with their checksums. Sourced by storage.sh, never run.

. "$(dirname "$0")/json.sh"

# hashed_files FILE - from the output of rclone lsjson --hash: lines of name, bytes, SHA-256 and MD5, each - if rclone has none
#
# Names of stored files hold no blanks. Returns 1 if the output is not JSON.
hashed_files() {
	json_flatten <"$1" >"$1.flat" || return 1
	awk -F '\t' '
		{ item = $1; sub(/[.].*/, "", item); key = substr($1, length(item) + 2) }
		item != last { show(); last = item }
		{ value[key] = $2 }
		END { show() }
		function show() {
			if ("Path" in value) print value["Path"], value["Size"], sum("Hashes.sha256"), sum("Hashes.md5")
			split("", value)
		}
		function sum(key) { return value[key] == "" ? "-" : value[key] }
	' "$1.flat"
}
