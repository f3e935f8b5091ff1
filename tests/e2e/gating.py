# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the tests of the gate stand on: commands that differ in what was planted, and verdicts read as JSON."""

import json
import os

from harness import TARGETS

RUNS = 8  # a side: as few as can decide a total and a handful of functions
ROUNDS = 110  # of a benchmark: a sixth of a second

# No warm-up, no light functions, and no complaint about a noisy machine where nothing was planted: what
# would be missed is told, but may be a rise of any size.
LENIENT = ["--resolution", "1000%", "--min-share", "5%"]
QUICK = ["--runs", RUNS, "--warmup", 0, *LENIENT]


def bench(change, *args):
    """The benchmark with a change (see tests/targets/gate_bench.c) as a command."""
    return " ".join(map(str, [os.path.join(TARGETS, "gate-" + change), *(args or [ROUNDS])]))


def judge(t, *args, status=0, **options):
    """Run the gate and read its verdict."""
    path = t.path("verdict.json")
    t.run("gate", "--json", path, *args, status=status, timeout=150, **options)
    with open(path) as file:
        verdict = json.load(file)
    t.check(verdict["status"] == status, "the verdict says status %d, not %d", verdict["status"], status)
    return verdict


def compare(t, base, new, *args, **options):
    return judge(t, *QUICK, "--base-cmd", base, "--new-cmd", new, *args, **options)


def metric(t, verdict, name):
    found = [m for m in verdict["metrics"] if m["name"] == name]
    t.check(len(found) == 1, "%d metrics are called %s", len(found), name)
    return found[0]


def culprits(metric):
    return [row["name"] for row in metric["functions"] if row["culprit"]]


def check_regressed(t, verdict, name, culprit):
    found = metric(t, verdict, name)
    t.check(found["outcome"] == "regression", "%s: %s", name, found["outcome"])
    t.check(culprits(found) == [culprit], "%s: culprits are %s", name, culprits(found))
    return found


def check_not_regressed(t, verdict, name):
    found = metric(t, verdict, name)
    t.check(found["outcome"] in ("pass", "improved", "moved"), "%s: %s", name, found["outcome"])
    t.check(not culprits(found), "%s: culprits are %s", name, culprits(found))
    return found
