# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The gate runs two commands: what was planted is found and named, and nothing else."""

import os
import pty
import re
import signal
import subprocess
import xml.etree.ElementTree

import harness
from gating import LENIENT, QUICK, bench, check_not_regressed, check_regressed, compare, metric
from harness import ROOT

SCHEMA = os.path.join(ROOT, "tests/unit/gate_junit.xsd")


def read(path):
    with open(path) as file:
        return file.read()


def test_slower(t):
    """A function takes longer: in all formats, with its profiles for pprof."""
    args = ["--junit", t.path("gate.xml"), "--markdown", t.path("gate.md"), "--svg", t.path("gate.svg")]
    verdict = compare(t, bench("base"), bench("slower"), *args, "--keep", t.path("kept"), "--github",
                      "--expect-same-output", status=1, env={**os.environ, "GITHUB_WORKSPACE": ROOT})
    cpu = check_regressed(t, verdict, "cpu", "rank")
    t.check(cpu["changed"]["ratio"] > 1.3, "what changed rose by a factor of %s", cpu["changed"]["ratio"])
    row = next(row for row in cpu["functions"] if row["name"] == "rank")
    t.check(row["caller"] == "main" and row["file"].endswith("gate_bench.c"), "rank: %s", row)
    # One session takes the profiles of all runs, of each all.
    for side in ("base", "new"):
        seen = cpu["total"][side] / 1e9 / cpu["rusage_seconds"][side]
        t.check(0.6 < seen < 1.3, "%s: %.2f of the CPU time was sampled", side, seen)

    out = t.results[-1].out.decode()
    t.check(re.search(r"^cpu: regression$", out, re.M) and re.search(r"regressed +rank ", out), "the table: %s", out)
    where = "::error file=tests/targets/gate_bench.c,line=%d," % row["line"]
    t.check(where in out, "no annotation '%s': %s", where, out)
    stored = ["--base", t.path("kept/base-*"), "--new", t.path("kept/new-*")]
    t.run("gate", "-q", "--github", *stored, status=1)
    out = t.results[-1].out.decode()
    t.check("::error title=" in out and "file=" not in out, "a file outside of the checkout is named: %s", out)

    valid = subprocess.run(["xmllint", "--noout", "--schema", SCHEMA, t.path("gate.xml")], capture_output=True, text=True)
    t.check(valid.returncode == 0, "JUnit: %s", valid.stderr)
    failed = xml.etree.ElementTree.parse(t.path("gate.xml")).findall(".//testcase[failure]")
    t.check(any("rank" in case.get("name") for case in failed), "JUnit names %s", [case.attrib for case in failed])
    t.check("rank" in read(t.path("gate.md")) and "rank" in read(t.path("gate.svg")), "rank is not in Markdown or SVG")

    names = sorted(os.listdir(t.path("kept")))
    runs = ["%s-%02d.cpu.pb.gz" % (side, run) for side in ("base", "new") for run in range(1, cpu["base_runs"] + 1)]
    t.check(names == sorted(runs + ["base.cpu.pb.gz", "new.cpu.pb.gz"]), "kept: %s", names)
    merged = [t.profile(t.path("kept/%s.cpu.pb.gz" % side)) for side in ("base", "new")]
    t.check(merged[1].cumulative("rank") > 1.2 * merged[0].cumulative("rank"), "the merged profiles do not tell it")
    diff = subprocess.run([harness.go_pprof(), "-top", "-diff_base", t.path("kept/base.cpu.pb.gz"),
                           t.path("kept/new.cpu.pb.gz")], capture_output=True, text=True)
    first = [line.split()[-1] for line in diff.stdout.split("cum%\n")[-1].splitlines()][0]
    t.check(first == "rank", "pprof -diff_base: %s", diff.stdout + diff.stderr)


def test_more_allocations(t):
    for change, function in (("allocs", "line"), ("allocs-parse", "parse_node")):
        verdict = compare(t, bench("base", 20), bench(change, 20), "--metric", "alloc_objects", status=1)
        objects = check_regressed(t, verdict, "alloc_objects", function)
        t.check(objects["total"]["base"] == 2001 and objects["total"]["new"] == 2061, "objects: %s", objects["total"])


def test_both(t):
    """Each metric has its own culprit."""
    verdict = compare(t, bench("base"), bench("both"), "--metric", "cpu,alloc_space", "--runs", 10, status=1)
    check_regressed(t, verdict, "cpu", "rank")
    check_regressed(t, verdict, "alloc_space", "line")


def test_renamed_and_inlined_otherwise(t):
    verdict = compare(t, bench("base"), bench("renamed"), "--metric", "cpu,alloc_objects", "--runs", 10)
    check_not_regressed(t, verdict, "cpu")
    objects = check_not_regressed(t, verdict, "alloc_objects")
    t.check(objects["outcome"] == "pass" and objects["total"]["ratio"] == 1, "objects: %s", objects["total"])
    folded = {row["name"] for m in verdict["metrics"] for row in m["one_sided"]}
    t.check({"render", "write_out"} <= folded, "counted as their callers': %s", folded)


