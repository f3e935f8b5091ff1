# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The gate judges profiles that others stored, and tells by its exit status what went wrong."""

import os
import re
import shutil
import struct

from gating import QUICK, bench, judge, metric
from harness import ROOT

PROFILES = os.path.join(ROOT, "tests/golden/profiles")
RUNS = 10


def store(t, side, profile, runs=RUNS):
    """Copies of a profile as the runs of a side; returns their pattern."""
    os.mkdir(t.path(side))
    for run in range(runs):
        shutil.copy(profile, t.path("%s/run%d.pb.gz" % (side, run)))
    return t.path(side + "/*.pb.gz")


def doubled(t, profile):
    t.run("merge", "-o", t.path("doubled.pb.gz"), profile, profile)
    return t.path("doubled.pb.gz")


def test_go_cpu(t):
    profile = os.path.join(PROFILES, "go_cpu.pb.gz")
    base, new = store(t, "base", profile), store(t, "new", doubled(t, profile))
    cpu = metric(t, judge(t, "--min-samples", 0, "--base", base, "--new", new, status=1), "cpu")
    t.check(abs(cpu["total"]["ratio"] - 2) < 1e-9, "the total rose by a factor of %s", cpu["total"]["ratio"])
    t.check(not any("names" in note for note in cpu["notes"]), "notes: %s", cpu["notes"])
    regressed = [row["name"] for row in cpu["functions"] if row["state"] == "regressed"]
    t.check("strings.Fields" in regressed, "regressed: %s", regressed)
    improved = metric(t, judge(t, "--min-samples", 0, "--base", new, "--new", base), "cpu")
    t.check(improved["outcome"] == "improved", "the other way round: %s", improved["outcome"])


def test_go_heap(t):
    profile = os.path.join(PROFILES, "go_allocs.pb.gz")
    base, new = store(t, "base", profile), store(t, "new", doubled(t, profile))
    verdict = judge(t, "--base", base, "--new", new, status=1)
    outcomes = {m["name"]: (m["outcome"], m["total"]["ratio"]) for m in verdict["metrics"]}
    t.check(set(outcomes) == {"alloc_objects", "alloc_space"}, "metrics: %s", outcomes)
    t.check(set(outcomes.values()) == {("regression", 2)}, "outcomes: %s", outcomes)
    inuse = metric(t, judge(t, "--metric", "inuse_space", "--base", base, "--new", new, status=1), "inuse_space")
    t.check(inuse["total"]["ratio"] == 2, "in use: %s", inuse["total"])


def test_go_delay(t):
    profile = os.path.join(PROFILES, "go_mutex.pb.gz")
    base, new = store(t, "base", profile), store(t, "new", doubled(t, profile))
    verdict = judge(t, "--min-samples", 0, "--base", base, "--new", new, status=1)
    t.check([m["name"] for m in verdict["metrics"]] == ["delay"], "metrics: %s", verdict["metrics"])


def gperftools(path, counts):
    """A CPU profile as gperftools' ProfilerStart() writes it: words of the machine, then /proc/self/maps."""
    words = [0, 3, 0, 10000, 0]
    for number, count in enumerate(counts):
        words += [count, 2, 0x401000 + 16 * number, 0x402000]
    words += [0, 1, 0]
    with open(path, "wb") as file:
        file.write(struct.pack("<%dQ" % len(words), *words))
        file.write(b"00400000-00500000 r-xp 00000000 08:01 1234 /usr/bin/true-to-life\n")


def test_gperftools(t):
    for side, counts in (("base", [300, 200]), ("new", [300, 320])):
        os.mkdir(t.path(side))
        for run in range(RUNS):
            gperftools(t.path("%s/%d.prof" % (side, run)), [counts[0] + run, counts[1] + run * run % 5])
    cpu = metric(t, judge(t, "--base", t.path("base/*"), "--new", t.path("new/*"), status=1), "cpu")
    t.check(1.2 < cpu["total"]["ratio"] < 1.3, "the total rose by a factor of %s", cpu["total"]["ratio"])
    t.check(any("without function names" in note for note in cpu["notes"]), "notes: %s", cpu["notes"])


def test_single_profiles_can_only_warn(t):
    profile = os.path.join(PROFILES, "go_cpu.pb.gz")
    verdict = judge(t, "--min-samples", 0, "--base", profile, "--new", doubled(t, profile), status=3)
    cpu = metric(t, verdict, "cpu")
    t.check(cpu["by_counts"] and cpu["total_state"] == "warning", "total: %s", cpu["total_state"])
    t.check(cpu["reasons"][0]["runs"] >= 7, "reasons: %s", cpu["reasons"])


def test_itself(t):
    """--aa: its own rate of false alarms; --power: how many runs it takes."""
    verdict = judge(t, "--aa", "--power", "3%", "--base", store(t, "base", os.path.join(PROFILES, "redis.pb.gz"), 2 * RUNS))
    cpu = metric(t, verdict, "cpu")
    t.check(cpu["base_runs"] == cpu["new_runs"] == RUNS, "%s and %s runs", cpu["base_runs"], cpu["new_runs"])
    t.check(cpu["selfcheck"]["comparisons"] == 1000 and cpu["selfcheck"]["false_alarms"] == 0, "%s", cpu["selfcheck"])
    t.check(cpu["power"]["runs"] >= 7, "%s", cpu["power"])


