# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The distributor's programs under load, stripped and without frame pointers: stacks reach roots."""

import os
import shutil

from load import LOADS

HZ = 1000


def check_program(t, name, complete, samples=1000, stacks=50, truncated=False):
    with LOADS[name](t) as load:
        profile, _ = t.record("-d", 4, "-F", HZ, *load.select, timeout=60)
    user = [(tuple(names), n) for names, n in profile.user_stacks() if names]
    total = sum(n for _, n in user)
    t.check(total >= samples, "%d user samples, not %d", total, samples)
    t.check(len(set(user)) >= stacks, "%d distinct stacks, not %d", len(set(user)), stacks)
    t.check_complete(profile, complete, truncated=truncated)
    return profile


def test_redis(t):
    check_program(t, "redis", 99.5)


def test_postgres(t):
    profile = check_program(t, "postgres", 99.5)
    pids = {profile.labels(sample).get("pid") for sample in profile.sample}
    t.check(len(pids) >= 4, "%d processes", len(pids))


def test_nginx(t):
    check_program(t, "nginx", 99.5)


def test_python(t):
    profile = check_program(t, "python", 99.5)
    t.check(profile.cumulative("_PyEval_EvalFrameDefault") > 0.9 * profile.count(), "no interpreter loop")


def test_clang(t):
    profile = check_program(t, "clang", 99.5)
    deep = max(len(names) for names, _ in profile.user_stacks())
    t.check(deep > 150, "the deepest stack has %d frames", deep)


def test_gcc(t):
    """Its garbage collector marks recursively, deeper than the limit."""
    check_program(t, "gcc", 99.5, truncated=True)


def test_perl(t):
    check_program(t, "perl", 99.5, stacks=20)


def test_gzip(t):
    check_program(t, "gzip", 99.5, stacks=5)


def test_node(t):
    """JIT code has frame pointers and no CFI."""
    if not shutil.which("node"):
        t.skip("node is not installed")
    check_program(t, "node", 90)


def test_go(t):
    """Go programs have frame pointers and no .eh_frame; goroutines start in goexit."""
    check_program(t, "go", 95, stacks=10)


def test_sqlite(t):
    if not os.access("/usr/bin/sqlite3", os.X_OK):
        t.skip("sqlite3 is not installed")
    check_program(t, "sqlite", 99.5, stacks=20)