def test_moved(t):
    """Functions changed, the total did not: that passes, unless the policy is strict."""
    # Enough of them to tell that the total did not do what rank did.
    verdict = compare(t, bench("base", 250), bench("moved", 250), "--runs", 12, "--keep", t.path("kept"))
    cpu = check_not_regressed(t, verdict, "cpu")
    moved = {row["name"]: row["state"] for row in cpu["functions"] if row["state"] != "same"}
    t.check(cpu["outcome"] == "moved" and moved.get("rank") == "moved", "%s: %s", cpu["outcome"], moved)
    stored = ["--base", t.path("kept/base-*"), "--new", t.path("kept/new-*"), *LENIENT]
    t.run("gate", *stored)
    t.run("gate", "--strict", *stored, status=1)
    t.run("gate", "--function", "^render$=5%", *stored, status=1)


def test_work(t):
    """Twice the work takes twice the time, which is no regression if the work is told."""
    base, new = bench("base", 60, t.path("work")), bench("base", 120, t.path("work"))
    verdict = compare(t, base, new, "--per-file", t.path("work"), "--keep", t.path("kept"))
    check_not_regressed(t, verdict, "cpu")
    stored = ["--base", t.path("kept/base-*"), "--new", t.path("kept/new-*"), *LENIENT]
    t.run("gate", "--per-file", t.path("kept/work.txt"), *stored)
    t.run("gate", "--per", "60,120", *stored)
    t.run("gate", *stored, status=1)


def test_a_clear_regression_ends_early(t):
    verdict = compare(t, bench("base", 60), bench("base", 180), "--runs", 30, status=1)
    cpu = metric(t, verdict, "cpu")
    t.check(cpu["base_runs"] == cpu["new_runs"] == 10, "%s runs were made", cpu["base_runs"])
    t.check(any("10 of 30 runs" in note for note in cpu["notes"]), "notes: %s", cpu["notes"])


def test_a_metric_without_regression_gets_its_runs(t):
    args = ["--metric", "cpu,alloc_objects", "--runs", 10, "--min-samples", 0]
    verdict = compare(t, bench("base", 20), bench("allocs", 20), *args, status=1)
    check_regressed(t, verdict, "alloc_objects", "line")
    t.check(metric(t, verdict, "cpu")["base_runs"] == 10, "%s runs were made", metric(t, verdict, "cpu")["base_runs"])


def test_too_few_runs(t):
    verdict = compare(t, bench("base"), bench("base", 3 * 110), "--runs", 3, status=3)
    reasons = metric(t, verdict, "cpu")["reasons"]
    t.check([r for r in reasons if r["kind"] == "few_runs" and r["runs"] >= 7], "reasons: %s", reasons)


def test_time_limit(t):
    """What there is by then is judged; where that is nothing, it says so."""
    verdict = compare(t, bench("base", 20), bench("base", 20), "--runs", 1000, "--time-limit", "6s", status=3)
    cpu = metric(t, verdict, "cpu")
    t.check(0 < cpu["base_runs"] < 1000 and cpu["base_runs"] == cpu["new_runs"], "%s runs", cpu["base_runs"])
    t.check(any("the time limit" in note for note in cpu["notes"]), "notes: %s", cpu["notes"])
    result = t.run("gate", *QUICK, "--time-limit", "1s", "--base-cmd", "sleep 1000", "--new-cmd", "true", status=3)
    t.check_says(result, "the time limit has passed before both sides were measured once")


def test_interrupted(t):
    """Ctrl-C: no verdict, but what is known; the command is gone."""
    process = t.spawn("gate", *QUICK, "-v", "--runs", 1000, "--base-cmd", bench("base"), "--new-cmd", bench("base"))
    t.wait_for("four runs", lambda: process.read("stderr").count(b" run ") >= 4, 60)
    process.signal(signal.SIGINT)
    result = t.finish(process)
    t.check(result.status == 3, "exit status %s", result.status)
    t.check(re.search(rb"inconclusive: .*of 1000 runs a side were made: interrupted", result.out), "no reason given")
    process = t.spawn("gate", *QUICK, "--bisect", "--base-cmd", "sleep 1000", "--new-cmd", "true")
    t.wait_for("the command", lambda: subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True).stdout)
    process.signal(signal.SIGTERM)
    result = t.finish(process)
    t.check(result.status == 128, "exit status %s", result.status)
    t.check_says(result, "interrupted before both sides were measured once")
    alive = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True).stdout
    t.check(not alive, "processes are left: %s", alive)


def test_what_commands_leave_is_ended(t):
    command = "sh -c 'sleep 1000 & exec %s'" % bench("base", 20)
    verdict = compare(t, command, command, "--runs", 2, "--min-samples", 0, status=3)
    notes = metric(t, verdict, "cpu")["notes"]
    t.check(any("left 4 processes behind" in note for note in notes), "notes: %s", notes)


def test_progress(t):
    """On a terminal a line tells how far it is and the estimate so far; it is taken back."""
    terminal, output = pty.openpty()
    args = [*map(str, QUICK), "--base-cmd", bench("base", 20), "--new-cmd", bench("base", 40)]
    process = t.start([harness.TOOL, "gate", *args], cwd=t.dir, stdout=subprocess.DEVNULL, stderr=output)
    os.close(output)
    text = b""
    try:
        while block := os.read(terminal, 65536):
            text += block
    except OSError:
        pass  # EIO: nobody has the terminal any more
    os.close(terminal)
    t.check(process.wait() in (1, 3), "exit status %s", process.popen.returncode)
    t.check(re.search(rb"4 of 8 rounds \| cpu \+[0-9.]+% \[\S+, \S+\] \| \d+ s left, Ctrl-C ends", text), "%r", text)
    t.check(text.endswith(b"\r\033[K"), "the line stays")
