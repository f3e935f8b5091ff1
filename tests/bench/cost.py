# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What profiling costs: the kernel's time, the profiler's own, memory, and the target's wall time."""

import contextlib
import math
import os
import random
import re
import resource
import statistics
import subprocess
import time

from load import LOADS

BPF_PROG_TYPE_PERF_EVENT = 7
STATS = "/proc/sys/kernel/bpf_stats_enabled"
TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bpf_statistics():
    """The kernel accounts the time of BPF programs meanwhile."""
    with open(STATS) as file:
        before = file.read()
    with open(STATS, "w") as file:
        file.write("1")
    try:
        yield
    finally:
        with open(STATS, "w") as file:
            file.write(before)


def fdinfo(pid):
    """The fdinfo of a process's descriptors, as dicts."""
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        with contextlib.suppress(OSError), open("/proc/%d/fdinfo/%s" % (pid, fd)) as file:
            yield dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)


def program_statistics(pid):
    """(run_time_ns, run_cnt) of the sampling program, once however many descriptors show it."""
    programs = {}
    for info in fdinfo(pid):
        if int(info.get("prog_type", -1)) == BPF_PROG_TYPE_PERF_EVENT and "run_cnt" in info:
            programs[info["prog_id"]] = (int(info["run_time_ns"]), int(info["run_cnt"]))
    return tuple(sum(column) for column in zip(*programs.values())) or (0, 0)


def map_bytes(pid):
    """Memory of the BPF maps that a process holds."""
    maps = {info["map_id"]: int(info["memlock"]) for info in fdinfo(pid) if "map_id" in info and "memlock" in info}
    return sum(maps.values())


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def status_bytes(pid, key):
    with open("/proc/%d/status" % pid) as file:
        return int(re.search(r"%s:\s*(\d+) kB" % key, file.read())[1]) * 1024


def attached(t, *args):
    process = t.spawn("-q", "-o", t.path(), *args)
    t.wait_sampling(process)
    return process


def early_exit_ns(t, hz):
    """What a sample costs that hits another process than those profiled."""
    sleeper = t.start(["sleep", "600"])
    busy = t.target("depth", 42, 600)
    process = attached(t, "-p", sleeper.pid, "-F", hz)
    before = program_statistics(process.pid)
    time.sleep(3)
    after = program_statistics(process.pid)
    for running in (process, busy, sleeper):
        running.end()
    return (after[0] - before[0]) / max(after[1] - before[1], 1)


def sample_cost(t, name, select, hz, seconds, early_ns):
    """Kernel time a walked sample: all of it, less the early exits of samples that hit others."""
    process = attached(t, *select, "-F", hz)
    time.sleep(seconds)
    run_ns, runs = program_statistics(process.pid)
    process.popen.send_signal(2)
    process.wait(60)
    profile = t.profile()
    samples = profile.count()
    depth = sum(len(sample.location_id) * sample.value[0] for sample in profile.sample) / max(samples, 1)
    each_ns = (run_ns - max(runs - samples, 0) * early_ns) / max(samples, 1)
    return {
        "target": name,
        "Hz": hz,
        "samples": samples,
        "frames": depth,
        "us a sample": each_ns / 1e3,
        "ns a frame": each_ns / max(depth, 1),
        "% of a core at 100 Hz": each_ns * 100 / 1e7,
    }


