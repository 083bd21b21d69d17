#!/bin/sh
# markers.sh - what is stored of a restore itself, so that whoever begins with it again knows. Sourced after storage.sh and
# json.sh, never run.
#
# Environment (the only input):
#   RESTORE_ID           id of the restore
#   MARKER_STORAGES      numbers of the storages that may hold its markers, with blanks between (default: none is looked for)
#   MARKER_PATH          path of its markers below a storage's prefix, without their endings: shop/restores/hjkmnpqr
#
# A marker is made once, and what is there stays:
#   .done      the restore ended well; made by record.sh
# What one storage has counts for all: others may be newer in the values than the marker.

# look_for_markers - a restore that was done is not done again, and one of which nobody can say is not begun
look_for_markers() {
	[ -n "${MARKER_PATH-}" ] || return 0
	need_env RESTORE_ID MARKER_STORAGES
	need_storage_number MARKER_STORAGES
	each_storage read_markers "$MARKER_STORAGES"
	[ ! -e run/already ] || end_as_done
	for number in $MARKER_STORAGES; do
		read_settings "$number"
		[ -e "$S_TMP/looked" ] ||
			end_as_turn "a marker in $S_NAME may say that this was restored before, so nothing begins without it; if that storage is gone for good, take it out of the values; backstay restore, by hand, asks for no marker"
	done
}

# read_markers - one storage's turn: looked for in a listing, which tells what is missing from what cannot be read
read_markers() {
	[ ! -e "$WORK_DIR/run/already" ] || return 0
	list "$(dirname "$MARKER_PATH")"
	read_marker 'done' run/already
	: >"$S_TMP/looked"
}

# read_marker ENDING FILE - into a file of WORK_DIR, which is there as soon as the marker is, whatever is in it
read_marker() {
	grep -Fxq "${MARKER_PATH##*/}.$1" "$S_TMP/list" || return 0
	read_stored "$MARKER_PATH.$1" >"$S_TMP/marker"
	mv "$S_TMP/marker" "$WORK_DIR/$2"
}

end_as_done() {
	done_at='' done_name=''
	if json_flatten <run/already >tmp/already.flat; then
		done_at=$(fact 'done' tmp/already.flat)
		done_name=$(fact name tmp/already.flat)
	fi
	words="already done${done_at:+ at $done_at}${done_name:+: $done_name}"
	last_words 0 "$words" 'an entry that is changed is a new restore' "\"restore\":$(json_text "$RESTORE_ID")"
	log info "$words"
	exit 0
}
