# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Sampled heap profiles are unbiased: estimates against targets that count every call.

Most sizes are allocated so often that a bias of 2% would stand out from the sampling error, and a test
makes sure of that by planting one. Many runs at the default rate are `tools/bench heap-accuracy`.
"""

import re

import heap

BIAS = 1.02


def estimates(profile, rows, rate):
    """For heap.judge(): all calls and bytes by size, and what of them is live."""
    found = []
    for name, row in rows.items():
        size = int(name.rpartition("_")[2])
        have = profile.by_function[name]
        for column, n in (("allocs", row.allocs), ("live", row.live)):
            if n:
                variance = heap.relative_variance(n, size, rate)
                found.append(("%s of %s" % (column, name), getattr(have, column), n, variance))
    return found


def check_estimates(t, found, least_caught):
    wrong = heap.judge(found)
    t.check(not wrong, "%s", wrong)
    # A bias shows in each of the sizes that were meant to show it, and in all of them together.
    sharp = [e for e in found if 1e-9 < e[3] < (BIAS - 1) ** 2 / 64]
    t.check(len(sharp) >= least_caught, "only %d of %s can show a bias", len(sharp), found)
    for planted in (BIAS, 2 - BIAS):
        caught = [e for e in sharp if heap.judge([e], planted)]
        t.check(len(caught) == len(sharp), "a bias of %.2f goes unseen in %d of %d", planted, len(sharp) - len(caught), len(sharp))


def check_rate(t, rate, *plan, threads=1, least_caught=2):
    target = heap.Target(t, "alloc_count", "-t", threads, *plan)
    profile, result = heap.capture(t, target, "--rate", rate)
    t.check(profile.period == rate, "a period of %d", profile.period)
    t.check_says(result, r" 0 lost")
    for row in profile.by_function.values():
        t.check(row.live_bytes <= row.bytes, "%s", row)
    check_estimates(t, estimates(profile, target.rows, rate), least_caught)
    target.end()


def test_small_sizes(t):
    check_rate(t, 64, "8:1500000:50", "32:300000:50", "128:30000:50", "1024:2000:10")


def test_medium_sizes(t):
    check_rate(t, 16 << 10, "4096:700000:1000", "8192:300000:100", "32768:30000:100", "262144:2000:10")


def test_large_sizes(t):
    plan = ["2097152:700000:2000", "4194304:300000:1000", "16777216:30000:1000", "67108864:1000:100"]
    check_rate(t, 8 << 20, *plan)


def test_threads_share_the_countdown(t):
    check_rate(t, 256, "64:175000:50", "128:75000:50", threads=4)


def test_sizes_beyond_all_memory(t):
    """They fail, and leave the chances of others as they are."""
    target = heap.Target(t, "alloc_edges", "huge")
    profile, _ = heap.capture(t, target, "--rate", 20000)
    name = "huge_allocate"
    truth, estimate = target.rows[name].allocs, profile.by_function[name].allocs
    wrong = heap.judge([(name, estimate, truth, heap.relative_variance(truth, 500, 20000))])
    t.check(not wrong, "%s", wrong)
    target.end()


def test_default_rate(t):
    """512 KiB, some hundred samples of each size: too few to show a bias of 2%, and right."""
    plan = ["512:400000:4", "8192:50000:50", "65536:20000:20", "1048576:2000:10", "67108864:500:50"]
    target = heap.Target(t, "alloc_count", *plan)
    profile, _ = heap.capture(t, target)
    t.check(profile.period == 512 << 10, "a period of %d", profile.period)
    wrong = heap.judge(estimates(profile, target.rows, 512 << 10))
    t.check(not wrong, "%s", wrong)
    target.end()


def test_bound_on_live_allocations(t):
    """Near --max-live the rate doubles; what lives keeps its weight, and all estimates hold."""
    target = heap.Target(t, "alloc_count", "64:400000:80")
    profile, result = heap.capture(t, target, "--rate", 64, "--max-live", 4096)
    raised = re.search(r"rate raised to ([\d.]+) (B|kB|MB)", result.err)
    t.check(raised, "the summary does not tell the rate")
    rate = float(raised[1]) * {"B": 1, "kB": 1 << 10, "MB": 1 << 20}[raised[2]]
    t.check(128 <= rate <= 4096, "the rate went to %d", rate)
    # No sample stands for more than at the last rate: that bounds the error.
    check_estimates(t, estimates(profile, target.rows, rate), least_caught=1)
    t.check_says(result, r" 0 lost")
    target.end()
