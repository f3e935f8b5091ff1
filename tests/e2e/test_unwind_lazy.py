# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Lazy binding by the dynamic linker, whose CFA hangs on rbx."""


def test_callers_of_lazy_binding(t):
    """A walk leaves it by the rbx that its callee has saved, except where that has yet to be saved."""
    target = t.target("lazy", 60)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 1000, "--user-only")
    t.check_complete(profile, 99)
    bound = whole = 0
    for names, count in profile.stacks():
        at = [i for i, name in enumerate(names) if name.startswith("_dl_runtime_resolve")]
        if at and names[-1] == "_start":
            bound += count
            whole += count * (names[at[0] + 1 : at[0] + 3] == ["lazy_call", "main"])
    t.check(bound >= 100 and whole == bound, "%d of %d stacks are lazy_call's", whole, bound)
