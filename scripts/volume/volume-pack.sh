#!/bin/sh
# volume-pack.sh - runs tar and the compressor side by side and checks the status of both. Sourced, never run.
#
# Environment: COMPRESSION and COMPRESSION_LEVEL of volume-tar.sh; ARCHIVE, a file, for through; TMP, a folder.

# The script that sources this file reads the variables set here.
# shellcheck disable=SC2034

# open_pipe - a pipe on descriptors 4 and 5, so that both sides are children of this shell and their statuses count
#
# A side that takes one end closes 4 and 5 with exec: for the redirection of a function dash keeps a copy of the descriptor,
# and the reader would never see the end.
open_pipe() {
	mkfifo "$TMP/pipe"
	# shellcheck disable=SC2094 # a FIFO: opened for reading and writing first, or each end would wait for the other
	exec 3<>"$TMP/pipe" 4<"$TMP/pipe" 5>"$TMP/pipe" 3>&-
	rm "$TMP/pipe"
}

close_pipe() {
	exec 4<&- 5>&-
}

# join PID - waits for a child and sets joined to its status
join() {
	child=$1
	joined=0
	wait_for_child || joined=$?
}

pack() {
	case $COMPRESSION in
	zstd) zstd -q "-$COMPRESSION_LEVEL" "-T$(threads)" ;;
	gzip) gzip -c "-$COMPRESSION_LEVEL" ;;
	none) cat ;;
	esac
}

# threads - one tar keeps at most 4 threads busy, and each needs memory: 20 MB at level 1, 30 MB at 9, 60 MB at 19
threads() {
	cores=$(nproc)
	if [ "$COMPRESSION_LEVEL" -gt 9 ]; then
		echo 1
	elif [ "$cores" -lt 4 ]; then
		echo "$cores"
	else
		echo 4
	fi
}

unpack() {
	case $COMPRESSION in
	zstd) zstd -dcq ;;
	gzip) gzip -dc ;;
	none) cat ;;
	esac
}

# through READER... - decompresses ARCHIVE into the stdin of READER. Sets unpack_status and tar_status
through() {
	open_pipe
	(
		exec <"$ARCHIVE" >&5 4<&- 5>&- 2>"$TMP/unpack.err"
		unpack
	) &
	left=$!
	(
		exec <&4 4<&- 5>&- 2>"$TMP/tar.err"
		"$@"
	) &
	right=$!
	close_pipe
	join "$left"
	unpack_status=$joined
	join "$right"
	tar_status=$joined
}

# choose_sha256sum - SHA256SUM, a command that prints the SHA-256 of stdin in its first 64 characters
#
# In some images sha256sum does not use the CPU's SHA instructions and is four times slower than openssl. It would be the
# bottleneck of verification.
choose_sha256sum() {
	SHA256SUM=sha256sum
	! openssl dgst -sha256 /dev/null >/dev/null 2>&1 || SHA256SUM='openssl dgst -sha256 -r'
}
