# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Reading and reporting, beside google/pprof of the pinned version: time and peak memory of whole processes."""

import os
import resource
import statistics
import subprocess
import time

import harness

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
MAKE_PROFILE = os.path.join(ROOT, "build/tools/bench_profile")
ROUNDS = 5  # of ours; pprof's runs, half a minute each, are made once
SMALL_ROUNDS = 31


def measure(argv, rounds):
    """Median seconds and peak MB; what is printed is thrown away."""
    seconds, memory = [], []
    for _ in range(rounds):
        start = time.monotonic()
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.monotonic() - start)
        memory.append(usage.ru_maxrss / 1024)
        if status != 0:
            raise harness.Failed("'%s' failed" % " ".join(map(str, argv[:3])))
    return statistics.median(seconds), statistics.median(memory)


def make_profile(samples, depth, functions, path, seed=0):
    subprocess.run([MAKE_PROFILE, *map(str, (samples, depth, functions, path, seed))], check=True)


def build_pprof(t):
    path = t.path("golden")
    subprocess.run(["go", "build", "-o", path, "."], check=True, cwd=os.path.join(ROOT, "tools/golden"),
                   env={**os.environ, "GOFLAGS": "-mod=mod"})
    return [path, "pprof", "-symbolize=none"]


def row(name, ours, theirs, pprof):
    mine = measure([harness.TOOL, *ours], ROUNDS)
    other = measure([*pprof, *theirs], 1)
    return {"report": name, "s": mine[0], "MB": mine[1], "pprof s": other[0], "pprof MB": other[1],
            "times faster": other[0] / mine[0], "% of its memory": 100 * mine[1] / other[1]}


def section(t, samples=1000000, files=100):
    """About five minutes; fewer samples and files serve to try it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pprof = build_pprof(t)
    million = t.path("million.pb.gz")
    make_profile(samples, 30, 20000, million)
    rows = [
        row("top", ["top", million], ["-top", million], pprof),
        row("peek", ["peek", r"method_77\(", million], [r"-peek=method_77\(", million], pprof),
        row("raw", ["raw", million], ["-raw", million], pprof),
        row("traces", ["traces", million], ["-traces", million], pprof),
    ]
    many = []
    for seed in range(files):
        many.append(t.path("part%d.pb.gz" % seed))
        make_profile(samples // 67, 30, 20000, many[-1], seed + 1)
    rows.append(row("top of %d x %.1f MB" % (files, os.path.getsize(many[0]) / 1e6), ["top", *many], ["-top", *many], pprof))
    svg = t.path("flame.svg")
    seconds, memory = measure([harness.TOOL, "flame", "-o", svg, million], ROUNDS)
    rows.append({"report": "flame, %.2f MB" % (os.path.getsize(svg) / 1e6), "s": seconds, "MB": memory})
    small = t.path("small.pb.gz")
    make_profile(100, 30, 200, small)
    seconds, memory = measure([harness.TOOL, "top", small], SMALL_ROUNDS)
    rows.append({"report": "top of 100 samples", "s": seconds, "MB": memory})
    return "Reports on a profile of {:,} samples, depth 30, 20,000 functions ({:.0f} MB)".format(
        samples, os.path.getsize(million) / 1e6), rows
