#!/bin/sh
# volume-pack.sh - tar and compressor side by side, each with a status that is heard. Sourced, never run.
#
# Environment: COMPRESSION and COMPRESSION_LEVEL of volume-tar.sh; TMP, a folder.

# What is set here is read by who sources this file.
# shellcheck disable=SC2034

# open_pipe - a pipe with ends 4 and 5, so that what is on either side is a child of this shell and has a status
#
# Who takes one end closes both by exec: of a redirection of a function dash keeps a copy, and the pipe has no end then.
open_pipe() {
	mkfifo "$TMP/pipe"
	# shellcheck disable=SC2094 # a FIFO: opened for both first, or each end would wait for the other
	exec 3<>"$TMP/pipe" 4<"$TMP/pipe" 5>"$TMP/pipe" 3>&-
	rm "$TMP/pipe"
}

close_pipe() {
	exec 4<&- 5>&-
}

# join PID - waits for it; its status is in joined
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

# threads - more than 4 do not find work beside one tar, and each takes memory: 20 MB at level 1, 30 MB at 9, 60 MB at 19
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

# choose_sha256sum - SHA256SUM prints the SHA-256 of stdin, its 64 digits first
#
# In some images sha256sum does not use the processor's instructions, and takes four times as long as openssl: it would be
# what the rest of a proof waits for.
choose_sha256sum() {
	SHA256SUM=sha256sum
	! openssl dgst -sha256 /dev/null >/dev/null 2>&1 || SHA256SUM='openssl dgst -sha256 -r'
}