def section_kernel(t):
    rows = []
    with bpf_statistics():
        early = {hz: early_exit_ns(t, hz) for hz in (1000, 100)}
        for hz, seconds in ((1000, 6), (100, 12)):
            for frames in (42, 111):
                target = t.target("depth", frames, 600)
                rows.append(sample_cost(t, "C++ %d frames" % frames, ["-p", target.pid], hz, seconds, early[hz]))
                target.end()
            # The walk is compared with a compiling clang that is attached to while it runs.
            with LOADS["clang"](t) as load:
                compiler = t.start(load.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(0.7)
                select = ["-p", compiler.pid, "--children"]
                rows.append(sample_cost(t, "clang++ -O2", select, hz, 4, early[hz]))
                compiler.end()
    for hz in early:
        rows.append({"target": "not profiled", "Hz": hz, "us a sample": early[hz] / 1e3, "% of a core at 100 Hz": early[hz] * 100 / 1e7})
    return "Kernel time of a sample (BPF run statistics)", rows


def section_self(t):
    """The profiler's own CPU while sampling two busy threads."""
    rows = []
    target = t.target("shares", 600, 2)
    for hz in (100, 1000):
        process = attached(t, "-p", target.pid, "-F", hz)
        time.sleep(2)
        before, start = cpu_seconds(process.pid), time.monotonic()
        time.sleep(15)
        used = cpu_seconds(process.pid) - before
        rows.append({"target": "2 busy threads", "Hz": hz, "% of a core": 100 * used / (time.monotonic() - start)})
        process.end()
    for name in ("redis", "clang"):
        with LOADS[name](t) as load:
            if load.command:
                compiler = t.start(load.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(0.7)
            process = attached(t, *(["-p", compiler.pid, "--children"] if load.command else load.select))
            time.sleep(1)
            before, start = cpu_seconds(process.pid), time.monotonic()
            time.sleep(4)
            used = cpu_seconds(process.pid) - before
            rows.append({"target": name, "Hz": 100, "% of a core": 100 * used / (time.monotonic() - start)})
            process.end()
    return "The profiler's own CPU", rows


def section_attach(t):
    """From start to sampling, and that the first tenth of a second has complete stacks."""
    rows = []
    for name in ("target", "redis", "clang"):
        with LOADS[name](t) as load:
            pid = load.pid
            if load.command:
                pid = t.start(load.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
                time.sleep(1)
            times, shares = [], []
            for _ in range(5):
                start = time.time()
                t.run("-q", "-p", pid, "--children", "-d", 0.1, "-F", 1000, "-o", t.path())
                profile = t.profile()
                times.append(profile.time_nanos / 1e9 - start)
                shares.append(t.check_complete(profile, 0))
        for process in reversed(t.processes):
            process.end()
        t.processes.clear()
        rows.append(
            {
                "target": name,
                "start to sampling ms": 1e3 * statistics.median(times),
                "worst ms": 1e3 * max(times),
                "complete % in the first 100 ms": statistics.median(shares),
            }
        )
    return "Attach", rows


def section_memory(t):
    rows = []
    for name in ("redis", "clang", "target"):
        with LOADS[name](t) as load:
            pid = load.pid
            if load.command:
                pid = t.start(load.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
                time.sleep(1)
            process = attached(t, "-p", pid, "--children")
            peak = maps = 0
            for _ in range(20):
                time.sleep(0.2)
                maps = max(maps, map_bytes(process.pid))
                peak = max(peak, status_bytes(process.pid, "VmHWM"))
            process.end()
        rows.append(
            {
                "target": name,
                "peak RSS MB": peak / 1e6,
                "maps MB": maps / 1e6,
                "together MB": (peak + maps) / 1e6,
            }
        )
    return "Memory while sampling", rows


# ---- Wall time, paired and interleaved

ROUNDS = 12
WORK = ["/usr/bin/python3", "-c", "import json\nd={str(i): list(range(9)) for i in range(400)}\nfor _ in range(900): json.loads(json.dumps(d))"]


def run_work():
    """(wall, CPU) seconds of one run of the work."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(WORK, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start, used


def section_wall(t):
    """Runs without, with the program profiled (-a), and with another process profiled."""
    sleeper = t.start(["sleep", "600"])
    arms = {
        "profiled at 100 Hz": ["-a", "-F", 100],
        "profiled at 1000 Hz": ["-a", "-F", 1000],
        "another process profiled at 1000 Hz": ["-p", sleeper.pid, "-F", 1000],
    }
    seen = {name: [] for name in arms}
    run_work()
    for _ in range(ROUNDS):
        for name in random.sample(list(arms), len(arms)):
            process = None
            pair = {}
            for with_profiler in random.sample((False, True), 2):
                if with_profiler:
                    process = attached(t, *arms[name])
                pair[with_profiler] = run_work()
                if with_profiler:
                    process.end()
            seen[name].append(pair)
    rows = []
    for name, pairs in seen.items():
        row = {"run": name, "pairs": len(pairs)}
        for label, i in (("wall", 0), ("CPU", 1)):
            ratios = [100 * (pair[True][i] / pair[False][i] - 1) for pair in pairs]
            give = 2.2 * statistics.stdev(ratios) / math.sqrt(len(ratios))  # t for 11 degrees of freedom
            row["%s %% added" % label] = statistics.mean(ratios)
            row["%s 95%% +-" % label] = give
        rows.append(row)
    return "Wall and CPU time of a program, paired", rows
