# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the gate promises, tried on real programs: false alarms, power, moved code, speed.

A section has a plan, a list of trials by number, and does those that are not done yet: what is interrupted
goes on later, and a table tells how many trials it stands on. A trial is a dict of plain values.
"""

import collections
import contextlib
import glob
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

import harness
from harness import ROOT, TARGETS, TOOL

MAKE_PROFILE = os.path.join(ROOT, "build/tools/bench_profile")
ALPHA_TRIALS = 1000  # simulated comparisons, of each set of recorded runs
RUNS = 10  # a side

# ---- Programs and disturbance ----

SQL = """
CREATE TABLE item(id INTEGER PRIMARY KEY, grp INTEGER, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900000)
INSERT INTO item SELECT i, i * 7919 % 997, printf('item %d', i * 31 % 65537) FROM n;
CREATE INDEX item_name ON item(name);
SELECT grp, count(*), min(name), sum(length(name)) FROM item GROUP BY grp ORDER BY 4 DESC LIMIT 5;
SELECT count(*) FROM item a JOIN item b ON a.name = b.name WHERE a.grp < 300;
"""

PYTHON = """
import json, re
words = re.compile(r"[a-z]+[0-9]*")
rows = [{"id": i, "name": "row%d" % (i * 31 % 977), "tags": ["a%d" % (i % 7), "b%d" % (i % 11)]} for i in range(20000)]
for turn in range(12):
    text = json.dumps(rows, sort_keys=True)
    rows = sorted(json.loads(text), key=lambda row: (row["name"], row["id"]))
    counts = {}
    for word in words.findall(text):
        counts[word] = counts.get(word, 0) + 1
print(len(rows), len(counts), sum(counts.values()))
"""

# redis-server serves one redis-benchmark, both are profiled.
REDIS = """#!/bin/sh
dir=$(mktemp -d)
redis-server --port 0 --unixsocket "$dir/socket" --save '' --appendonly no --dir "$dir" >/dev/null &
until redis-cli -s "$dir/socket" ping >/dev/null 2>&1; do sleep 0.02; done
redis-benchmark -s "$dir/socket" -t set,get,lpush,zadd -n 300000 -c 20 -P 16 -q >/dev/null &&
	redis-cli -s "$dir/socket" shutdown nosave
status=$?
wait
rm -rf "$dir"
exit $status
"""

PROGRAMS = ("sqlite3", "python3", "redis")

# What a neighbour does: bursts of copying memory on each CPU, of random lengths.
DISTURB = """
import random, time
block = bytearray(32 << 20)
while True:
    end = time.monotonic() + random.uniform(0, 2)
    while time.monotonic() < end:
        block[:] = bytes(block)
    time.sleep(random.uniform(0, 2))
