#!/bin/sh
# postgres-recorded.sh - reads the roles and tablespaces that the manifest lists for a dump. Sourced, never run.
#
# postgres-needs.sh records them. Manifests of older versions have no lists: then the callers read the statements of the dump.
#
# Needs: json.sh; FACTS, a flattened part of a manifest; TMP, a folder that it empties.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2154

# has_recorded - whether the manifest lists roles and tablespaces
has_recorded() {
	has_fact roles "$FACTS"
}

# recorded_names - prints them in the format of named_in of postgres-statements.sh, but in UTF-8: owner, grantee, role, acts, tablespace
recorded_names() {
	recorded_as owner roles.owners
	recorded_as grantee roles.grantees
	recorded_as acts roles.grantors
	recorded_as role roles.others
	recorded_as tablespace tablespaces
}

# recorded_as KIND PATH
recorded_as() {
	fact_rows "$2" "$FACTS" >"$TMP/recorded.$1"
	awk -v kind="$1" '{ print kind "\t" $0 }' "$TMP/recorded.$1"
}
