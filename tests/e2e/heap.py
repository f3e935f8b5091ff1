# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the tests of the heap profile stand on: targets that account for every allocation (see
tests/targets/alloc.h), profiles read back by function, and the breakpoints that a process has."""

import collections
import glob
import math
import os
import re
import signal
import subprocess
import time

import harness
from harness import Test

TYPES = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
]

# In the order of the sample types.
Row = collections.namedtuple("Row", "allocs bytes live live_bytes")

PRELOADS = {
    "glibc": None,
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "mimalloc": "libmimalloc.so.2.0",
}


def library(allocator):
    """The file of an allocator that is preloaded, None for glibc's; as the loader would find it."""
    name = PRELOADS[allocator]
    return name and glob.glob("/usr/lib/*/" + name)[0]


class Account:
    """The lines of a target that waits for a byte before it works, now and then, and before it ends."""

    def __init__(self, t, process):
        self.t, self.process, self.lines, self.rows = t, process, [], {}
        self.pid = process.pid

    def go(self):
        """Let it pass the point where it waits."""
        os.write(self.process.popen.stdin.fileno(), b"x")

    def read(self, until="done"):
        """Its lines up to the one that says it waits again; rows are taken in."""
        for line in self.process.popen.stdout:
            words = line.split()
            if words[0] == "row":
                self.rows[words[1]] = Row(*map(int, words[2:]))
            self.lines.append(line.strip())
            if words[0] == until:
                return
        self.t.check(False, "the target ended before it said '%s': %s", until, self.process.wait())

    def work(self):
        self.go()
        self.read()


class Target(Account):
    """Such a target, started."""

    def __init__(self, t, name, *args, preload=None):
        env = dict(os.environ, LD_PRELOAD=preload) if preload else None
        super().__init__(t, t.target(name, *args, stdin=subprocess.PIPE, env=env))

    def end(self):
        """It is as well as without us: it ends by itself, and well."""
        self.go()
        status = self.process.wait()
        self.t.check(status == 0, "the target ended with status %s", status)


# ---- Breakpoints


def text_mappings(pid):
    """[(start, end, offset, path)] of the file mappings that hold code."""
    found = []
    with open("/proc/%d/maps" % pid) as file:
        for line in file:
            words = line.split(None, 5)
            if "x" in words[1] and words[4] != "0":
                start, end = (int(x, 16) for x in words[0].split("-"))
                path = words[5].strip().removesuffix(" (deleted)")
                found.append((start, end, int(words[2], 16), path))
    return found


def breakpoints(pid):
    """{(path, offset)} where the text of a process is not what its file holds."""
    found = set()
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
        for start, end, offset, path in text_mappings(pid):
            memory.seek(start)
            have = memory.read(end - start)
            with open("/proc/%d/map_files/%x-%x" % (pid, start, end), "rb") as file:
                file.seek(offset)
                want = file.read(end - start)
            for page in range(0, len(want), 4096):
                if have[page : page + 4096] != want[page : page + 4096]:
                    found.update(
                        (path, offset + i)
                        for i in range(page, min(page + 4096, len(want)))
                        if have[i] != want[i]
                    )
    return found


def wait_probed(t, pid, profiler):
    """Until the process has breakpoints, and gets no more of this profiler."""
    t.wait_for("probes in process %d" % pid, lambda: breakpoints(pid) and harness.waits(profiler))
    return breakpoints(pid)


def check_unprobed(t, pid, others=frozenset(), seconds=20):
    """`others` were there before: of a profiler that probes a library in all processes."""
    t.wait_for("the probes of process %d to go" % pid, lambda: breakpoints(pid) <= others, seconds)


def links(pid):
    """How many links and perf events a process holds."""
    names = []
    for fd in glob.glob("/proc/%d/fd/*" % pid):
        try:
            names.append(os.readlink(fd))
        except OSError:
            pass  # closed meanwhile
    return sum("bpf_link" in name or "perf_event" in name for name in names)


def wait_links(t, profiler, before=0):
    """Until a profiler holds more links than `before`, and attaches no more: how many now.

    A forked child has its parent's breakpoints, so they do not tell whether it is followed.
    """
    t.wait_for("cprofbpf to attach", lambda: links(profiler.pid) > before and harness.waits(profiler))
    return links(profiler.pid)


