#!/bin/sh
# retention.sh - which backups stay, and why. Sourced after common.sh, never run.
#
# Environment (the only input; n counts from 1; without any rule every backup stays):
#   STORAGE_n_KEEP_LAST              number of newest backups to keep (count)
#   STORAGE_n_KEEP_FOR_SECONDS       keep backups up to this much older than the newest (seconds)
#   STORAGE_n_KEEP_DAILY             keep the newest backup of this many days that have one (count, UTC)
#   STORAGE_n_KEEP_WEEKLY            the same by ISO weeks (count)
#   STORAGE_n_KEEP_MONTHLY           the same by months (count)
#   STORAGE_n_KEEP_YEARLY            the same by years (count)
#   STORAGE_n_KEEP_AT_LEAST          the floor: number of newest backups that stay whatever the rules say
#                                    (count; default: 3, or KEEP_LAST where that is the only rule and smaller)
#   STORAGE_n_KEEP_AT_MOST_DELETED   largest share that one run may delete (percent; default: 50)
#
# Its oracle is test/support/plan-retention.ts: test/vectors/retention.json holds both. A thousand names cost one sort and two awks.

# use_keep NUMBER - sets KEEP_LAST and the others to the rules of a storage
use_keep() {
	for rule in LAST FOR_SECONDS DAILY WEEKLY MONTHLY YEARLY AT_LEAST AT_MOST_DELETED; do
		eval "KEEP_$rule=\${STORAGE_${1}_KEEP_$rule-}"
	done
}

# Functions for awk: seconds_of(name) is the start time of a backup, or "" for a foreign name. It sets month_of to the
# month.
# shellcheck disable=SC2016
awk_names='
	function seconds_of(name, padded, i, at, found, year, month, day, hours, minutes, seconds) {
		if (name !~ /^[A-Za-z0-9_-]+$/ || name !~ /[b-df-hjkmnp-tv][b-df-hjkmnp-tv][b-df-hjkmnp-tv][b-df-hjkmnp-tv][b-df-hjkmnp-tv][b-df-hjkmnp-tv][b-df-hjkmnp-tv][b-df-hjkmnp-tv]/) return ""
		padded = "." name "."
		for (i = 1; i + 15 < length(padded); i++)
			if (substr(padded, i, 17) ~ /^[^0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9][^0-9]$/) { found++; at = i }
		if (found != 1) return ""
		year = substr(name, at, 4) + 0; month = substr(name, at + 4, 2) + 0; day = substr(name, at + 6, 2) + 0
		hours = substr(name, at + 9, 2) + 0; minutes = substr(name, at + 11, 2) + 0; seconds = substr(name, at + 13, 2) + 0
		if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return ""
		if (hours > 23 || minutes > 59 || seconds > 59) return ""
		month_of = substr(name, at, 6)
		return days_to(year, month, day) * 86400 + hours * 3600 + minutes * 60 + seconds
	}
	function days_in(year, month) {
		if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
		return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
	}
	# Days since 1970: years begin in March here, so that the leap day is the last one.
	function days_to(year, month, day, era, rest) {
		if (month <= 2) year--
		era = int(year / 400); rest = year - era * 400
		return era * 146097 + rest * 365 + int(rest / 4) - int(rest / 100) + int((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 719469
	}
	function stem_of(file) { sub(/[.+].*/, "", file); return file }
'

# committed <listing - the complete backups of a folder: lines of name, pinned or -, verified or -
committed() {
	awk "$awk_names"'
		{ stem = stem_of($0); ending = substr($0, length(stem) + 1) }
		seconds_of(stem) == "" { next }
		ending == ".manifest.json" { names[stem] }
		ending == ".keep" { pinned[stem] }
		ending == ".verified.json" { verified[stem] }
		END { for (stem in names) print stem, stem in pinned ? "pinned" : "-", stem in verified ? "verified" : "-" }
	'
}

# named WANTED FIELD ENTRIES - the lines whose FIELD matches WANTED: a run id, a name, or the name of a stored file
named() {
	WANTED=$1 awk -v field="$2" '
		BEGIN {
			wanted = ENVIRON["WANTED"]
			sub(/[.+].*/, "", wanted)
			# Run ids have letters of their own, so no date or other part of a name is mistaken for one.
			is_id = length(wanted) == 8 && wanted !~ /[^b-df-hjkmnp-tv]/
		}
		{ parts = "-" $field "-"; gsub(/_/, "-", parts) }
		wanted != "" && ($field == wanted || (is_id && index(parts, "-" wanted "-")))
	' "$3"
}

# plan_retention NOW ENTRIES - lines of name, keep or delete, and the reasons, newest first. ENTRIES is a file from committed
plan_retention() {
	awk "$awk_names"'{ time = seconds_of($1); printf "%.0f %s %s %s %s\n", time == "" ? -1 : time, $1, $2, $3, month_of }' "$2" >"$2.dated"
	sort -k 1,1nr -k 2,2r "$2.dated" >"$2.sorted"
	awk -v now="$1" -v keep_last="${KEEP_LAST-}" -v keep_for="${KEEP_FOR_SECONDS-}" -v daily="${KEEP_DAILY-}" -v weekly="${KEEP_WEEKLY-}" \
		-v monthly="${KEEP_MONTHLY-}" -v yearly="${KEEP_YEARLY-}" -v at_least="${KEEP_AT_LEAST-}" '
		BEGIN {
			others = keep_for daily weekly monthly yearly
			if (at_least == "") at_least = others == "" && keep_last != "" && keep_last + 0 < 3 ? keep_last : 3
		}
		function because(reason) { why = why (why == "" ? "" : ",") reason }
		# Keeps the first backup of each bucket, up to count buckets. Input is sorted newest first.
		function newest_of(rule, count, bucket) {
			if (bucket == seen[rule] || buckets[rule] >= count + 0) return
			seen[rule] = bucket
			buckets[rule]++
			because(rule)
		}
		$1 < 0 { print $2, "keep", "unknown"; next }
		# Clocks differ a little. More than an hour ahead is a wrong clock.
		$1 > now + 3600 { print $2, "keep", "future"; next }
		{
			why = ""
			time = $1
			if (index_ == 0) anchor = time
			days = int(time / 86400)
			if ($3 == "pinned") because("pinned")
			if ($4 == "verified" && !a_verified++) because("verified")
			if (index_ < at_least + 0) because("atLeast")
			if (index_ < keep_last + 0) because("last")
			if (keep_for != "" && anchor - time <= keep_for + 0) because("for")
			newest_of("daily", daily, "d" days)
			newest_of("weekly", weekly, "w" int((days + 3) / 7))
			newest_of("monthly", monthly, "m" $5)
			newest_of("yearly", yearly, "y" substr($5, 1, 4))
			if (keep_last others == "") because("no rule")
			print $2, why == "" ? "delete -" : "keep " why
			index_++
		}' "$2.sorted"
}

# share_exceeded PLAN - prints how many backups the plan deletes, if one run may not delete that many
share_exceeded() {
	awk -v share="${KEEP_AT_MOST_DELETED:-50}" '
		$3 != "future" && $3 != "unknown" { counted++ }
		$2 == "delete" { doomed++ }
		END { if (doomed * 100 > share * counted) print "refused: " doomed " of " counted }
	' "$1"
}
