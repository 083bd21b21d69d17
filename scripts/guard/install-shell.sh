#!/bin/sh
# install-shell.sh - copies this image's static busybox, with applets as links, for an image that has no shell.
#
# Environment (the only input; common.sh lists the rest):
#   SHELL_DIR   folder to install into; no other container may write to it, because a container with a token runs the shell
# Output: nothing on stdout.
# Exit: 0 installed; 64 this image's busybox lacks an applet; 70 the copy failed.

set -eu

. "$(dirname "$0")/common.sh"

main() {
	need_env SHELL_DIR
	trap on_exit EXIT
	bin=$SHELL_DIR
	# Not command -v: for busybox's own shell, busybox is an applet and has no path.
	cp "$(which busybox)" "$bin/busybox"
	"$bin/busybox" --install -s "$bin"
	# Some builds, such as Debian's, lack this applet. A separate flock must be static too.
	[ -x "$bin/flock" ] || cp "$(which flock)" "$bin/flock" 2>/dev/null || :
	[ -x "$bin/flock" ] || die $WRONG_INPUT 'the busybox of this image has no flock' 'set images.shell in the values to a static busybox with all applets, such as docker.io/library/busybox:1.37-musl'
}

main "$@"
