#!/usr/bin/env python3
"""measure.py COMMAND... - runs it and prints, as JSON on the last line of stdout: status, wall and CPU seconds, peak memory (bytes).

CPU counts every process that the command has waited for; peak memory is that of the largest single process.
"""
import json
import os
import resource
import subprocess
import sys
import time

start = time.monotonic()
status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"status": status, "wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * 1024, "pid": os.getpid()}))