"""


def program_command(t, name):
    """A command of about two seconds of CPU time, the same work each time."""
    texts = {"sqlite3": SQL, "python3": PYTHON, "redis": REDIS}
    path = t.path(name + ".script")
    with open(path, "w") as file:
        file.write(texts[name])
    return {
        "sqlite3": "sqlite3 :memory: '.read %s'" % path,
        "python3": "env PYTHONHASHSEED=0 python3 %s" % path,
        "redis": "sh %s" % path,
    }[name]


@contextlib.contextmanager
def disturbed(t, wanted):
    processes = [t.start([sys.executable, "-c", DISTURB]) for _ in range(os.cpu_count() if wanted else 0)]
    try:
        yield
    finally:
        for process in processes:
            process.end()


def gate(t, *args, timeout=1200):
    """Run the gate; what a trial tells of it, and its verdict as JSON."""
    path = t.path("verdict.json")
    load, start = os.getloadavg()[0], time.monotonic()
    done = subprocess.run(
        [TOOL, "gate", "-q", "--json", path, *map(str, args)], capture_output=True, text=True, timeout=timeout
    )
    if done.returncode not in (0, 1, 3):
        raise harness.Failed("the gate failed with status %d: %s" % (done.returncode, done.stderr.strip()))
    with open(path) as file:
        verdict = json.load(file)
    trial = {
        "outcome": verdict["outcome"],
        "status": done.returncode,
        "culprits": [row["name"] for m in verdict["metrics"] for row in m["functions"] if row["culprit"]],
        "runs": verdict["metrics"][0]["base_runs"],
        "visible": verdict["metrics"][0]["visible_rise"],
        "seconds": time.monotonic() - start,
        "load": load,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    return trial, verdict


def compare_targets(t, number, new, rounds, *args):
    """A trial of the benchmark of tests/targets against itself with a change."""
    base, new = ("%s %d" % (os.path.join(TARGETS, name), rounds) for name in ("gate-base", new))
    return gate(t, "--base-cmd", base, "--new-cmd", new, "-n", RUNS, "--seed", number + 1, *args)[0]


def keep_dir(name):
    return os.path.join(ROOT, "build/bench-gate", name)


# ---- Trials: plan() is how many, trial() makes one ----


class Same:
    """A program against itself, in turn alone and with a disturbing load beside it."""

    title = "A program against itself: real runs of about 2 s, %d a side" % RUNS
    plan = 30

    @staticmethod
    def trial(t, number):
        program, load = PROGRAMS[number // 2 % len(PROGRAMS)], number % 2 == 1
        state = "disturbed" if load else "alone"
        command = program_command(t, program)
        kept = keep_dir("%s-%s" % (program, state))
        keep = [] if os.path.isdir(kept) else ["--keep", kept]
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        try:
            with disturbed(t, load):
                trial, _ = gate(t, "--base-cmd", command, "--new-cmd", command, "-n", RUNS, "--seed", number + 1,
                                "--expect-same-output", *keep)
        except BaseException:
            if keep:
                shutil.rmtree(kept, ignore_errors=True)
            raise
        return {"what": "%s, %s" % (program, state), **trial}

    @staticmethod
    def row(trials):
        return {
            "false alarms": sum(t["status"] == 1 for t in trials),
            "no verdict": sum(t["status"] == 3 for t in trials),
            "median rise it would see": percent(statistics.median(t["visible"] for t in trials)),
        }


class Simulated:
    """Recorded runs of a program, drawn anew into two sides."""

    title = "Recorded runs drawn anew into two sides (bootstrap), %d comparisons of each set" % ALPHA_TRIALS
    plan = 2 * len(PROGRAMS)

    @staticmethod
    def trial(t, number):
        name = "%s-%s" % (PROGRAMS[number // 2], "disturbed" if number % 2 else "alone")
        files = sorted(glob.glob(os.path.join(keep_dir(name), "*-*.cpu.pb.gz")))
        if len(files) < 2 * RUNS:
            raise harness.Failed("there are no runs of '%s' yet: the section same records them" % name)
        trial, verdict = gate(t, "--aa", "--base", *files, "--seed", number + 1)
        found = verdict["metrics"][0]["selfcheck"]
        return {"what": name.replace("-", ", "), **trial, "comparisons": found["comparisons"],
                "alarms": found["false_alarms"]}

    @staticmethod
    def row(trials):
        return {
            "comparisons": sum(t["comparisons"] for t in trials),
            "false alarms": sum(t["alarms"] for t in trials),
        }


class Power:
    """A function with 20% of the time is made 10% slower; a run takes 2 s."""

    title = "A function of 20%% made 10%% slower, runs of 2 s, %d a side" % RUNS
    plan = 30
    rounds = 1350

    @classmethod
    def trial(cls, t, number):
        return {"what": "rank() 10% slower", **compare_targets(t, number, "gate-slower10", cls.rounds)}

    @staticmethod
    def row(trials):
        return {
            "found": sum(t["status"] == 1 for t in trials),
            "named, and no other": sum(t["culprits"] == ["rank"] for t in trials),
            "no verdict": sum(t["status"] == 3 for t in trials),
            "median runs made": statistics.median(t["runs"] for t in trials),
        }


class Allocations:
    """Three percent more allocations, here or there."""

    title = "3%% more allocations, %d runs a side" % RUNS
    plan = 10
    where = {"line": "gate-allocs", "parse_node": "gate-allocs-parse"}

    @classmethod
    def trial(cls, t, number):
        function = list(cls.where)[number % 2]
        trial = compare_targets(t, number, cls.where[function], 60, "--metric", "alloc_objects,alloc_space")
        return {"what": "in %s()" % function, "function": function, **trial}

    @staticmethod
    def row(trials):
        return {
            "found": sum(t["status"] == 1 for t in trials),
            "named, and no other": sum(set(t["culprits"]) == {t["function"]} for t in trials),
        }


class Moved:
    """Work goes from one function to another, or is renamed and inlined otherwise; the total stays."""

    title = "Code that only moved, runs of 1 s, %d a side" % RUNS
    plan = 10
    changes = {"a third of rank() moved to render()": "gate-moved", "renamed, inlined otherwise": "gate-renamed"}

    @classmethod
    def trial(cls, t, number):
        change = list(cls.changes)[number % 2]
        return {"what": change, **compare_targets(t, number, cls.changes[change], 680)}

    @staticmethod
    def row(trials):
        return {
            "regressions": sum(t["status"] == 1 for t in trials),
            "no verdict": sum(t["status"] == 3 for t in trials),
            "called moved": sum(t["outcome"] == "moved" for t in trials),
        }


class Speed:
    """Two hundred runs, each a profile of 1 MB, are judged."""

    title = "Stored profiles, judged"
    plan = 5

    @staticmethod
    def trial(t, number):
        patterns = []
        for run in range(200):
            side = "base" if run % 2 else "new"
            path = t.path("%s-%d.pb.gz" % (side, run))
            subprocess.run([MAKE_PROFILE, "10500", "30", "12000", path, str(run + 1)], check=True)
        for side in ("base", "new"):
            patterns += ["--" + side, t.path(side + "-*.pb.gz")]
        size = statistics.mean(os.path.getsize(path) for path in glob.glob(t.path("*-*.pb.gz")))
        trial, _ = gate(t, *patterns)
        return {"what": "200 runs of %.1f MB" % (size / 1e6), **trial}

    @staticmethod
    def row(trials):
        return {
            "median s": "%.2f" % statistics.median(t["seconds"] for t in trials),
            "worst s": "%.2f" % max(t["seconds"] for t in trials),
        }


SECTIONS = {
    "same": Same,
    "simulated": Simulated,
    "power": Power,
    "allocations": Allocations,
    "moved": Moved,
    "speed": Speed,
}


# ---- Doing and telling ----


def percent(fraction):
    return "%.1f%%" % (100 * fraction)


def section_run(name, trials, save):
    """Make the trials that `trials` lacks, and save after each."""
    section = SECTIONS[name]
    for number in range(len(trials), section.plan):
        test = harness.Test(name)
        try:
            trial = section.trial(test, number)
        finally:
            test.close()
        trials.append(trial)
        save()
        print("%s %d of %d, %s: %s %s (%.0f s)" % (name, number + 1, section.plan, trial["what"], trial["outcome"],
                                                    " ".join(trial["culprits"]), trial["seconds"]))
        sys.stdout.flush()


def section_rows(name, trials):
    """A row for each `what`, and one for all of them."""
    section, groups = SECTIONS[name], collections.defaultdict(list)
    for trial in trials:
        groups[trial["what"]].append(trial)
    rows = [(what, group) for what, group in sorted(groups.items())]
    if len(rows) > 1:
        rows.append(("all", trials))
    return [
        {
            "": what,
            "trials": len(group),
            **section.row(group),
            "load before": "%.1f" % statistics.mean(trial["load"] for trial in group),
        }
        for what, group in rows
    ]


def section_markdown(name, trials):
    section = SECTIONS[name]
    dates = sorted({trial["date"] for trial in trials})
    lines = ["## " + section.title, ""]
    if not trials:
        return lines + ["Not tried.", ""]
    done = "" if len(trials) == section.plan else " %d of the %d trials planned were made." % (len(trials), section.plan)
    rows = section_rows(name, trials)
    lines += ["%s.%s" % (" to ".join(dict.fromkeys((dates[0], dates[-1]))), done), ""]
    lines.append("| %s |" % " | ".join(rows[0]))
    lines.append("|%s" % ("---|" * len(rows[0])))
    lines += ["| %s |" % " | ".join(str(cell) for cell in row.values()) for row in rows]
    return lines + [""]
