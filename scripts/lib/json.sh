#!/bin/sh
# json.sh - reads JSON with awk alone: flattens it to lines, and looks up values in them. Sourced, never run.
#
# A flattened file has a line for each scalar: its path, a tab, its value. Full stops join the keys of a path, and list items
# count from 0: `parts.0.files.1.bytes<TAB>42`. Strings are decoded, but a backslash, a newline and a tab stay \\, \n and \t, so
# that a value is one line. Numbers, true, false and null stay as written. An empty list is [], an empty object {}.

# json_flatten <FILE - prints the lines; returns 1, after whatever was printed, unless the input is one JSON object or list
#
# It also refuses two values of one path, which are ambiguous, a NUL, which no shell can hold, and nesting deeper than 100.
json_flatten() {
	LC_ALL=C awk '
		BEGIN {
			for (i = 1; i < 256; i++) byte[i] = sprintf("%c", i)
			plain["\""] = "\""; plain["/"] = "/"; plain["\\"] = "\\\\"; plain["n"] = "\\n"; plain["t"] = "\\t"
			plain["b"] = byte[8]; plain["f"] = byte[12]; plain["r"] = byte[13]
			number = "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$"
			state = "root"
		}
		# A string never spans lines: every second piece between quotes is one, unless its end is escaped.
		{
			pieces = split($0, piece, "\"")
			inside = 0
			for (at = 1; at <= pieces && !bad; at++) {
				if (!inside) { words(piece[at]); text = ""; inside = 1; continue }
				text = text piece[at]
				if (escaped(piece[at]) && at < pieces) { text = text "\""; continue }
				inside = 0
				if (at < pieces) quoted(text)
			}
			if (pieces > 0 && !inside) bad = 1
			if (bad) exit 1
		}
		END { if (bad || state != "end") exit 1 }

		function escaped(text) { return match(text, /\\+$/) && RLENGTH % 2 }
		# What is between strings: punctuation, numbers, true, false, null.
		function words(text, count, word, i) {
			gsub(/[][{}:,]/, " & ", text)
			count = split(text, word, /[ \t\r]+/)
			for (i = 1; i <= count && !bad; i++) if (word[i] != "") sign(word[i])
		}
		function sign(word) {
			if (word == "{" || word == "[") open(word)
			else if (word == "}" || word == "]") close_(word)
			else if (word == ":" && state == "colon") state = "value"
			else if (word == "," && state == "comma") state = kind[depth] == "{" ? "key" : "value"
			else if (word ~ number || word == "true" || word == "false" || word == "null") scalar(word)
			else bad = 1
		}
		function open(word) {
			if (!begins_value() || depth >= 100) { bad = 1; return }
			at_path[depth + 1] = depth == 0 ? "" : path() "."
			depth++
			kind[depth] = word; items[depth] = 0
			state = word == "{" ? "first key" : "first value"
		}
		function close_(word) {
			if (depth == 0 || kind[depth] != (word == "}" ? "{" : "[") || (state != "comma" && state !~ /^first/)) { bad = 1; return }
			depth--
			if (state == "comma") ends_value()
			else print_value(word == "}" ? "{}" : "[]")
		}
		function quoted(text) {
			if (text ~ /[\001-\037]/) { bad = 1; return }
			if (index(text, "\\")) text = decoded(text)
			if (state == "key" || state == "first key") { key[depth] = text; state = "colon" }
			else scalar(text)
		}
		function scalar(value) {
			if (depth == 0 || !begins_value()) bad = 1
			else print_value(value)
		}
		function begins_value() { return state == "root" || state == "value" || state == "first value" }
		function path() { return at_path[depth] (kind[depth] == "{" ? key[depth] : items[depth]) }
		function print_value(value) {
			if (depth > 0 && path() in seen) { bad = 1; return }
			if (depth > 0) { seen[path()]; print path() "\t" value }
			ends_value()
		}
		function ends_value() {
			if (depth > 0) items[depth]++
			state = depth > 0 ? "comma" : "end"
		}
		function decoded(text, out, at, letter, code) {
			while (at = index(text, "\\")) {
				out = out substr(text, 1, at - 1)
				letter = substr(text, at + 1, 1)
				text = substr(text, at + 2)
				if (letter in plain) { out = out plain[letter]; continue }
				code = letter == "u" ? unit(text) : -1
				if (code < 1) { bad = 1; return }
				text = substr(text, 5)
				# A surrogate pair encodes one character; half a pair encodes none.
				if (code >= 55296 && code < 56320 && substr(text, 1, 2) == "\\u" && unit(substr(text, 3)) >= 56320 && unit(substr(text, 3)) < 57344) {
					code = 65536 + (code - 55296) * 1024 + unit(substr(text, 3)) - 56320
					text = substr(text, 7)
				} else if (code >= 55296 && code < 57344) code = 65533
				out = out (code == 9 ? "\\t" : code == 10 ? "\\n" : code == 92 ? "\\\\" : utf8(code))
			}
			return out text
		}
		function unit(text, i, digit, value) {
			for (i = 1; i <= 4; i++) {
				digit = index("0123456789abcdef", tolower(substr(text, i, 1)))
				if (digit == 0 || substr(text, i, 1) == "") return -1
				value = value * 16 + digit - 1
			}
			return value
		}
		function utf8(code) {
			if (code < 128) return byte[code]
			if (code < 2048) return byte[192 + int(code / 64)] byte[128 + code % 64]
			if (code < 65536) return byte[224 + int(code / 4096)] byte[128 + int(code / 64) % 64] byte[128 + code % 64]
			return byte[240 + int(code / 262144)] byte[128 + int(code / 4096) % 64] byte[128 + int(code / 64) % 64] byte[128 + code % 64]
		}'
}

