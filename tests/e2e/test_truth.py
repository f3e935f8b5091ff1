# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Shares that agree with what programs account themselves, at the default rate unless said."""

import math

from harness import account


def finish_account(target):
    out, _ = target.popen.communicate(timeout=60)
    return account(out)


def check_cpu_time(t, profile, account_ns, design=1.0):
    """The profile's CPU time against the account, as `design` times binomial sampling of the wall."""
    sampled_ns = sum(sample.value[1] for sample in profile.sample)
    instants = profile.duration_nanos / profile.period
    share = min(1.0, account_ns / profile.duration_nanos)
    give_ns = 4 * math.sqrt(design * instants * share * (1 - share)) * profile.period
    give_ns += 0.03 * account_ns + 2 * profile.period
    t.check(
        abs(sampled_ns - account_ns) <= give_ns,
        "%.3f s sampled, %.3f s used, give or take %.3f",
        sampled_ns / 1e9,
        account_ns / 1e9,
        give_ns / 1e9,
    )


def test_shares_of_functions(t):
    target = t.target("shares", 10)
    profile, _ = t.record("-p", target.pid, "-F", 500)
    used = finish_account(target)
    t.check_shares(profile, used)
    check_cpu_time(t, profile, sum(used.values()))


def test_shares_of_functions_in_threads(t):
    target = t.target("shares", 8, 4)
    profile, _ = t.record("-p", target.pid)
    used = finish_account(target)
    t.check_shares(profile, used)


def test_threads_shorter_than_a_period(t):
    """500 threads of 5 ms CPU each are half of the program; per-thread timers of 10 ms see none."""
    target = t.target("threads", 500, 5)
    profile, _ = t.record("-p", target.pid)
    t.check_shares(profile, finish_account(target))


def test_thousand_threads_of_a_millisecond(t):
    target = t.target("threads", 1000, 1)
    profile, _ = t.record("-p", target.pid, "-F", 1000)
    t.check_shares(profile, finish_account(target))
    t.check_complete(profile, 99)


def test_program_in_step_with_the_sampler(t):
    """A 10 ms timer against 100 Hz. A period redrawn every second keeps in step for a second now and
    then, so the samples within a second are not independent: ten times the variance."""
    target = t.target("timer", 12)
    profile, _ = t.record("-p", target.pid)
    check_cpu_time(t, profile, finish_account(target)["tick_work"], design=10)


def test_children_shorter_than_a_period(t):
    """Forked children of 20 ms each, found while they live."""
    target = t.target("forks", 60)
    profile, _ = t.record("-p", target.pid, "--children", "-d", 6, "-F", 200)
    child, parent = profile.cumulative("child_work"), profile.cumulative("parent_work")
    t.check(parent > 100, "%d samples in the parent", parent)
    t.check(0.8 < child / parent < 1.25, "child %d, parent %d: they use the same", child, parent)
    t.check_complete(profile, 99)


def test_without_children_there_are_none(t):
    target = t.target("forks", 60)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 200)
    t.check(profile.cumulative("child_work") == 0, "%d samples of children", profile.cumulative("child_work"))
    t.check(profile.cumulative("parent_work") > 20, "no sample of the parent")


def test_samples_stand_for_cpu_time(t):
    """Two busy threads: samples, their CPU time and the kernel's own count agree."""
    target = t.target("shares", 60, 2)
    profile, result = t.record("-p", target.pid, "-d", 5)
    for sample in profile.sample:
        t.check(sample.value[0] > 0 and sample.value[1] > 0, "values %s", sample.value)
    t.check(9e6 < profile.period < 11e6, "a period of %d ns at 100 Hz", profile.period)
    t.check(4.5e9 < profile.duration_nanos < 7e9, "a duration of %d ns", profile.duration_nanos)
    t.check_says(result, r"%", "CPU|cpu")
