#!/bin/sh
# postgres-statements.sh - finds what the statements of a dump name: roles, tablespaces, tables. Sourced, never run.
#
# The list of an archive has names without quotes, so a name with a blank in it is ambiguous; statements have quotes. The parser splits
# statements into words, and skips strings, function bodies and rows: text that looks like a statement is ignored there.
#
# It prints one name per line, with \\, \n and \t for a backslash, a newline and a tab, as in an E'' string of SQL.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2034,SC2016

# It calls statement() at the end of each statement: word[1..words] are its first words, last[1..3] its last three. A quoted name
# begins with a quote, everything else is in lower case. With whole set, raw is its text.
STATEMENTS='
	rows { if ($0 == "\\.") rows = 0; next }
	# Commands of psql, such as \restrict.
	inside == "" && /^\\/ { restricted = restricted || $1 == "\\restrict"; next }
	{
		if (inside == "\"") name = name "\n"
		if (whole && raw != "") raw = raw "\n"
		line = $0
		while (line != "") {
			if (inside == "") outside()
			else if (inside == "\"") quoted_name()
			else if (at = index(line, inside)) { take(at + length(inside) - 1); inside = "" }
			else take(length(line))
		}
	}
	function take(count) {
		if (whole) raw = raw substr(line, 1, count)
		line = substr(line, count + 1)
	}
	function outside(  sign) {
		if (!match(line, /[";\047]|--|[$][A-Za-z0-9_]*[$]/)) { say(line); take(length(line)); return }
		sign = substr(line, RSTART, RLENGTH)
		say(substr(line, 1, RSTART - 1))
		if (sign == "--") { take(RSTART - 1); line = ""; return }
		take(RSTART + RLENGTH - 1)
		if (sign == ";") ended()
		else { inside = sign; name = "" }
	}
	function quoted_name(  at) {
		at = index(line, "\"")
		if (!at) { name = name line; take(length(line)); return }
		name = name substr(line, 1, at - 1)
		take(at)
		if (substr(line, 1, 1) == "\"") { name = name "\""; take(1); return }
		inside = ""
		add("\"" name)
	}
	function say(text,  i, count, some) {
		if (text !~ /[^ \t]/) return
		gsub(/[(),.=]/, " & ", text)
		count = split(tolower(text), some, " ")
		for (i = 1; i <= count; i++) add(some[i])
	}
	function add(one) {
		last[3] = last[2]; last[2] = last[1]; last[1] = one
		if (words < 400) word[++words] = one
	}
	function ended() {
		if (word[1] == "copy" && last[2] == "from" && last[1] == "stdin") rows = 1
		else if (words) statement()
		for (; words > 0; words--) delete word[words]
		words = 0; raw = ""; last[1] = last[2] = last[3] = ""
	}
	function plain(one) {
		if (substr(one, 1, 1) == "\"") one = substr(one, 2)
		gsub(/\\/, "&&", one)
		gsub(/\n/, "\\n", one)
		gsub(/\t/, "\\t", one)
		return one
	}
	# The first position of a word from a position on; 0 if there is none.
	function place(one, from) {
		for (; from <= words; from++) if (word[from] == one) return from
		return 0
	}
'

# named_in FILE - prints what a dump names, `kind<TAB>name` per line: owner, grantee, role, acts (the grantor of a grant),
# tablespace, subscription, schema (it creates one), restrict (it has a \restrict), complete (it has the last line of pg_dump), and
# table<TAB>schema<TAB>name
named_in() {
	LC_ALL=C awk '
		!rows && inside == "" && $0 == "-- PostgreSQL database dump complete" { complete = 1; next }
		!/^(--.*|\\unrestrict .*)?$/ { complete = 0 }
	'"$STATEMENTS"'
		function statement(  at) {
			if (word[1] == "alter") {
				if (word[2] == "default" && word[3] == "privileges") {
					if (word[4] == "for") role("grantee", word[6])
					grantees(5)
				} else if (last[3] == "owner" && last[2] == "to") role("owner", last[1])
			} else if (word[1] == "grant" || word[1] == "revoke") grantees(2)
			else if (word[1] == "set") {
				if (word[2] == "session" && word[3] == "authorization") role("acts", word[4])
				else if (word[2] == "role") role("role", word[3])
				else if (word[2] == "default_tablespace" && words == 4) once("tablespace\t" plain(word[4]))
			} else if (word[1] == "create") created()
		}
		function created(  at) {
			at = word[2] == "unlogged" ? 3 : 2
			if (word[at] == "table" && word[at + 2] == ".") print "table\t" plain(word[at + 1]) "\t" plain(word[at + 3])
			else if (word[2] == "schema") print "schema\t" plain(word[3])
			else if (word[2] == "subscription") print "subscription\t" plain(word[3])
			else if (word[2] == "user" && word[3] == "mapping") role("role", word[5])
			else if (word[2] == "policy" && (at = place("to", 5))) members("role", at)
		}
		function grantees(from,  at, found) {
			while (at = place(word[1] == "revoke" || place("revoke", 2) ? "from" : "to", from)) { found = at; from = at + 1 }
			if (found) members("grantee", found)
		}
		# The names after a position, up to a word that is not a name: using, with, granted, cascade.
		function members(kind, at) {
			for (at++; at <= words; at += 2) {
				role(kind, word[at])
				if (word[at + 1] != ",") return
			}
		}
		function role(kind, one) {
			if (one !~ /^(public|current_user|current_role|session_user|default|none)?$/) once(kind "\t" plain(one))
		}
		END {
			if (restricted) print "restrict\t"
			if (complete) print "complete\t"
		}
		function once(text) { if (!seen[text]++) print text }
	' "$1"
}

# roles_made_by FILE - prints the roles that a globals file creates, one per line
roles_made_by() {
	LC_ALL=C awk "$STATEMENTS"'
		function statement() { if (word[1] == "create" && word[2] == "role") print plain(word[3]) }
	' "$1"
}

# making_roles MISSING FILE - prints the statements of a globals file that create the roles listed in MISSING: without
# passwords, with every membership that involves one of them, and without attributes that are the default, because only a superuser
# may name those.
making_roles() {
	MISSING=$1 LC_ALL=C awk '
	BEGIN {
		whole = 1
		while ((getline one < ENVIRON["MISSING"]) > 0) missing[one]
	}
	'"$STATEMENTS"'
		function statement() {
			if (word[2] == "role" && (word[1] == "create" || (word[1] == "alter" && word[4] != "in"))) { if (plain(word[3]) in missing) print attributes(raw) }
			else if (word[1] == "comment" && word[3] == "role") { if (plain(word[4]) in missing) print raw }
			else if (word[1] == "grant" && word[3] == "to" && (plain(word[2]) in missing || plain(word[4]) in missing)) membership()
		}
		function attributes(text) {
			if (word[1] == "alter" && word[4] == "with") {
				gsub(/ NO(SUPERUSER|REPLICATION|BYPASSRLS)/, "", text)
				gsub(/ PASSWORD \047[^\047]*\047/, "", text)
			}
			return text
		}
		function membership(  i, text) {
			text = "GRANT " sql(word[2]) " TO " sql(word[4])
			for (i = 5; i <= words && word[i] != "granted"; i++) text = text " " word[i]
			print text ";"
		}
		function sql(one) {
			sub(/^"/, "", one)
			gsub(/"/, "\"\"", one)
			return "\"" one "\""
		}
	' "$2"
}

# properties_of DATABASE FILE - prints the statements that set or grant properties of that database, for the current database
properties_of() {
	DUMPED=$1 GRANTS=$PRIVILEGES LC_ALL=C awk '
	BEGIN {
		whole = 1
		dumped = ENVIRON["DUMPED"]
		quoted = dumped
		gsub(/"/, "\"\"", quoted)
		# The bytes of the dump, whose encoding the database has; the same for its own name.
		print "select pg_catalog.getdatabaseencoding() as own \\gset"
		print "set client_encoding = :\047own\047;"
		print "select pg_catalog.current_database() as target \\gset"
	}
	'"$STATEMENTS"'
		function statement() {
			if (word[1] == "alter" && (word[2] == "database" && word[4] == "set" || word[2] == "role" && word[5] == "database" && word[7] == "set")) aim(raw)
			else if ((word[1] == "grant" || word[1] == "revoke") && place("database", 2) && ENVIRON["GRANTS"] == "keep") aim(raw)
		}
		function aim(text,  at, size) {
			size = length(dumped)
			if (at = index(text, " DATABASE \"" quoted "\" ")) size = length(quoted) + 2
			else at = index(text, " DATABASE " dumped " ")
			if (at) print substr(text, 1, at + 9) ":\"target\"" substr(text, at + 10 + size)
		}
	' "$2"
}

# sql_texts FILE - prints its lines as rows for `values` of SQL, with columns separated by tabs
sql_texts() {
	awk '
		{
			gsub(/\047/, "\047\047")
			gsub(/\t/, "\047, E\047")
			printf "%s(E\047%s\047)", (NR > 1 ? ",\n" : ""), $0
		}' "$1"
}
