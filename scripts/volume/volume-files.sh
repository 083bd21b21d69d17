#!/bin/sh
# volume-files.sh - selects the files to back up: turns patterns into expressions of find. Sourced, never run.
#
# Environment: INCLUDE and EXCLUDE of volume-tar.sh, whose header defines patterns. From volume-gnu.sh or
# volume-busybox.sh: FIND_OPTIONS, SORT_OPTIONS and list_files, which calls find_files. TMP, a folder for lists.
# LOST_AND_FOUND, the path of that folder, or / if there is none. The data folder is the working directory.
#
# find does the matching, not the shell or tar: it handles names with blanks, newlines, quotes and leading dashes, GNU and
# BusyBox share the same -regex (POSIX basic, on the whole path), and find does not even open excluded folders.

# Statuses come from common.sh.
# shellcheck disable=SC2086,SC2154

# read_patterns - both lists as regular expressions: $TMP/exclude, $TMP/include, and $TMP/include.parents
read_patterns() {
	printf '%s\n' "${EXCLUDE-}" | to_regex >"$TMP/exclude"
	printf '%s\n' "${INCLUDE-}" | to_regex >"$TMP/include"
	refuse_patterns "$TMP/exclude" exclude
	refuse_patterns "$TMP/include" include
	printf '%s\n' "${INCLUDE-}" | to_regex parents >"$TMP/include.parents"
}

# refuse_patterns FILE KEY - dies if to_regex rejected a pattern
refuse_patterns() {
	wrong=$(sed -n 's/^! //p' "$1")
	[ -z "$wrong" ] || die $WRONG_INPUT "$2: invalid pattern '$wrong'" 'write patterns relative to path:, without . or .. as a folder (example: cache/**)'
}

