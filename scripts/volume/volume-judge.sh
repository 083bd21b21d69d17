#!/bin/sh
# volume-judge.sh - what an archive holds, and whether it may be unpacked: decided from tar's list. Sourced, never run.
#
# Environment: PATHS, only these (one a line; default: all); LINKS, refuse or keep; DEVICES, refuse or skip; TMP, a folder
# with `listing`, as list_archive of volume-unpack.sh writes it.
#
# Names stay as GNU tar quotes them (--quoting-style=c): no two names look alike, and no blank, newline, quote or arrow in
# one can pass for something else. A slash and a full stop are never quoted, so paths are judged as they are.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2086,SC2154

# read_paths - PATHS to $TMP/paths as tar quotes them, and to $TMP/parents and $TMP/wanted as tar takes them
read_paths() {
	printf '%s\n' "${PATHS-}" | clean_paths >"$TMP/paths.raw"
	wrong=$(sed -n 's/^!//p' "$TMP/paths.raw" | head -n 3 | tr '\n' ' ')
	[ -z "$wrong" ] || die $WRONG_INPUT "paths: these lead out of the folder: $wrong" 'a path is relative to path: of the source, without ..'
	! grep -qx '[.]' "$TMP/paths.raw" || : >"$TMP/paths.raw"
	quote_names <"$TMP/paths.raw" >"$TMP/paths"
	sed 's|^|./|' "$TMP/paths.raw" | tr '\n' '\0' >"$TMP/wanted"
	awk '{ while (sub(/\/[^\/]*$/, "")) if (!seen[$0]++) print "./" $0 }' "$TMP/paths.raw" | sort | tr '\n' '\0' >"$TMP/parents"
}

# clean_paths <LINES - each path once, without what says nothing, and none below another; `!` before a wrong one
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

# quote_names <LINES - as GNU tar quotes them in LC_ALL=C, without the quotes
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

# judge - counts as variables, owners to $TMP/owners, `reason<TAB>name` of what is refused to $TMP/refused
#
#   ALL_ENTRIES ALL_FILES ALL_REGULAR ALL_BYTES   of the whole archive: with the root, hard links as files, only hard
#                                                 links to regular files, sizes as they are named
#   ENTRIES REGULAR BYTES ROOM DEVICE_COUNT       of what PATHS asks for, without the root: ROOM in blocks of 4 KiB
#   LEADING_OUT                                   links that lead out of the folder
#   ALL_ATTRIBUTED ATTRIBUTED                     entries with extended attributes or ACLs, of all and of PATHS
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
# One line of the list: type, owner, size, mark (* where there are extended attributes), name, raw name, target. Wants dir, TMP with a slash.
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
	# What PATHS asks for; of an entry, the path by which it is meant, empty where it is not.
	BEGIN { while ((getline path < (dir "paths")) > 0) wanted[path] = some = 1 }
	function meant_by(   up) {
		for (up = name; up != ""; up = parent(up)) if (up in wanted) return up
		return ""
	}
'
# shellcheck disable=SC2016 # awk's
# Three readings: what hard links lead to, of which kind it is, then each entry with all links known.
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
		return name in above || meant_by() != ""
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
	# Step by step as the kernel goes, through other links of the archive too.
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

# check_judgement - dies with all that is refused, by name
check_judgement() {
	if [ -s "$TMP/refused" ]; then
		die $BAD_DATA "the archive is refused: $(refusals)" "$(refusal_hint)"
	fi
	[ ! -s "$TMP/missing" ] || die $WRONG_INPUT "paths: not in this backup: $(first_lines "$TMP/missing")" \
		'a path is relative to path: of the source, as tar -t shows it; no pattern'
	[ ! -s "$TMP/unlinked" ] || die $WRONG_INPUT "paths: hard links to files that are not asked for: $(tr '\t' ' ' <"$TMP/unlinked" | head -n 3 | tr '\n' ' ')" \
		"ask for both: $(cut -f 2 "$TMP/unlinked" | head -n 3 | tr '\n' ' ')"
}

# refusals - 2 names lead out of the folder: "../x", "/y"; 1 device file: "z"
refusals() {
	awk -F '\t' '
		BEGIN {
			text["out"] = "names lead out of the folder"; text["behind"] = "names go through a link"; text["twice"] = "names are there twice"
			text["hard"] = "hard links lead to nothing in it"; text["ours"] = "names belong to a restore"
			text["odd"] = "entries are of no known kind"; text["device"] = "device files"; text["link"] = "links lead out of the folder"
		}
		{ if (!count[$1]++) order[++kinds] = $1 }
		count[$1] <= 3 { names[$1] = names[$1] (count[$1] > 1 ? ", " : "") $2 }
		count[$1] == 4 { names[$1] = names[$1] ", ..." }
		END { for (i = 1; i <= kinds; i++) printf "%s%s %s: %s", (i > 1 ? "; " : ""), count[order[i]], text[order[i]], names[order[i]] }
	' "$TMP/refused"
}

refusal_hint() {
	case $(cut -f 1 "$TMP/refused" | sort -u | tr '\n' ' ') in
	'link ') echo 'links: keep takes them as they were; paths: can leave them out' ;;
	'device ' | 'device link ') echo 'paths: can leave them out; by hand tar unpacks all of it' ;;
	*) echo 'backstay writes no such archive: look at who may write to the storage' ;;
	esac
}

# first_lines FILE - the first three, in one line
first_lines() {
	awk 'NR <= 3 { printf "%s%s", (NR > 1 ? ", " : ""), $0 } NR == 4 { printf ", ..." }' "$1"
}
