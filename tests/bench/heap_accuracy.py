# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Are the heap's estimates right? Against targets that count every call, and against heaptrack."""

import collections
import math
import os
import statistics
import subprocess

import heap
import heap_peers as peers
import pprof
from harness import file_address

RUNS = 200
TOGETHER = 20  # runs in one capture: threads that do the same, told apart by label
SAMPLES = 1000  # of each size in a run, on average
LIMIT = 4.5  # standard errors
BIAS = 1.02

# Rates, the sizes tried at each, and how many of so many allocations stay live: from where a call is
# hardly ever sampled to where it nearly always is.
CLASSES = [
    (512, [8 << i for i in range(8)], 20),
    (128 << 10, [2048 << i for i in range(8)], 20),
    (16 << 20, [512 << 10 << i for i in range(8)], 50),
]


def calls_of(size, rate):
    return math.ceil(SAMPLES / -math.expm1(-size / rate))


def run_together(t, rate, plan):
    """TOGETHER runs: [{(function, what): (estimate, truth)}] of allocations. Estimates are taken from the bytes,
    since rounding a count of 20.4 to a whole number is an error of 2% by itself."""
    target = heap.Target(t, "alloc_count", "-t", TOGETHER, *plan)
    profile, _ = heap.capture(t, target, "--rate", rate, "--labels", "tid")
    sums = collections.defaultdict(collections.Counter)
    for sample in profile.sample:
        for name in profile.stack(sample):
            if name in target.rows:
                sizes = sums[profile.labels(sample)["tid"]]
                size = int(name.rpartition("_")[2])
                sizes[name, "allocs"] += sample.value[1] / size
                sizes[name, "live"] += sample.value[3] / size
    t.check(len(sums) == TOGETHER, "%d threads are labelled", len(sums))
    target.end()
    t.processes.clear()
    truth = {}
    for name, row in target.rows.items():
        truth[name, "allocs"], truth[name, "live"] = row.allocs / TOGETHER, row.live / TOGETHER
    return [{key: (estimates[key], n) for key, n in truth.items()} for estimates in sums.values()]


def runs_of(t, rate, sizes, keep):
    plan = ["%d:%d:%d" % (size, calls_of(size, rate), keep) for size in sizes]
    runs = []
    while len(runs) < RUNS:
        runs += run_together(t, rate, plan)
    return runs


def accuracy_row(size, rate, runs):
    """The mean of all runs for one size, judged as it is and with a bias planted."""
    row = {"size": size, "rate": rate, "runs": len(runs)}
    for what in ("allocs", "live"):
        key = "alloc_%d" % size, what
        ratios = [estimate / truth for estimate, truth in (run[key] for run in runs)]
        variance = heap.relative_variance(runs[0][key][1], size, rate) / len(runs)
        error = math.sqrt(variance)
        mean = statistics.mean(ratios)
        row[what + " %"] = "%.3f" % (100 * mean)
        row[what + " +-%"] = "%.3f" % (100 * LIMIT * error)
        row[what + " sd/theory"] = statistics.stdev(ratios) / math.sqrt(len(runs)) / error if error > 1e-9 else None
        row[what + " right"] = "yes" if abs(mean - 1) <= LIMIT * error + 1e-9 else "NO"
        caught = all(abs(mean * bias - 1) > LIMIT * error for bias in (BIAS, 2 - BIAS))
        row[what + " 2% caught"] = "yes" if caught else "no"
    return row


def section(t):
    """Means of 200 runs by size, then the top sites of a real program beside heaptrack's account."""
    rows = []
    for rate, sizes, keep in CLASSES:
        runs = runs_of(t, rate, sizes, keep)
        rows += [accuracy_row(size, rate, runs) for size in sizes]
    wrong = [row for row in rows if "NO" in (row["allocs right"], row["live right"])]
    unseen = [row for row in rows if row["allocs 2% caught"] == "no"]
    t.check(not wrong and not unseen, "wrong: %s; a bias goes unseen: %s", wrong, unseen)
    return "Heap: means of %d runs, in percent of the truth, within %.1f standard errors" % (RUNS, LIMIT), rows


# ---- heaptrack

