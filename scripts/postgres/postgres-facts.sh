#!/bin/sh
# postgres-facts.sh - writes what the manifest says about a dump. Sourced by postgres-dump.sh, never run.
#
# Environment: that of postgres-dump.sh.

# What is read here is set by who sources this file.
# shellcheck disable=SC2154

# write_facts - this part as the manifest has it
write_facts() {
	printf '{"name":%s,"kind":"postgres","method":"dump","start":"%s","end":"%s"' "$(json_text "$PART")" "$(iso "$part_start")" "$(iso "$(now)")"
	printf ',"format":"%s","compression":%s,"encryption":null' "$DUMP_FORMAT" "$(compression_json)"
	printf ',"tools":{"pg_dump":%s},"server":{"version":%s,"major":%s}' "$(json_text "$CLIENT_VERSION")" "$(json_text "$SERVER_VERSION")" "$SERVER_MAJOR"
	printf ',"database":%s' "$(cat "$TMP/database")"
	[ ! -s "$TMP/needs" ] || printf ',%s' "$(cat "$TMP/needs")"
	! is_filtered || printf ',"filters":{%s}' "$(filters_json)"
	printf ',"throttle":{"slot":%s,"waitedSeconds":%s,"held":%s}' "$SLOT" "$WAITED" "$HELD"
	printf ',"files":[%s' "$(file_json artifact "$artifact")"
	[ -z "$companion" ] || printf ',%s' "$(file_json globals "$companion")"
	printf ']}\n'
}

compression_json() {
	level=${COMPRESSION_LEVEL:-$(compression_option)}
	case $COMPRESSION in
	none) printf '{"method":"none"}' ;;
	*) printf '{"method":"%s","level":%s}' "$COMPRESSION" "${level#zstd:}" ;;
	esac
}

filters_json() {
	filters=''
	add_filter schemas "$INCLUDE_SCHEMAS"
	add_filter excludeSchemas "$EXCLUDE_SCHEMAS"
	add_filter tables "$INCLUDE_TABLES"
	add_filter excludeTables "$EXCLUDE_TABLES"
	add_filter excludeTableData "$EXCLUDE_TABLE_DATA"
	printf '%s' "$filters"
}

# add_filter KEY PATTERNS
add_filter() {
	[ -n "$2" ] || return 0
	patterns=''
	while IFS= read -r pattern; do patterns=$patterns${patterns:+,}$(json_text "$pattern"); done <<-LINES
		$2
	LINES
	filters=$filters${filters:+,}\"$1\":[$patterns]
}

# file_json ROLE NAME
file_json() {
	sum=$(awk -v name="$2" '{ file = $0; sub(/^[^ ]+ [ *]/, "", file) } file == name { print $1 }' "$TMP/sums")
	printf '{"name":%s,"role":"%s","bytes":%s,"sha256":"%s"}' "$(json_text "$2")" "$1" "$(size_of "$TMP/$2")" "$sum"
}
