# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""perf beside cprofbpf: recording and reading `perf script`."""

import os
import re
import subprocess

from harness import ROOTS, file_address, undefined_ra_ranges

MODES = {"perf fp": "fp", "perf dwarf 8K": "dwarf,8192", "perf dwarf 64K": "dwarf,65528"}


def perf_available():
    return subprocess.run(["perf", "--version"], capture_output=True).returncode == 0


def descendants(pid):
    """The process and its children, recursively."""
    found = [pid]
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            for child in file.read().split():
                found += descendants(int(child))
    except OSError:
        pass
    return found


def record_argv(mode, load, seconds, data, hz):
    """User samples of a load with one way of taking stacks."""
    argv = ["perf", "record", "-q", "-F", str(hz), "-e", "cpu-clock:u", "--call-graph", mode, "-o", data]
    if load.command:
        return argv + ["--", *load.command]
    pids = ",".join(map(str, descendants(load.pid)))
    return argv + ["-p", pids, "--", "sleep", str(seconds)]


def script(data):
    """The stacks of a recording, leaf first: [(address, name, file)]. Inlined frames are left out."""
    argv = ["perf", "script", "-i", data, "-F", "ip,sym,dso", "--no-inline", "--max-stack", "2000"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        stack = []
        for line in process.stdout:
            match = re.match(r"\s+([0-9a-f]+) (.*) \((.*)\)$", line)
            if match:
                stack.append((int(match[1], 16), match[2], match[3]))
            elif stack:
                yield stack
                stack = []
        if stack:
            yield stack


def is_complete(stack):
    """Whether the outermost frame is a root, by its name or, in a stripped file, by its CFI."""
    address, name, path = stack[-1]
    if name.split("@")[0] in ROOTS:
        return True
    if not os.path.isfile(path):
        return False
    # perf gives an offset or an address of the file; a caller's is its return address.
    places = {address - 1, file_address(path, address - 1)}
    return any(start <= place < end for start, end in undefined_ra_ranges(path) for place in places)
