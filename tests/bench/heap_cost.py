# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a heap profile costs its target, beside the least that probes can cost and other tools."""

import random
import statistics

import heap_peers as peers

ROUNDS = 5
THROUGHPUT_ROUNDS = 3
REPEATS = 3  # of a measurement while a tool is attached


def measured(worker, *args):
    return statistics.median(worker.measure(*args) for _ in range(REPEATS))


def visit(t, tool, make, loads):
    """[(without, with)] of a tool for each load, a tuple of what measure() takes."""
    plain = make(t)
    try:
        before = [measured(plain, *load) for load in loads] if tool.env else None
    finally:
        plain.end()
    with tool.on(t, make) as (worker, attach):
        worker.measure()
        before = before or [measured(worker, *load) for load in loads]
        attach()
        worker.measure()
        return list(zip(before, [measured(worker, *load) for load in loads]))


def visits(t, tools, make, loads=((),), rounds=None):
    """({name: [visit of each round]}, {name: why}), tools in random order in each round. The second are
    tools that did not run: they get two chances."""
    seen, failed = {tool.name: [] for tool in tools}, {tool.name: [] for tool in tools}
    for _ in range(rounds or ROUNDS):
        for tool in random.sample(tools, len(tools)):
            if len(failed[tool.name]) >= 2:
                continue
            try:
                seen[tool.name].append(visit(t, tool, make, loads))
            except peers.Unavailable as why:
                failed[tool.name].append(str(why))
    return seen, {name: failed[name][-1] for name in seen if not seen[name]}


# ---- malloc(64) and free


KINDS = ("session", "multi", "perf")
THREADS = (1, 2)


def ratio(mine, other):
    """Of two tools' nanoseconds in each round, as far as both ran in it."""
    return statistics.median(a / b for a, b in zip(mine, other))


def cost_row(name, added):
    """Medians over the rounds; how far from the floor of the same links, and how many times ours."""
    row = {"tool": name}
    kind = name.partition(", ")[2]
    for i, threads in enumerate(THREADS):
        ns = {other: [pair[i] for pair in rounds] for other, rounds in added.items()}
        head = "%d thread%s: " % (threads, "s" * (threads > 1))
        row[head + "ns a pair"] = "%.0f" % statistics.median(ns[name])
        row[head + "from-to"] = "%.0f-%.0f" % (min(ns[name]), max(ns[name]))
        row[head + "floors"] = ratio(ns[name], ns["floor, " + kind]) if "floor, " + kind in ns else None
        row[head + "ours"] = ratio(ns[name], ns["cprofbpf, session"]) if ns.get("cprofbpf, session") else None
    return row


def section_cost(t):
    """Nanoseconds of CPU time that a pair takes longer. "floors" is in multiples of what empty probes cost
    by the same links, "ours" in multiples of cprofbpf by sessions."""
    kinds = [kind for kind in KINDS if peers.kind_works(t, kind)]
    tools = [make(kind) for kind in kinds for make in (peers.floor, peers.ours)]
    tools += [peers.MEMLEAK, peers.BPFTRACE, peers.HEAPTRACK]
    seen, missing = visits(t, tools, peers.Bench, loads=[(threads,) for threads in THREADS])
    added = {name: [[late - early for early, late in pair] for pair in rounds] for name, rounds in seen.items() if rounds}
    rows = [cost_row(tool.name, added) for tool in tools if tool.name in added]
    rows += [{"tool": "%s %s" % item} for item in missing.items()]
    return "Heap: CPU time added to malloc(64) and free, 15 calls deep", rows


# ---- Real programs

PROGRAMS = {"redis-server, SET of 64 B": peers.Redis, "sqlite3": peers.Sqlite, "python3": peers.Python}


def section_throughput(t):
    """The share of a program's throughput that is kept with each tool, in percent."""
    tools = [peers.ours(), peers.MEMLEAK, peers.BPFTRACE, peers.HEAPTRACK]
    rows, notes = [], {}
    for program, make in PROGRAMS.items():
        seen, missing = visits(t, tools, make, rounds=THROUGHPUT_ROUNDS)
        row = {"program": program}
        for tool in tools:
            kept = [100 * early / late for ((early, late),) in seen[tool.name]]
            row[tool.name] = "%.1f" % statistics.median(kept) if kept else None
        rows.append(row)
        notes.update(missing)
    rows += [{"program": "%s %s" % item} for item in notes.items()]
    return "Heap: throughput kept, in percent", rows
