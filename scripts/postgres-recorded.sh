#!/bin/sh
# postgres-recorded.sh - the roles and tablespaces that the manifest lists for a dump. Sourced, never run.
#
# postgres-needs.sh records them. Manifests of older versions have no lists: there the statements of the dump are read instead.
#
# Needs: FACTS, a flattened part of a manifest.

# Statuses are numbers of common.sh; what is set here is read by who sources this file.
# shellcheck disable=SC2154

# has_recorded - whether the manifest lists roles and tablespaces
has_recorded() {
	grep -q '^roles[.]owners' "$FACTS"
}

# recorded_names - in the form of named_in of postgres-statements.sh, but in UTF-8: owner, grantee, role, acts, tablespace
recorded_names() {
	awk -F '\t' '
		/^roles[.]owners[.][0-9]+\t/ { print "owner\t" $2 }
		/^roles[.]grantees[.][0-9]+\t/ { print "grantee\t" $2 }
		/^roles[.]grantors[.][0-9]+\t/ { print "acts\t" $2 }
		/^roles[.]others[.][0-9]+\t/ { print "role\t" $2 }
		/^tablespaces[.][0-9]+\t/ { print "tablespace\t" $2 }
	' "$FACTS"
}
