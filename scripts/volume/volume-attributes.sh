#!/bin/sh
# volume-attributes.sh - which extended attributes GNU tar archives and restores. Sourced, never run.
#
# Environment: XATTRS (user attributes and capabilities) and ACLS (access control lists), each keep or none.
#
# ACLs travel as the raw attributes of the kernel, which hold numeric ids: tar's own --acls writes names, which another
# image does not know. Attributes of the node rather than of the data are left out: SELinux labels, which the kubelet
# sets again, and IMA signatures.

# with_attributes TAR OPTION... - runs tar with the options for the attributes to keep
#
# In tar's list, a * after the mode marks an entry with extended attributes.
with_attributes() {
	[ "$XATTRS" = none ] || set -- "$@" --xattrs '--xattrs-include=user.*' --xattrs-include=security.capability
	[ "$ACLS" = none ] || set -- "$@" --xattrs '--xattrs-include=system.posix_acl_*'
	"$@"
}
