#!/bin/sh
# storage-owner.sh - checks who owns a folder of a storage: two environments or sources never share one. Sourced after storage.sh, never run.
#
# Environment (the only input; storage.sh lists the rest):
#   ENVIRONMENT                environment in the values, such as prod
#   FOLDER                     folder of this source and tier below a storage's prefix: shop/daily

# Statuses are numbers of common.sh.
# shellcheck disable=SC2154

# own PATH - claims the folder, or fails if another environment or source has claimed it
own() {
	owner >"$S_TMP/owner.json"
	read_stored "$1" >"$S_TMP/owner.stored"
	if [ ! -s "$S_TMP/owner.stored" ]; then
		create "$S_TMP/owner.json" "$1" || log info "storage $S_NAME: another run has just created $1"
		read_stored "$1" >"$S_TMP/owner.stored"
	fi
	need_owner "$1"
}

# need_owner PATH - fails unless owner.stored, which read_stored has filled, names us
need_owner() {
	owner | cmp -s - "$S_TMP/owner.stored" ||
		fail "$WRONG_INPUT" "$1 names another owner: $(head -c 200 "$S_TMP/owner.stored" | tr -d '\n')" \
			'use another prefix or folder for one of the two; if the other is gone for good, delete owner.json'
}

# owner - identifies the source by its folder: a renamed source that keeps its folder is still the owner
owner() {
	printf '{"environment":%s,"namespace":%s,"source":%s}\n' "$(json_text "$ENVIRONMENT")" "$(json_text "$NAMESPACE")" "$(json_text "${FOLDER%/*}")"
}
