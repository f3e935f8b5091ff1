# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The same run seen by cprofbpf and by perf with 64 KiB stacks: do the functions' shares agree?

A function is a range of code in a file, as its FDE has it: names, aliases and inlining do not matter.
"""

import bisect
import functools
import math
import os
import re
import subprocess

import peers
from harness import file_address
from load import Load

HZ = 1000
SECONDS = 30  # of one busy thread: more than 20,000 samples a side on an idle machine
LEAST_SHARE = 0.01


@functools.lru_cache(maxsize=None)
def function_starts(path):
    out = subprocess.run(["readelf", "-wf", path], capture_output=True, text=True).stdout
    return sorted(int(start, 16) for start in re.findall(r" FDE cie=\w+ pc=(\w+)\.\.", out))


def function_at(path, address):
    """(file, start of the function), or None where that cannot be told."""
    if not os.path.isfile(path):
        return None
    starts = function_starts(path)
    i = bisect.bisect_right(starts, address)
    return (path, starts[i - 1]) if i else None


class Shares:
    """Samples with each function on their stack."""

    def __init__(self):
        self.total, self.counts, self.names = 0, {}, {}

    def add(self, functions, number):
        self.total += number
        for function in functions - {None}:
            self.counts[function] = self.counts.get(function, 0) + number

    def share(self, function):
        return self.counts.get(function, 0) / max(self.total, 1)


def ours(profile):
    shares = Shares()
    for sample in profile.sample:
        found = set()
        for location_id in sample.location_id:
            location, mapping = profile.locations[location_id], profile.mapping_of(location_id)
            if mapping is None:
                continue
            offset = location.address - mapping.memory_start + mapping.file_offset
            function = function_at(mapping.filename, file_address(mapping.filename, offset))
            found.add(function)
            if location.line:
                shares.names[function] = profile.functions[location.line[-1].function_id].name
        shares.add(found, sample.value[0])
    return shares


def theirs(data):
    shares = Shares()
    for stack in peers.script(data):
        # A caller's address is its return address.
        shares.add({function_at(path, address - (i > 0)) for i, (address, _, path) in enumerate(stack)}, 1)
    return shares


def section(t):
    target = t.target("demo", 600)
    data = t.path("perf.data")
    argv = peers.record_argv(peers.MODES["perf dwarf 64K"], Load(target.pid), SECONDS, data, HZ)
    perf = t.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    profile, _ = t.record("-p", target.pid, "--user-only", "-d", SECONDS, "-F", HZ)
    perf.wait(120)
    mine, other = ours(profile), theirs(data)
    rows = []
    for function in set(mine.counts) | set(other.counts):
        a, b = mine.share(function), other.share(function)
        if max(a, b) < LEAST_SHARE:
            continue
        both = (mine.counts.get(function, 0) + other.counts.get(function, 0)) / (mine.total + other.total)
        give = 1.96 * math.sqrt(both * (1 - both) * (1 / mine.total + 1 / other.total))
        name = mine.names.get(function, "%s+%#x" % (os.path.basename(function[0]), function[1]))
        rows.append(
            {
                "function": name[:60],
                "cprofbpf %": 100 * a,
                "perf %": 100 * b,
                "95% +-": 100 * give,
                "outside": "" if abs(a - b) <= give else "outside",
            }
        )
    rows.sort(key=lambda row: (-row["cprofbpf %"], row["function"]))
    outside = sum(bool(row["outside"]) for row in rows)
    title = "Functions above 1%%, cprofbpf (%d samples) and perf dwarf 64K (%d): %d of %d outside" % (
        mine.total,
        other.total,
        outside,
        len(rows),
    )
    return title, rows
