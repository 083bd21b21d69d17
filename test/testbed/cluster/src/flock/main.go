// flock is what the busybox of the real images has and Debian's has not: flock [-n] FD, and flock [-n] FILE COMMAND...
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

func main() {
	args, how := os.Args[1:], syscall.LOCK_EX
	if len(args) > 0 && args[0] == "-n" {
		args, how = args[1:], how|syscall.LOCK_NB
	}
	if len(args) == 0 {
		fail("usage: flock [-n] FD, or flock [-n] FILE COMMAND...")
	}
	fd, err := strconv.Atoi(args[0])
	if err != nil {
		file, err := os.OpenFile(args[0], os.O_RDONLY|os.O_CREATE, 0o666)
		if err != nil {
			fail(err.Error())
		}
		fd = int(file.Fd())
	}
	if err := syscall.Flock(fd, how); err != nil {
		os.Exit(1)
	}
	if len(args) == 1 {
		return
	}
	command := exec.Command(args[1], args[2:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			os.Exit(exit.ExitCode())
		}
		fail(err.Error())
	}
}

func fail(reason string) {
	fmt.Fprintln(os.Stderr, "flock: "+reason)
	os.Exit(64)
}
