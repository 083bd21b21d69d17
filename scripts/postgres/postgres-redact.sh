#!/bin/sh
# postgres-redact.sh - shows what PostgreSQL's programs wrote, without data of the database. Sourced, never run.
#
# This is the only place that redacts. psql could suppress all text itself (VERBOSITY=sqlstate), but pg_restore, pg_dump, vacuumdb
# and pg_amcheck cannot, and an error of psql must still name the table or the constraint that it is about. VERBOSITY=terse would drop
# the context, which tells whether a function of the database wrote the message.

# WORDS - puts the output of a tool into said[1..sayings] without data of the database: rows, keys, passwords in statements. More
# people read logs than databases, and a verification writes them unattended.
#
# A message keeps its first line, which names its object. The other lines are redacted unless they cannot contain a value. Quoted
# values in the first line are redacted as well, and all text from a function of the database. The context of an error tells
# whether a function raised it. Nothing tells that of a warning, so only warnings that are known to be the server's are shown.
#
# A server writes in the language of its lc_messages, which only a superuser can change for a session. A message in another language
# is recognized by its structure, and shown up to its first quote.
# shellcheck disable=SC2016 # awk's own fields
WORDS='
	BEGIN {
		# The names of errors. A message with another name may be a warning, and is redacted.
		ERRORS = "^(ERROR|FATAL|PANIC|FEHLER|PANIK|ERREUR|ERRORE|FATALE|PANICO|ERRO|FEL|FATALT|EROARE|HATA|CHYBA|BŁĄD|ОШИБКА|ВАЖНО|ПОМИЛКА|ФАТАЛЬНО|エラー|오류|치명적오류|错误|致命错误|錯誤|შეცდომა|ფატალური):"
		# No apostrophe within a word; but a single byte that is not valid in UTF-8 may be a quote.
		QUOTE = "\"|`|^\047|[^A-Za-z\200-\377]\047|«|»|„|“|”|\342\200[\230\231]|‚|‹|›|「|『|[ -~][\200-\277]"
	}
	{ line[NR] = $0 }
	END { for (at = 1; at <= NR; at++) hear(line[at]) }
	function hear(text) {
		if (text ~ /^Command was: / || text ~ /^pg_[a-z]+: detail: Query was: /) { message = 1; say(until(text, "[\047$]")) }
		else if (match(text, /^LINE [0-9]+: /)) say(substr(text, 1, RLENGTH) "(left out)")
		else if (match(text, /^([0-9][^"]* )?(DETAIL|HINT|CONTEXT|QUERY|STATEMENT):  /)) {
			message = 1
			say(substr(text, 1, RLENGTH) part(substr(text, 1, RLENGTH), substr(text, RLENGTH + 1)))
		} else if (begins(text) || !message) say(first(text))
	}
	function say(text) { said[++sayings] = text }
	# Whether a new message begins: rows may span lines too.
	function begins(text) {
		return text ~ /^(psql|pg_restore|pg_dump|pg_dumpall|vacuumdb|pg_amcheck|initdb|postgres)[:[]/ || text ~ /^connection to server / ||
			text ~ /^(WARNING|NOTICE|INFO):  / || text ~ (ERRORS "  ") || text ~ /^[0-9]+-[0-9]+-[0-9]+ [0-9:.]+ [A-Z]+ \[[0-9]+\] [A-Z0-9]+:  /
	}
	function first(text,  head, name, wrong) {
		hidden = 0
		message = match(text, /(^|: |[]] )[^ :a-z]+:  /)
		if (!message) return text
		head = substr(text, 1, RSTART + RLENGTH - 1)
		text = substr(text, RSTART + RLENGTH)
		name = head
		sub(/ +$/, "", name)
		sub(/.* /, "", name)
		if (name == "LOG:") { message = 0; return head text }
		if (name ~ /^(WARNING|NOTICE|INFO):$/) return head harmless(text)
		wrong = name ~ ERRORS || head ~ /(error|failed): /
		if (wrong && !fault) fault = sayings + 1
		hidden = !wrong || raised(text)
		if (hidden) return head "(left out)"
		hidden = name !~ /^(ERROR|FATAL|PANIC):$/ || is_foreign(text)
		if (hidden) return head until(text, QUOTE)
		if (text !~ /^[^"]*(locale|collation)/) sub(/: ".*/, ": (left out)", text)
		sub(/ at or near ".*/, " at or near (left out)", text)
		sub(/^invalid connection string syntax: .*/, "invalid connection string syntax: (left out)", text)
		if (match(text, /^(invalid )?value "/)) text = substr(text, 1, RLENGTH - 1) "(left out)"
		return head text
	}
	# In English, only names contain other letters, and most of those are quoted.
	function is_foreign(text) {
		gsub(/"[^"]*"/, "", text)
		return text ~ /[\200-\377]/
	}
	# Useful warnings of the server. A function may imitate them, so names are redacted all the same.
	function harmless(text) {
		if (text ~ /^(there is (no|already a) transaction in progress|"?wal_level"? is insufficient to publish logical changes|terminating connection because of crash of another server process|word is too long to be indexed)$/) return text
		hidden = text !~ /^(template )?database "[^"]*" has (a collation version mismatch|no actual collation version, but a version was recorded)$/ &&
			text !~ /^collation "[^"]*" has version mismatch$/ &&
			text !~ /^(no|not all) privileges (were granted|could be revoked) for (column "[^"]*" of relation )?"[^"]*"$/ &&
			text !~ /^(skipping "[^"]*" --- only [a-z ]+ can (analyze|vacuum) it|permission denied to (analyze|vacuum) "[^"]*", skipping it)$/ &&
			text !~ /^(schema|extension|relation) "[^"]*" already exists, skipping$/
		if (hidden) return "(left out)"
		gsub(/"[^"]*"/, "(left out)", text)
		return text
	}
	# Whether a function of the database raised this message. In other languages the context does not show where.
	# Anonymous blocks that nothing called are ours or those of assertions.
	function raised(text,  i) {
		for (i = at + 1; i <= NR && !begins(line[i]) && line[i] !~ /^Command was: /; i++) {
			if (line[i] ~ /^LINE / || line[i] !~ /PL.(pgSQL|Perl|Python|Tcl)/) continue
			if (line[i] !~ /^(CONTEXT:  )?PL.pgSQL (function|assignment|expression) /) return 1
			if (line[i] ~ /^CONTEXT:  .* at (RAISE|ASSERT)$/)
				return text !~ /^[a-z ]+ of the database did not become the same$/ || line[i] !~ /^CONTEXT:  PL.pgSQL function inline_code_block line / ||
					(i < NR && !begins(line[i + 1]))
		}
		return 0
	}
	function part(head, text,  end) {
		if (head !~ /CONTEXT/ && hidden) return "(left out)"
		if (head ~ /DETAIL/) {
			if (text ~ /^(Only|There (is|are)|The (template )?database was created using collation version) /) return text
			end = text ~ /^Key [(]/ ? index(text, ")=(") : 0
			return substr(text, 1, end ? end + 1 : 0) "(left out)"
		}
		if (head ~ /HINT/) return until(text, "[\"\047]")
		if (head !~ /CONTEXT/) return "(left out)"
		if (text ~ /^PL.pgSQL function / || text ~ /^PL.(Perl|Python|Tcl) function "[^"]*"$/) return text
		if (text ~ /^SQL function "[^"]*" (during (inlining|startup)|statement [0-9]+)$/) return text
		# Names are not quoted, and a row may look like the end of a name: only the first match counts, with nothing in
		# another language before it.
		if (!match(text, /^COPY [^,:]*, line [0-9]+/)) return "(left out)"
		end = RLENGTH + 1
		if (match(substr(text, end), /^, column [^:]*/)) end += RLENGTH
		return substr(text, 1, end - 1) ": (left out)"
	}
	# A text up to a pattern, or the whole.
	function until(text, letter) {
		return match(text, letter) ? substr(text, 1, RSTART - 1) "(left out)" : text
	}
'

# said_in FILE - prints the redacted output of a tool
said_in() {
	LC_ALL=C awk "$WORDS"'
		END { for (i = 1; i <= sayings; i++) print said[i] }
	' "$1"
}

# log_said LEVEL FILE - logs the redacted output of a tool
log_said() {
	while IFS= read -r line; do [ -z "$line" ] || log "$1" "$line"; done <<-SAID
		$(said_in "$2")
	SAID
}

# reason_in FILE - prints the first error of a tool, redacted, on one line
reason_in() {
	LC_ALL=C awk "$WORDS"'
		END {
			for (i = 1; i <= sayings && i != fault && said[i] !~ /(error|ERROR|FATAL|PANIC):/; i++) last = said[i]
			if (i <= sayings) { last = said[i]; sub(/^([a-z_]+: error: |psql:.*[.]sql:[0-9]+: )/, "", last) }
			print last == "" ? "it said nothing" : last
		}
	' "$1"
}

# crash_in FILE - the log of a server without LOG and ERROR messages, each dropped with all its lines: a function of the database may
# have raised what is in a row
crash_in() {
	awk '!/^\t/ { dropped = / (LOG|ERROR):/ } !dropped' "$1"
}
