#!/bin/sh
# volume-judge.sh - decides from tar's list whether an archive is safe to unpack, and counts its entries. Sourced, never run.
#
# Environment: PATHS, only these (one a line; default: all); LINKS, refuse or keep; DEVICES, refuse or skip; TMP, a folder
# with `listing` from list_archive of volume-unpack.sh.
#
# Names stay quoted as GNU tar prints them (--quoting-style=c), so no two names look alike, and no blank, newline, quote
# or arrow in a name can be mistaken for syntax. Slashes and dots are never quoted, so paths can be checked directly.

# Statuses come from common.sh. The script that sources this file reads the variables set here.
# shellcheck disable=SC2034,SC2086,SC2154

# read_paths - PATHS in tar's quoting to $TMP/paths, and as arguments of tar to $TMP/parents and $TMP/wanted
read_paths() {
	printf '%s\n' "${PATHS-}" | clean_paths >"$TMP/paths.raw"
	wrong=$(sed -n 's/^!//p' "$TMP/paths.raw" | head -n 3 | tr '\n' ' ')
	[ -z "$wrong" ] || die $WRONG_INPUT "paths: outside the folder: $wrong" 'write paths relative to path: of the source, without ..'
	! grep -qx '[.]' "$TMP/paths.raw" || : >"$TMP/paths.raw"
	quote_names <"$TMP/paths.raw" >"$TMP/paths"
	sed 's|^|./|' "$TMP/paths.raw" | tr '\n' '\0' >"$TMP/wanted"
	awk '{ while (sub(/\/[^\/]*$/, "")) if (!seen[$0]++) print "./" $0 }' "$TMP/paths.raw" | sort | tr '\n' '\0' >"$TMP/parents"
}

