#!/bin/sh
# volume-files.sh - which files of a volume are backed up: patterns to find's own language. Sourced, never run.
#
# Environment: INCLUDE and EXCLUDE of volume-tar.sh, whose header says what a pattern means; of the adapter of the tar,
# FIND_OPTIONS, SORT_OPTIONS and list_files, which calls find_files; TMP, a folder for lists; LOST_AND_FOUND, the path of that folder
# or /. The folder itself is the working directory.
#
# find matches, and not the shell or a tar: it takes names with blanks, newlines, quotes and leading dashes as they are,
# both finds have the same -regex (POSIX basic, over the whole path), and a folder that is left out is not even opened.

# Statuses are numbers of common.sh.
# shellcheck disable=SC2086,SC2154

# read_patterns - both lists as regular expressions, each include in a file of its own and its parents in another
read_patterns() {
	printf '%s\n' "${EXCLUDE-}" | to_regex >"$TMP/exclude"
	printf '%s\n' "${INCLUDE-}" | to_regex >"$TMP/include"
	refuse_patterns "$TMP/exclude" exclude
	refuse_patterns "$TMP/include" include
	printf '%s\n' "${INCLUDE-}" | to_regex parents >"$TMP/include.parents"
}

# refuse_patterns FILE KEY
refuse_patterns() {
	wrong=$(sed -n 's/^! //p' "$1")
	[ -z "$wrong" ] || die $WRONG_INPUT "$2: '$wrong' is no pattern below the folder" "patterns are relative to path:, such as cache/**"
}

# to_regex [parents] <patterns - a line each: `a` any file or `d` a folder, then the expression; `!` and what is wrong
#
# With `parents`: the folders on the way to what a pattern may match.
to_regex() {
	awk -v parents="${1-}" '
		# one part of a pattern between slashes
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
		# what is not in a set is no slash either
		function without_slash(set) { return sub(/^\]/, "", set) ? "]/" set : "/" set }
		# where a bracket ends: a ] that is not its first member, nor within [:class:]
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

# list_names - $TMP/names: all that is backed up, NUL after each name, sorted, as ./path
#
# A folder comes before what lies in it, and the same files give the same order.
list_names() {
	check_includes
	list_files
	[ ! -s "$TMP/include" ] || add_parents
	# shellcheck disable=SC2086 # several words, or none
	sort -zu $SORT_OPTIONS "$TMP/found" >"$TMP/names"
	rm -f "$TMP/found"
	[ -s "$TMP/names" ] || die $WRONG_INPUT 'exclude: leaves nothing to back up, not even the folder itself' 'look at exclude: of this source'
}

# check_includes - an include that matches nothing is a typing error, or the data is gone: neither makes a good backup
check_includes() {
	number=0
	while IFS= read -r line; do
		number=$((number + 1))
		printf '%s\n' "$line" >"$TMP/one"
		find_files "$TMP/one" ! -type s -print0 -quit
		[ -s "$TMP/found" ] || die $WRONG_INPUT "include: '$(text_of_include $number)' matches nothing in '$DATA_PATH' of claim '$CLAIM'" \
			'a pattern is relative to path: of this source; at any depth it is **/name; what exclude: matches is not there'
	done <"$TMP/include"
}

text_of_include() {
	printf '%s\n' "$INCLUDE" | sed '/^$/d' | sed -n "${1}p"
}

# find_files INCLUDE ACTION... - $TMP/found: what find's actions print of the files that the patterns leave
#
#   ( exclude ) -prune -o ! ( include ) ( -type d ( parents ) -o -prune ) -o ACTION
# What comes first here is put in front last. -path / matches nothing: it is there so that no group is empty.
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
	# Folders of restores: a backup must not hold what another backup holds.
	set -- \( -path "$LOST_AND_FOUND" -o -type d \( -path './.backstay-before-*' -o -path './.backstay-restored-*' -o \
		-path './.backstay-undone-*' -o -path './.backstay-restore-*' \) "$@"
	search "$@"
}

# search EXPRESSION... - a file that goes while find looks is none; all else that it cannot look at fails
search() {
	looked=0
	# shellcheck disable=SC2086 # several words, or none
	run find . $FIND_OPTIONS "$@" >"$TMP/found" 2>"$TMP/find.err" || looked=$?
	[ "$looked" != 0 ] || return 0
	! grep -v ': No such file or directory$' "$TMP/find.err" >"$TMP/err" || fail_as "$TMP/err" $BAD_DATA "cannot list the files of claim '$CLAIM'"
	[ -s "$TMP/find.err" ] || fail_as "$TMP/find.err" $FAULT "find ended with status $looked"
}

# add_parents - the folders on the way to what is included, so that they come back with their owners and modes
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