SITES = 20
SITE_FRAMES = 4  # callers that tell sites apart
SITES_RATE = 16 << 10
PROGRAM = """
import json
tree = {str(i): [str(j) * 3 for j in range(20)] for i in range(300)}
for _ in range(40):
    assert json.loads(json.dumps(tree)) == tree
    sorted(str(i) for i in range(3000))
    "".join(tree).encode().hex().split("3")
"""
COMMAND = ["/usr/bin/python3", "-c", PROGRAM]
ENVIRONMENT = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}  # no arenas, and each run the same


def heaptrack_modules(words):
    """(name, bias, end) of an 'm' line of heaptrack's raw data: a name, a bias, and segments."""
    bias = int(words[3], 16)
    segments = [int(word, 16) for word in words[4:]]
    end = max((bias + start + size for start, size in zip(segments[::2], segments[1::2])), default=bias)
    return os.path.realpath(COMMAND[0] if words[2] == "x" else words[2]), bias, end


def heaptrack_sites(path):
    """{site: {size: calls}} of a raw file of heaptrack's, version 3. A site is its innermost callers as
    (file, return address - 1) of each."""
    modules, frames, sites = [], [(0, 0)], collections.defaultdict(collections.Counter)
    sites_of = {}

    def place(ip):
        inside = [m for m in modules if m[1] <= ip < m[2]]
        name, bias, _ = max(inside, key=lambda m: m[1]) if inside else ("", 0, 0)
        return os.path.basename(name), ip - bias

    def site(trace):
        found = []
        while trace and len(found) < SITE_FRAMES:
            ip, trace = frames[trace]
            found.append(place(ip))
        return tuple(found)

    with open(path, errors="replace") as file:
        for line in file:
            words = line.split() or [""]
            if words[0] == "m" and len(words) > 3:
                modules.append(heaptrack_modules(words))
            elif words[0] == "t":
                frames.append((int(words[1], 16), int(words[2], 16)))
            elif words[0] == "+":
                trace = int(words[2], 16)
                if trace not in sites_of:
                    sites_of[trace] = site(trace)
                sites[sites_of[trace]][int(words[1], 16)] += 1
    return sites


def our_sites(profile):
    """{site: (bytes, names)}: the callers of what allocates, which is the leaf."""
    found = {}
    for sample in profile.sample:
        callers = []
        for location_id in sample.location_id[1 : 1 + SITE_FRAMES]:
            location, mapping = profile.locations[location_id], profile.mapping_of(location_id)
            offset = location.address - mapping.memory_start + mapping.file_offset
            callers.append((os.path.basename(os.path.realpath(mapping.filename)), file_address(mapping.filename, offset)))
        size, _ = found.get(tuple(callers), (0, ""))
        found[tuple(callers)] = (size + sample.value[1], " < ".join(profile.stack(sample)[1:4]))
    return found


def section_sites(t):
    """Bytes of heaptrack's top 20 sites of python3, and our estimates of each with their intervals."""
    env = dict(peers.heaptrack_env(t), **ENVIRONMENT)
    subprocess.run(COMMAND, env=env, check=True, stdout=subprocess.DEVNULL)
    truth = heaptrack_sites(env["DUMP_HEAPTRACK_OUTPUT"])
    options = ["--rate", str(SITES_RATE), "-q", "-o", t.path("heap.pb.gz")]
    t.run("allocs", *options, "--", *COMMAND, env=dict(os.environ, **ENVIRONMENT))
    ours = our_sites(pprof.read(t.path("heap.pb.gz")))

    def total(sizes):
        return sum(size * calls for size, calls in sizes.items())

    rows = []
    for site, sizes in sorted(truth.items(), key=lambda item: -total(item[1]))[:SITES]:
        size, names = ours.get(site, (0, ""))
        variance = sum(n * s * s * (1 - p) / p for s, n in sizes.items() for p in [-math.expm1(-max(s, 1) / SITES_RATE)])
        off = (size - total(sizes)) / math.sqrt(variance)
        row = {"site": names, "heaptrack MB": total(sizes) / 1e6, "cprofbpf MB": size / 1e6}
        rows.append({**row, "95% +- MB": 1.96 * math.sqrt(variance) / 1e6, "off, standard errors": off})
    inside = sum(abs(row["off, standard errors"]) <= 1.96 for row in rows)
    wrong = [row for row in rows if abs(row["off, standard errors"]) > LIMIT]
    t.check(not wrong, "not within %.1f standard errors: %s", LIMIT, wrong)
    return "Heap: bytes of heaptrack's top %d sites of python3, %d inside the 95%% interval" % (len(rows), inside), rows