def test_policy(t):
    profile = os.path.join(PROFILES, "go_cpu.pb.gz")
    args = ["--min-samples", 0]
    args += ["--base", store(t, "base", profile), "--new", store(t, "new", doubled(t, profile))]

    def policy(text):
        with open(t.path(".cprofbpf-gate.json"), "w") as file:
            file.write(text)

    policy('{ "total_floor": "200%", "relative_floor": "200%" }')
    t.run("gate", *args)
    t.run("gate", *args, "--total-floor", "1%", status=1)
    policy('{\n  "alpha": 0.01,\n  "alhpa": 0.01\n}')
    t.check_says(t.run("gate", *args, status=2), r"\.cprofbpf-gate\.json:3: unknown key 'alhpa'")
    t.check_says(t.run("gate", *args, "--bisect", status=128), r"\.cprofbpf-gate\.json:3")


# What is said is a regular expression for standard error. {base} is a command that works.
FAILURES = [
    (2, "--frob", "unknown option '--frob'"),
    (2, "--base-cmd {base}", "there is no '--new-cmd' to compare with"),
    (2, "--base /nowhere/* --new /nowhere/*", "'/nowhere/\\*'"),
    (2, "--base {text} --new {profile}", "parsing profile"),
    (2, "--base {profile} --new {profile}", "is on both sides"),
    (2, "--base {many}/run* --new {profile}", "'.*/many/run33.pb.gz': "),
    (2, "--base {dir} --new {profile}", "is a directory"),
    (2, "--base-cmd {base} --new-cmd {base} --json /nowhere/x", "cannot write to '/nowhere/x'"),
    (2, "--base-cmd {base} --new-cmd false", "the new command failed: 'false' exited with status 1"),
    (2, "--base-cmd nosuchcommand --new-cmd {base}", "the base command failed: 'nosuchcommand' exited with status 127"),
    (2, "--base-cmd {base} --new-cmd {abort}", "was killed by signal 6"),
    (2, "--base-cmd {base} --new-cmd {loud}", "\\| what went wrong\n.*exited with status 4"),
    (2, "--base-cmd {base} --new-cmd {other} --expect-same-output",
     "line 1 is '20 rounds, sum \\d+' of the base, '21 rounds, sum \\d+' of the new"),
    (2, "--base-cmd {base} --new-cmd {base} --build false", "the build command failed: 'false' exited with status 1"),
    (2, "--base-cmd {base} --new-cmd {base} --per-file {dir}/work", "the \\w+ command did not write '.*/work'"),
    (2, "--base-cmd {base} --new-cmd {base} --metric delay", "'delay' of a command cannot be profiled"),
    (2, "--base-cmd {base} --new-cmd {base} --pin 1000", "cannot pin .* to these CPUs"),
    (125, "--bisect --base-cmd {base} --new-cmd false", "the new command failed"),
    (125, "--bisect --base-cmd {base} --new-cmd {base} --build false", "the build command failed"),
    (125, "--bisect --base-cmd {base} --new-cmd {other} --expect-same-output", "do not print the same"),
    (125, "--bisect --base {profile} --new {text}", "parsing profile"),
    (125, "--bisect --base {profile} --new {many}/run*", "'.*/many/run33.pb.gz': "),
    (125, "--bisect --base {profile} --new {profile2}", ""),
    (125, "--bisect --base-cmd {base} --new-cmd {sleep} --time-limit 2s", "the time limit has passed"),
    (128, "--bisect --base-cmd false --new-cmd {base}", "the base command failed"),
    (128, "--bisect --base {text} --new {profile}", "parsing profile"),
    (128, "--bisect --frob", "unknown option '--frob'"),
    (128, "--frob --bisect", "unknown option '--frob'"),
]


def test_exit_status(t):
    with open(t.path("text"), "w") as file:
        file.write("no profile\n")
    store(t, "many", os.path.join(PROFILES, "redis.pb.gz"), 40)
    shutil.copy(t.path("text"), t.path("many/run33.pb.gz"))
    words = {
        "base": bench("base", 20),
        "other": bench("base", 21),
        "sleep": "sleep 1000",
        "abort": "kill -ABRT $$",
        "loud": "echo what went wrong >&2; exit 4",
        "text": t.path("text"),
        "dir": t.dir,
        "many": t.path("many"),
        "profile": os.path.join(PROFILES, "go_cpu.pb.gz"),
        "profile2": os.path.join(PROFILES, "redis.pb.gz"),
    }
    for status, line, says in FAILURES:
        args = [re.sub(r"\{(\w+)\}", lambda m: words[m[1]], word) for word in line.split()]
        commands = ["--runs", 1, "--warmup", 0] if "-cmd" in line else []
        result = t.run("gate", *args, *commands, status=status)
        t.check_says(result, *filter(None, [says]))
        t.check(len(result.err.splitlines()) <= 2, "'%s' says too much", line)


def test_options_of_runs(t):
    """Warm-up runs do not count, pinned ones see their CPUs alone, the heap's rate is obeyed."""
    counted = "echo x >> %s; exec nproc" % t.path("made")
    args = ["--runs", 2, "--min-samples", 0, "--pin", min(os.sched_getaffinity(0)), "--expect-same-output", "-v"]
    result = t.run("gate", "--base-cmd", counted, "--new-cmd", "echo 1", "--warmup", 3, *args, status=3)
    with open(t.path("made")) as file:
        t.check(len(file.readlines()) == 5, "not 3 warm-ups and 2 runs were made")
    t.check(len(re.findall(r" warm-up \d, cpu: ", result.err)) == 6, "warm-ups are not told")
    verdict = judge(t, *QUICK, "--runs", 2, "--metric", "alloc_space", "--rate", 4096, "--base-cmd", bench("base", 60),
                    "--new-cmd", bench("base", 60), status=3)
    space = metric(t, verdict, "alloc_space")
    t.check(20 < space["base_samples"] < 400, "%s samples", space["base_samples"])