# clean_paths <LINES - normalized paths, without duplicates and without those below another. `!` marks paths with ..
clean_paths() {
	awk '
		$0 == "" { next }
		{
			path = $0
			gsub(/\/+/, "/", path)
			while (gsub(/\/\.(\/|$)/, "/", path)) ;
			sub(/^\//, "", path)
			while (sub(/^\.\//, "", path)) ;
			if (path != "/") sub(/\/$/, "", path)
			if (path == "") path = "."
			if (("/" path "/") ~ /\/\.\.\//) { print "!" $0; next }
			if (!(path in seen)) { seen[path]; order[++count] = path }
		}
		END {
			for (i = 1; i <= count; i++) {
				above = order[i]
				covered = 0
				while (sub(/\/[^\/]*$/, "", above)) if (above in seen) covered = 1
				if (!covered) print order[i]
			}
		}'
}

# quote_names <LINES - quotes names as GNU tar does in LC_ALL=C, without the surrounding quotes
quote_names() {
	awk '
		BEGIN {
			for (i = 1; i < 256; i++) if (i < 32 || i > 126) code[sprintf("%c", i)] = sprintf("\\%03o", i)
			for (i = 7; i < 14; i++) code[sprintf("%c", i)] = "\\" substr("abtnvfr", i - 6, 1)
			code["\""] = "\\\""; code["\\"] = "\\\\"
		}
		{
			out = ""
			for (i = 1; i <= length($0); i++) { c = substr($0, i, 1); out = out (c in code ? code[c] : c) }
			print out
		}'
}

# judge - sets the counts below, and writes owners to $TMP/owners and refused entries to $TMP/refused (reason<TAB>name)
#
#   ALL_ENTRIES ALL_BYTES                     of the whole archive, the root included
#   ALL_FILES ALL_REGULAR                     regular files plus all hard links, or plus those to regular files only
#   ENTRIES REGULAR BYTES ROOM DEVICE_COUNT   of the entries that PATHS selects, without the root; ROOM in blocks of 4 KiB
#   LEADING_OUT                               selected links that point outside the folder
#   ALL_ATTRIBUTED ATTRIBUTED                 entries with extended attributes or ACLs: of all, of the selected ones
judge() {
	: >"$TMP/refused"
	: >"$TMP/owners"
	: >"$TMP/missing"
	: >"$TMP/unlinked"
	awk -v dir="$TMP/" -v links="$LINKS" -v devices="$DEVICES" "$AWK_ENTRY$AWK_JUDGE" \
		pass=1 "$TMP/listing" pass=2 "$TMP/listing" pass=3 "$TMP/listing" >"$TMP/counts"
	eval "$(cat "$TMP/counts")"
	sort -S 64M -o "$TMP/names" "$TMP/names"
	uniq -d "$TMP/names" | sed 's/^/twice	/' >>"$TMP/refused"
	rm "$TMP/names"
}

# shellcheck disable=SC2016 # awk's
# Parses a line of the list: type, owner, size, mark (* for extended attributes), name, raw name, target. Needs dir, TMP with a slash.
AWK_ENTRY='
	function entry(   text) {
		type = substr($1, 1, 1); mark = substr($1, 11); owner = $2; size = $3; target = ""
		text = substr($0, index($0, "\""))
		if (!match(text, /^"([^"\\]|\\.)*"/)) { type = "?"; name = raw = text; return }
		raw = substr(text, 2, RLENGTH - 2)
		name = plain(raw)
		text = substr(text, RLENGTH + 1)
		if (sub(/^ (->|link to) "/, "", text)) target = substr(text, 1, length(text) - 1)
		else if (text != "") type = "?"
	}
	function plain(path) {
		while (sub(/^\.\/+/, "", path)) ;
		gsub(/\/+/, "/", path)
		if (path != "/") sub(/\/$/, "", path)
		return path == "" ? "." : path
	}
	function leads_out(path) { return path ~ /^\// || ("/" path "/") ~ /\/\.\.\// }
	function parent(path) { return sub(/\/[^\/]*$/, "", path) ? path : "" }
	# The path in PATHS that selects an entry, or "".
	BEGIN { while ((getline path < (dir "paths")) > 0) wanted[path] = some = 1 }
	function selected_by(   up) {
		for (up = name; up != ""; up = parent(up)) if (up in wanted) return up
		return ""
	}
'
# shellcheck disable=SC2016 # awk's
# Three passes: the targets of hard links, the type of each target, then every entry with all links known.
AWK_JUDGE='
	BEGIN {
		for (path in wanted) for (up = parent(path); up != ""; up = parent(up)) above[up]
	}
	{ entry() }
	pass == 1 {
		print name > (dir "names")
		if (type == "l") { link[name] = target; links_there = 1 }
		if (type == "h") linked[plain(target)]
		next
	}
	pass == 2 {
		kind = type
		if (type == "h") {
			kind = plain(target) in kinds ? kinds[plain(target)] : "?"
			if (kind == "l") link[name] = link[plain(target)]
			if (kind == "?") early[name]
		}
		if (name in linked) kinds[name] = kind
		all_entries++
		all_files += type ~ /[-h]/
		all_regular += kind == "-"
		if (type == "-") all_bytes += size
		all_attributed += mark == "*"
		next
	}
	!is_wanted() { next }
	{ judge_entry() }
	{ count() }
	END {
		for (path in wanted) if (!(path in found)) print path > (dir "missing")
		printf "ALL_ENTRIES=%.0f ALL_FILES=%.0f ALL_REGULAR=%.0f ALL_BYTES=%.0f\n", all_entries, all_files, all_regular, all_bytes
		printf "ENTRIES=%.0f REGULAR=%.0f BYTES=%.0f ROOM=%.0f\n", entries, regular, bytes, room
		printf "LEADING_OUT=%.0f DEVICE_COUNT=%.0f ALL_ATTRIBUTED=%.0f ATTRIBUTED=%.0f\n", leading_out, device_count, all_attributed, attributed
	}
	function is_wanted() {
		if (!some) return 1
		if (name in wanted) found[name]
		return name in above || selected_by() != ""
	}
	function refuse(reason) { print reason "\t\"" raw "\"" (target == "" ? "" : " to \"" target "\"") > (dir "refused") }
	function judge_entry() {
		if (leads_out(raw)) refuse("out")
		else if (("/" name "/") ~ /\/\.\// && name != ".") refuse("odd")
		else if (behind_link(name)) refuse("behind")
		else if (type == "d" && name ~ /^\.backstay-(before|restored|undone|restore)-[^\/]*$/) refuse("ours")
		if (type == "l") judge_link(target)
		else if (type == "h") judge_hard_link(plain(target))
		else if (type ~ /[cb]/ && devices == "refuse") refuse("device")
		else if (type !~ /[-dlpcb]/) refuse("odd")
	}
	function judge_link(to) {
		if (!link_leads_out(parent(name), to)) return
		leading_out++
		if (links != "keep") refuse("link")
	}
	function judge_hard_link(to) {
		if (leads_out(target) || name in early || behind_link(to)) refuse("hard")
		else if (kinds[to] == "l") judge_link(link[to])
		if (!some) return
		name = to
		if (!is_wanted()) print raw "\t" to > (dir "unlinked")
		name = plain(raw)
	}
	function behind_link(path,   up) {
		if (links_there) for (up = parent(path); up != ""; up = parent(up)) if (up in link) return 1
		return 0
	}
	# Resolves a link step by step as the kernel does, through other links of the archive too.
	function link_leads_out(at, rest,   step, slash, hops) {
		if (rest ~ /^\//) return 1
		while (rest != "") {
			slash = index(rest, "/")
			step = slash ? substr(rest, 1, slash - 1) : rest
			rest = slash ? substr(rest, slash + 1) : ""
			if (step == "" || step == ".") continue
			if (step == "..") { if (at == "") return 1; at = parent(at); continue }
			at = at == "" ? step : at "/" step
			if (!(at in link)) continue
			if (++hops > 40) return 0
			if (link[at] ~ /^\//) return 1
			rest = link[at] "/" rest
			at = parent(at)
		}
		return 0
	}
	function count() {
		attributed += mark == "*"
		if (name == ".") return
		if (type ~ /[cb]/ || (type == "h" && kinds[plain(target)] ~ /[cb]/)) device_count++
		else entries++
		if (type == "-" || (type == "h" && kinds[plain(target)] == "-")) regular++
		if (type == "-") bytes += size
		room += 1 + (type == "-" ? int((size + 4095) / 4096) : 0)
		if (!(owner in owners)) { owners[owner]; print owner > (dir "owners") }
	}
'

# check_judgement - dies and names every refused entry
check_judgement() {
	if [ -s "$TMP/refused" ]; then
		die $BAD_DATA "the archive is refused: $(refusals)" "$(refusal_hint)"
	fi
	[ ! -s "$TMP/missing" ] || die $WRONG_INPUT "paths: not in this backup: $(first_lines "$TMP/missing")" \
		'write paths relative to path: of the source, as tar -t prints them, and no patterns'
	[ ! -s "$TMP/unlinked" ] || die $WRONG_INPUT "paths: hard links without the file that they link to: $(tr '\t' ' ' <"$TMP/unlinked" | head -n 3 | tr '\n' ' ')" \
		"add to paths: $(cut -f 2 "$TMP/unlinked" | head -n 3 | tr '\n' ' ')"
}

# refusals - names outside the folder (2): "../x", "/y"; device files (1): "z"
refusals() {
	awk -F '\t' '
		BEGIN {
			text["out"] = "names outside the folder"; text["behind"] = "names below a link"; text["twice"] = "duplicate names"
			text["hard"] = "hard links without a target in the archive"; text["ours"] = "names reserved for restores"
			text["odd"] = "entries of unknown type"; text["device"] = "device files"; text["link"] = "links that point outside the folder"
		}
		{ if (!count[$1]++) order[++kinds] = $1 }
		count[$1] <= 3 { names[$1] = names[$1] (count[$1] > 1 ? ", " : "") $2 }
		count[$1] == 4 { names[$1] = names[$1] ", ..." }
		END { for (i = 1; i <= kinds; i++) printf "%s%s (%s): %s", (i > 1 ? "; " : ""), text[order[i]], count[order[i]], names[order[i]] }
	' "$TMP/refused"
}

refusal_hint() {
	case $(cut -f 1 "$TMP/refused" | sort -u | tr '\n' ' ') in
	'link ') echo 'set links: keep to restore them unchanged, or leave them out with paths:' ;;
	'device ' | 'device link ') echo 'leave them out with paths:, or unpack the archive by hand with tar' ;;
	*) echo 'backstay never writes such an archive: check who can write to the storage' ;;
	esac
}

# first_lines FILE - the first three lines, joined with commas
first_lines() {
	awk 'NR <= 3 { printf "%s%s", (NR > 1 ? ", " : ""), $0 } NR == 4 { printf ", ..." }' "$1"
}