# fact PATH FILE - prints the decoded value and a newline; nothing if there is none
fact() {
	FACT=$1 LC_ALL=C awk '
		BEGIN { wanted = ENVIRON["FACT"] "\t" }
		index($0, wanted) == 1 {
			text = substr($0, length(wanted) + 1)
			while (at = index(text, "\\")) {
				letter = substr(text, at + 1, 1)
				printf "%s%s", substr(text, 1, at - 1), letter == "n" ? "\n" : letter == "t" ? "\t" : letter
				text = substr(text, at + 2)
			}
			print text
			exit
		}' "$2"
}

# fact_count PATH FILE - prints the number of items of a list; 0 if there is none
fact_count() {
	FACT=$1 LC_ALL=C awk '
		BEGIN { wanted = ENVIRON["FACT"] "." }
		index($0, wanted) == 1 {
			item = substr($0, length(wanted) + 1)
			sub(/[.\t].*/, "", item)
			if (item ~ /^[0-9]+$/ && item + 0 >= count) count = item + 1
		}
		END { print count + 0 }' "$2"
}

# fact_rows PATH FILE [KEY...] - prints a line for each item of a list: its value, or the values of these keys separated by tabs,
# escaped as in the file
fact_rows() {
	rows_of=$1 rows_in=$2
	shift 2
	FACT=$rows_of KEYS=$* LC_ALL=C awk '
		BEGIN {
			wanted = ENVIRON["FACT"] "."
			keys = split(ENVIRON["KEYS"], key, " ")
		}
		index($0, wanted) == 1 {
			text = substr($0, length(wanted) + 1)
			at = index(text, "\t")
			path = substr(text, 1, at - 1)
			if (!match(path, /^[0-9]+/)) next
			item = substr(path, 1, RLENGTH) + 0
			if (item >= count) count = item + 1
			value[item, substr(path, RLENGTH + 2)] = substr(text, at + 1)
		}
		END {
			for (item = 0; item < count; item++) {
				line = keys ? value[item, key[1]] : value[item, ""]
				for (i = 2; i <= keys; i++) line = line "\t" value[item, key[i]]
				print line
			}
		}' "$rows_in"
}

# has_fact PATH FILE - whether there is a value, or a list or object that is not empty
has_fact() {
	FACT=$1 LC_ALL=C awk '
		BEGIN { wanted = ENVIRON["FACT"] }
		index($0, wanted ".") == 1 { found = 1; exit }
		index($0, wanted "\t") == 1 { text = substr($0, length(wanted) + 2); found = text != "[]" && text != "{}"; exit }
		END { exit !found }' "$2"
}
