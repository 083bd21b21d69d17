#!/bin/sh
# install-shell.sh - gives an image without a shell one: copies this image's static busybox, applets as links.
#
# Environment (the only input; common.sh lists the rest):
#   SHELL_DIR   folder that it is put into; what no other container can write to, a container with a token may run
# Output: nothing on stdout.
# Exit: 0 done; 64 the busybox of this image lacks what is needed; 70 it could not be copied.

set -eu

. "$(dirname "$0")/common.sh"

main() {
	need_env SHELL_DIR
	trap on_exit EXIT
	bin=$SHELL_DIR
	# Not command -v: to the shell of busybox its own name is an applet, and no path.
	cp "$(which busybox)" "$bin/busybox"
	"$bin/busybox" --install -s "$bin"
	# Some builds, such as Debian's, lack this applet: then it may lie beside, and must be as static.
	[ -x "$bin/flock" ] || cp "$(which flock)" "$bin/flock" 2>/dev/null || :
	[ -x "$bin/flock" ] || die $WRONG_INPUT 'the busybox of this image has no flock' 'images.shell in the values: name a static busybox with all applets, such as docker.io/library/busybox:1.37-musl'
}

main "$@"