# to_regex [parents] <patterns - one line each: `a` (any file) or `d` (a folder) and the expression, or `!` and the invalid pattern
#
# With `parents`: the folders on the path to possible matches instead.
to_regex() {
	awk -v parents="${1-}" '
		# one segment of a pattern, between two slashes
		function part(text,   out, i, c, j, set) {
			for (i = 1; i <= length(text); i++) {
				c = substr(text, i, 1)
				if (c == "\\" && i < length(text)) out = out literal(substr(text, ++i, 1))
				else if (c == "*") { if (substr(text, i + 1, 1) != "*") out = out "[^/]*" }
				else if (c == "?") out = out "[^/]"
				else if (c == "[" && (j = closing(text, i))) {
					set = substr(text, i + 1, j - i - 1)
					out = out (sub(/^[!^]/, "", set) ? "[^" without_slash(set) : "[" set) "]"
					i = j
				}
				else out = out literal(c)
			}
			return out
		}
		function literal(c) { return c ~ /[.*^$\\[]/ ? "\\" c : c }
		# a negated set must not match a slash
		function without_slash(set) { return sub(/^\]/, "", set) ? "]/" set : "/" set }
		# the end of a set: a ] that is neither its first member nor part of [:class:]
		function closing(text, from,   i, c) {
			i = from + 1
			if (substr(text, i, 1) ~ /[!^]/) i++
			if (substr(text, i, 1) == "]") i++
			for (; i <= length(text); i++) {
				c = substr(text, i, 1)
				if (c == "]") return i
				if (c == "[" && substr(text, i + 1, 1) == ":") { i += index(substr(text, i + 2), ":]") + 2 }
			}
			return 0
		}
		$0 == "" { next }
		{
			pattern = $0
			kind = pattern ~ /\/$/ ? "d" : "a"
			gsub(/\/+/, "/", pattern)
			sub(/^\//, "", pattern)
			while (sub(/^\.\//, "", pattern)) ;
			sub(/\/$/, "", pattern)
			count = split(pattern, parts, "/")
			regex = "\\."
			if (parents && !seen[regex]++) print "d " regex
			for (i = 1; i <= count; i++) {
				if (parts[i] == ".." || (parts[i] == "." && count > 1)) { print "! " $0; next }
				if (parts[i] == ".") break
				if (parts[i] != "**") regex = regex "/" part(parts[i])
				else if (i == count) regex = regex "/.*"
				else regex = regex "\\(/.*\\)\\{0,1\\}"
				if (parents && i < count && !seen[regex]++) print "d " regex
			}
			if (!parents) print kind " " regex
		}'
}

# list_names - $TMP/names: every file to back up, as ./path, each ended by NUL
#
# Sorted: a folder precedes its contents, and the same files always give the same order.
list_names() {
	check_includes
	list_files
	[ ! -s "$TMP/include" ] || add_parents
	# shellcheck disable=SC2086 # several words, or none
	sort -zu $SORT_OPTIONS "$TMP/found" >"$TMP/names"
	rm -f "$TMP/found"
	[ -s "$TMP/names" ] || die $WRONG_INPUT 'exclude: matches everything, even the folder itself' 'narrow exclude: of this source'
}

# check_includes - dies if an include matches nothing: it is a typo, or the data is gone
check_includes() {
	number=0
	while IFS= read -r line; do
		number=$((number + 1))
		printf '%s\n' "$line" >"$TMP/one"
		find_files "$TMP/one" ! -type s -print0 -quit
		[ -s "$TMP/found" ] || die $WRONG_INPUT "include: '$(text_of_include $number)' matches nothing in '$DATA_PATH' of claim '$CLAIM'" \
			'write patterns relative to path: of this source; **/name matches at any depth; exclude: wins over include:'
	done <"$TMP/include"
}

text_of_include() {
	printf '%s\n' "$INCLUDE" | sed '/^$/d' | sed -n "${1}p"
}

# find_files INCLUDE ACTION... - $TMP/found: the output of find's actions for the files that the patterns select
#
#   ( exclude ) -prune -o ! ( include ) ( -type d ( parents ) -o -prune ) -o ACTION
# The expression is built from its end. -path / matches nothing and only keeps groups from being empty.
find_files() {
	include=$1
	shift
	if [ -s "$include" ]; then
		set -- -o -prune \) -o "$@"
		while IFS= read -r line; do set -- -o -type d -regex "${line#* }" "$@"; done <"$TMP/include.parents"
		set -- \) \( -path / "$@"
		while IFS= read -r line; do
			case $line in
			'd '*) set -- -o -type d -regex "${line#* }" -o -regex "${line#* }/.*" "$@" ;;
			*) set -- -o -regex "${line#* }\\(/.*\\)\\{0,1\\}" "$@" ;;
			esac
		done <"$include"
		set -- ! \( -path / "$@"
	fi
	set -- \) -prune -o "$@"
	while IFS= read -r line; do
		case $line in
		'd '*) set -- -o -type d -regex "${line#* }" "$@" ;;
		*) set -- -o -regex "${line#* }" "$@" ;;
		esac
	done <"$TMP/exclude"
	# Folders of restores: a backup must not contain another backup.
	set -- \( -path "$LOST_AND_FOUND" -o -type d \( -path './.backstay-before-*' -o -path './.backstay-restored-*' -o \
		-path './.backstay-undone-*' -o -path './.backstay-restore-*' \) "$@"
	search "$@"
}

# search EXPRESSION... - runs find. Files that disappear meanwhile are skipped, any other error is fatal
search() {
	find_status=0
	# shellcheck disable=SC2086 # several words, or none
	run find . $FIND_OPTIONS "$@" >"$TMP/found" 2>"$TMP/find.err" || find_status=$?
	[ "$find_status" != 0 ] || return 0
	! grep -v ': No such file or directory$' "$TMP/find.err" >"$TMP/err" || fail_as "$TMP/err" $BAD_DATA "cannot list the files of claim '$CLAIM'"
	[ -s "$TMP/find.err" ] || fail_as "$TMP/find.err" $FAULT "find ended with status $find_status"
}

# add_parents - adds the folders above included files, so that a restore brings back their owners and modes
add_parents() {
	# shellcheck disable=SC2016 # expanded by that shell
	run xargs -0 -r -a "$TMP/found" sh -c '
		last=.
		printf ".\0"
		for file; do
			folder=${file%/*}
			until [ "$folder" = . ] || [ "$folder" = "$last" ]; do
				printf "%s\0" "$folder"
				folder=${folder%/*}
			done
			last=${file%/*}
		done' sh >"$TMP/parents"
	cat "$TMP/parents" >>"$TMP/found"
}
