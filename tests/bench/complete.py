# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Share of complete stacks on real programs, beside perf's three ways of taking them."""

import os
import subprocess

import peers
from harness import is_root
from load import LOADS

HZ = 1000
SAMPLES = 10000
PEER_SECONDS = 4
PROGRAMS = ("redis", "postgres", "nginx", "python", "clang", "target")


def ours(t, load, seconds):
    until = [] if load.command else ["-d", seconds]
    profile, _ = t.record(*until, "-F", HZ, *load.select, timeout=170)
    whole = total = depth = 0
    stacks = set()
    for sample in profile.sample:
        user = [i for i in sample.location_id if not profile.is_kernel(i)]
        count = sample.value[0]
        total += count
        depth += count * len(user)
        stacks.add(tuple(user))
        whole += count * (bool(user) and is_root(profile, user[-1]))
    return {"samples": total, "stacks": len(stacks), "depth": depth / max(total, 1), "whole": whole}


def ours_until(t, load, again):
    """Add up captures until there are enough samples; a command is run again."""
    found = {"samples": 0, "stacks": 0, "depth": 0.0, "whole": 0}
    for _ in range(5):
        more = ours(t, load, 12)
        found["depth"] = found["depth"] * found["samples"] + more["depth"] * more["samples"]
        found["samples"] += more["samples"]
        found["depth"] /= max(found["samples"], 1)
        found["whole"] += more["whole"]
        found["stacks"] = max(found["stacks"], more["stacks"])
        if found["samples"] >= again:
            break
    return found


def peer(t, load, mode):
    """Complete stacks of perf, in per cent, and the megabytes it wrote."""
    data = t.path("perf.data")
    argv = peers.record_argv(mode, load, PEER_SECONDS, data, HZ)
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not os.path.exists(data):
        return None, None
    total = whole = 0
    for stack in peers.script(data):
        total += 1
        whole += peers.is_complete(stack)
    megabytes = os.path.getsize(data) / 1e6
    os.unlink(data)
    return (100.0 * whole / total if total else None), megabytes


def section(t):
    rows = []
    for name in PROGRAMS:
        with LOADS[name](t) as load:
            found = ours_until(t, load, SAMPLES)
            row = {
                "program": name,
                "samples": found["samples"],
                "stacks": found["stacks"],
                "mean depth": found["depth"],
                "cprofbpf %": 100.0 * found["whole"] / max(found["samples"], 1),
            }
            for label, mode in peers.MODES.items():
                row[label + " %"], row[label + " MB"] = peer(t, load, mode)
            row = {key: value for key, value in row.items() if key not in ("perf fp MB", "perf dwarf 8K MB")}
            rows.append(row)
        end_processes(t)
    return "Complete stacks at %d Hz" % HZ, rows


def end_processes(t):
    for process in reversed(t.processes):
        process.end()
    t.processes.clear()
