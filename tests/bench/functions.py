# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The same run seen by cprofbpf and by perf with 64 KiB stacks: do the functions' shares agree?"""

import math
import subprocess

import peers
from load import Load

HZ = 1000
SECONDS = 24  # of one busy thread: 20,000 samples and more a side
LEAST_SHARE = 0.01


def add(counts, names, number):
    for name in set(names):
        counts[name] = counts.get(name, 0) + number


def plain(name):
    """Both sides' spelling of a function, without arguments and versions."""
    return name.split("(")[0].split("[abi")[0].split("@")[0].strip()


def ours(t, profile):
    total, counts = 0, {}
    for names, number in profile.stacks():
        total += number
        add(counts, map(plain, names), number)
    return total, counts


def theirs(data):
    total, counts = 0, {}
    for stack in peers.script(data):
        total += 1
        add(counts, (plain(name) for _, name, _ in stack), 1)
    return total, counts


def section(t):
    target = t.target("demo", 600)
    data = t.path("perf.data")
    argv = peers.record_argv(peers.MODES["perf dwarf 64K"], Load(target.pid), SECONDS, data, HZ)
    perf = t.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    profile, _ = t.record("-p", target.pid, "--user-only", "-d", SECONDS, "-F", HZ)
    perf.wait(120)
    (total_a, ours_by), (total_b, perf_by) = ours(t, profile), theirs(data)
    rows = []
    for name in sorted(set(ours_by) | set(perf_by)):
        a, b = ours_by.get(name, 0) / total_a, perf_by.get(name, 0) / total_b
        if max(a, b) < LEAST_SHARE or name in ("[unknown]", "?"):
            continue
        both = (a * total_a + b * total_b) / (total_a + total_b)
        give = 1.96 * math.sqrt(both * (1 - both) * (1 / total_a + 1 / total_b))
        rows.append(
            {
                "function": name[:60],
                "cprofbpf %": 100 * a,
                "perf %": 100 * b,
                "95% +-": 100 * give,
                "outside": "" if abs(a - b) <= give else "outside",
            }
        )
    rows.sort(key=lambda row: -row["cprofbpf %"])
    outside = sum(bool(row["outside"]) for row in rows)
    title = "Functions above 1%%, cprofbpf (%d samples) and perf dwarf 64K (%d): %d of %d outside" % (
        total_a,
        total_b,
        outside,
        len(rows),
    )
    return title, rows