# ---- Captures


def read_profile(t, path=None):
    """Read a heap profile with our decoder and with go tool pprof, and check its contract."""
    profile = t.profile(path, contract=check_contract)
    profile.by_function = by_function(profile)
    return profile


def check_contract(profile):
    types = [(v.type, v.unit) for v in profile.sample_type]
    Test.check(types == TYPES, "sample types %s", types)
    period_type = (profile.period_type.type, profile.period_type.unit)
    Test.check(period_type == ("space", "bytes"), "period type %s", period_type)
    Test.check(profile.period > 0 and profile.time_nanos > 0, "no period or time")
    Test.check(profile.drop_frames, "no drop_frames")
    for sample in profile.sample:
        allocs, size, live, live_size = sample.value
        Test.check(allocs >= live >= 0 and size >= live_size >= 0, "values %s", sample.value)
        Test.check(allocs > 0, "a sample of no allocations: %s", sample.value)
        label = [label for label in sample.label if label.key == "bytes"]
        Test.check(len(label) == 1 and label[0].num_unit == "bytes", "no label bytes")
        give = 1 + size / allocs / allocs  # the label is exact, estimates are rounded
        Test.check(abs(label[0].num - size / allocs) <= give, "bytes:%d, values %s", label[0].num, sample.value)


def by_function(profile, leave_out=()):
    """{function: Row} of all samples that have it on their stack and none of `leave_out`."""
    rows = collections.defaultdict(lambda: [0, 0, 0, 0])
    for sample in profile.sample:
        names = {re.sub(r"\(.*", "", name) for name in profile.stack(sample)}
        if names.isdisjoint(leave_out):
            for name in names:
                rows[name] = [a + b for a, b in zip(rows[name], sample.value)]
    none = Row(0, 0, 0, 0)
    found = collections.defaultdict(lambda: none)
    found.update((name, Row(*values)) for name, values in rows.items())
    return found


def attach(t, pid, *options, path=None):
    """Start `cprofbpf heap` on a process and wait until its probes are there."""
    process = t.spawn("heap", "-p", pid, "-o", path or t.path("heap.pb.gz"), *options)
    wait_probed(t, pid, process)
    return process


def detach(t, process, status=0):
    process.signal(signal.SIGINT)
    result = t.finish(process)
    t.check(result.status == status, "exit status %s", result.status)
    return result


def capture(t, target, *options):
    """Profile all that a target does: (profile, result). It is left waiting for its end."""
    process = attach(t, target.pid, *options)
    target.work()
    result = detach(t, process)
    return read_profile(t, t.path("heap.pb.gz")), result


def check_exact(t, profile, rows, leave_out=()):
    """Every row of the account is in the profile as it is."""
    have = by_function(profile, leave_out)
    t.check(rows, "no rows")
    wrong = ["%s: %s, not %s" % (name, tuple(have[name]), tuple(row)) for name, row in rows.items() if have[name] != row]
    t.check(not wrong, "%d of %d functions differ: %s", len(wrong), len(rows), "; ".join(wrong))


# ---- Statistics


def relative_variance(n, size, rate):
    """Of an estimate of n allocations of a size, each taken with p = 1 - exp(-size / rate) and then
    standing for 1 / p."""
    p = -math.expm1(-size / rate)
    return (1 - p) / (n * p)


def judge(estimates, bias=1.0, limit=4.5):
    """Are estimates [(estimate, truth, relative variance)] right? Returns what is wrong, "" if nothing.

    Each by itself and all together, weighted by their precision; none may be off by more than `limit`
    standard errors (and a rounding of 1). `bias` is a factor planted to see whether it is found.
    """
    wrong, weights, total = [], 0.0, 0.0
    for what, estimate, truth, variance in estimates:
        off = estimate * bias - truth
        error = truth * math.sqrt(variance)
        if abs(off) > limit * error + 1:
            wrong.append("%s: %.0f, not %d +- %.0f" % (what, estimate * bias, truth, limit * error))
        if variance > 1e-9:
            weights += 1 / variance
            total += off / truth / variance
    if weights and abs(total / weights) > limit / math.sqrt(weights):
        wrong.append("all: off by %+.3f%%, +- %.3f%%" % (100 * total / weights, 100 * limit / math.sqrt(weights)))
    return "; ".join(wrong)
