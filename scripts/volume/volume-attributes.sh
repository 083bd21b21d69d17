#!/bin/sh
# volume-attributes.sh - which extended attributes of files GNU tar keeps. Sourced, never run.
#
# Environment: XATTRS, those of users and capabilities, and ACLS, access control lists: keep or none.
#
# ACLs are kept as the attributes in which the kernel has them, with the numbers of users and groups: tar's own --acls
# writes names, which another image does not know. What belongs to a node and not to the data is left out: labels of
# SELinux, which the kubelet sets anew, and signatures of IMA.

# with_attributes TAR OPTION... - runs tar with the options for what is kept
#
# In a list that it prints, an entry that has some of them has a * behind its mode.
with_attributes() {
	[ "$XATTRS" = none ] || set -- "$@" --xattrs '--xattrs-include=user.*' --xattrs-include=security.capability
	[ "$ACLS" = none ] || set -- "$@" --xattrs '--xattrs-include=system.posix_acl_*'
	"$@"
}
