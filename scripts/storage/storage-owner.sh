#!/bin/sh
# storage-owner.sh - whose a folder of a storage is: two environments or sources never share one. Sourced after storage.sh, never run.
#
# Environment: that of storage.sh; ENVIRONMENT, NAMESPACE and FOLDER.

# Statuses are numbers of common.sh.
# shellcheck disable=SC2154

# own PATH - the folder is ours, or becomes it: two environments or sources never write to one
own() {
	owner >"$S_TMP/owner.json"
	read_stored "$1" >"$S_TMP/owner.stored"
	if [ ! -s "$S_TMP/owner.stored" ]; then
		create "$S_TMP/owner.json" "$1" || log info "storage $S_NAME: somebody else has just made $1"
		read_stored "$1" >"$S_TMP/owner.stored"
	fi
	need_owner "$1"
}

# need_owner PATH - as read_stored left it in owner.stored
need_owner() {
	owner | cmp -s - "$S_TMP/owner.stored" ||
		fail "$WRONG_INPUT" "$1 does not say that the folder is ours, but $(head -c 200 "$S_TMP/owner.stored" | tr -d '\n')" \
			'give one of the two another prefix or folder; if the other is gone for good, delete owner.json'
}

# owner - the folder's name stands for the source: a source that was renamed and keeps its folder is still the same
owner() {
	printf '{"environment":%s,"namespace":%s,"source":%s}\n' "$(json_text "$ENVIRONMENT")" "$(json_text "$NAMESPACE")" "$(json_text "${FOLDER%/*}")"
}
