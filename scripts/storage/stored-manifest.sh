#!/bin/sh
# stored-manifest.sh - checks a manifest before anything that it names is fetched. Sourced by fetch.sh.
#
# It needs json.sh, and of fetch.sh NAME, S_NAME, ORIGIN_ENVIRONMENT, ORIGIN_SOURCES and PARTS, in WORK_DIR.

# total is for fetch.sh.
# shellcheck disable=SC2034

# check_manifest - it must be a manifest of this version, and of the chosen backup
check_manifest() {
	json_flatten <in/manifest.json >tmp/manifest.flat || refuse 'is not JSON, or is truncated'
	says version backstay/v1 || refuse "has version '$(stated version)', expected backstay/v1" 'use the backstay of that version'
	says name "$NAME" || refuse "names the backup '$(stated name)'"
	is_run_id "$(stated runId)" || refuse "has the run id '$(stated runId)'"
	says environment "$ORIGIN_ENVIRONMENT" || refuse "belongs to environment '$(stated environment)', not '$ORIGIN_ENVIRONMENT'" "$WHOSE"
	is_source || refuse "belongs to source '$(stated source)', not $(printf '%s' "$ORIGIN_SOURCES" | tr '\n' ' ')" "$WHOSE"
}

WHOSE='owner.json in the folder above names the owner of these backups'

# refuse WHAT [HINT]
refuse() {
	die "$BAD_DATA" "the manifest of $NAME in storage $S_NAME $1" "${2:-another storage may hold a good copy; otherwise choose an older backup}"
}

stated() {
	fact "$1" tmp/manifest.flat
}

# says PATH VALUE - compares whole lines, so that no newline is lost
says() {
	grep -Fxq "$(printf '%s\t%s' "$1" "$2")" tmp/manifest.flat
}

is_run_id() {
	case $1 in *[!bcdfghjkmnpqrstv]*) return 1 ;; ????????) ;; *) return 1 ;; esac
	case $NAME in *"$1"*) ;; *) return 1 ;; esac
}

is_source() {
	printf '%s\n' "$ORIGIN_SOURCES" >tmp/sources
	while IFS= read -r source; do
		if says source "$source"; then return 0; fi
	done <tmp/sources
	return 1
}

# check_parts - the requested parts must be there and as requested, and every file that the manifest names must be possible
#
# Writes in/<part>.facts, tmp/names with the files to fetch, and tmp/files with their bytes and SHA-256.
check_parts() {
	: >tmp/files
	wrong=$(PARTS=$PARTS NAME=$NAME awk -F '\t' '
		{ line[NR] = $0; value[$1] = $2; split($1, step, ".") }
		$1 ~ /^parts[.][0-9]+[.]files[.][0-9]+/ && step[4] + 1 > files[step[2]] { files[step[2]] = step[4] + 1 }
		$1 ~ /^parts[.][0-9]+[.]name$/ {
			if ($2 in place) wrong("names two parts " $2)
			place[$2] = step[2]
			names = names (names == "" ? "" : ", ") $2
		}
		END {
			for (part in files) for (i = 0; i < files[part]; i++) check_file("parts." part ".files." i ".")
			count = split(ENVIRON["PARTS"], asked, "\n")
			for (i = 1; i <= count; i++) {
				split(asked[i], word, " ")
				if (asked[i] != "") check_part(word[1], word[2], word[3])
				if (asked[i] != "" && !said) keep(word[1], "parts." place[word[1]] ".", files[place[word[1]]])
			}
		}
		# Only the first error is reported.
		function wrong(text) { if (!said++) print text }
		function check_file(at, name, rest, bytes, sum) {
			name = value[at "name"]; rest = substr(name, length(ENVIRON["NAME"]) + 1)
			bytes = value[at "bytes"]; sum = value[at "sha256"]
			if (name !~ /^[A-Za-z0-9._+-]+$/) wrong("names a file \047" name "\047")
			else if (index(name, ENVIRON["NAME"]) != 1 || rest !~ /^[.+]./) wrong("names a file of another backup: " name)
			else if (bytes !~ /^(0|[1-9][0-9]*)$/ || length(bytes) > 15) wrong("gives " name " the size \047" bytes "\047")
			else if (length(sum) != 64 || sum ~ /[^0-9a-f]/) wrong("gives " name " the SHA-256 \047" sum "\047")
			else if (taken[name]++) wrong("names two files " name)
		}
		function check_part(part, kind, method, at) {
			if (!(part in place)) { wrong("has no part " part ", but " (names == "" ? "none" : names)); return }
			at = "parts." place[part] "."
			if (value[at "kind"] != kind || value[at "method"] != method)
				wrong("has the part " part " as " value[at "kind"] " " value[at "method"] " instead of " kind " " method)
			else if (value[at "encryption"] != "null") wrong("has the part " part " encrypted, which is not supported")
			else if (!files[place[part]]) wrong("names no file of the part " part)
		}
		function keep(part, at, count, i, file) {
			for (i = 0; i < count; i++) {
				file = at "files." i "."
				print value[file "name"], value[file "bytes"], value[file "sha256"] >"tmp/files"
			}
			for (i = 1; i <= NR; i++) if (index(line[i], at) == 1) print substr(line[i], length(at) + 1) >("in/" part ".facts")
		}' tmp/manifest.flat)
	[ -z "$wrong" ] || refuse "$wrong"
	sed 's/ .*//' tmp/files >tmp/names
	total=$(awk '{ bytes += $2 } END { printf "%.0f", bytes }' tmp/files)
}
