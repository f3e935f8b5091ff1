# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Whole stacks: exact call chains in every kind of build, and the things that make walking hard."""

import os
import re

CHAIN = ["leaf_work", "level_three", "level_two", "level_one", "main"]
VARIANTS = ["chain-%s-O%d" % (cc, level) for cc in ("gcc", "clang") for level in range(4)]
VARIANTS += ["chain-static", "chain-static-pie", "chain-no-pie", "chain-musl", "chain-musl-static"]


def strip_libc(names):
    """The frames between main and _start have names of libc's own."""
    return [name for name in names if "libc_start" not in name]


def chain_of(names):
    return [name for name in strip_libc(names) if name in CHAIN + ["_start"]]


def test_call_chain_in_every_build(t):
    """Several processes make one profile, told apart by their pid label."""
    targets, profile, result = t.record_each(VARIANTS, "-d", 5, "-F", 400, least=20, complete=100)
    for variant, target in targets.items():
        labels = {"pid": target.pid}
        leaf = whole = 0
        for names, count in profile.stacks(labels):
            t.check(names[-1] == "_start", "%s: %s does not end in _start", variant, names)
            if "leaf_work" in names[:2]:  # target_work is inlined into it
                leaf += count
                whole += count * (chain_of(names) == CHAIN + ["_start"])
        t.check(leaf > 10 and whole == leaf, "%s: %d of %d chains are whole", variant, whole, leaf)
    # Equal files (clang's -O2 and -O3 are) make one mapping.
    files = {os.path.basename(m.filename) for m in profile.mapping if "chain" in m.filename}
    t.check(len(VARIANTS) - 1 <= len(files), "no mapping of %s", set(VARIANTS) - files)


def test_lines_of_source(t):
    target = t.target("chain-gcc-O2", 60)
    profile, _ = t.record("-p", target.pid, "-d", 1, "-F", 1000)
    with open(os.path.join(os.path.dirname(__file__), "../targets/chain.c")) as file:
        source = file.read().split("\n")
    call = next(i for i, line in enumerate(source, 1) if "level_three(n);" in line)
    wrong = {}
    for location in profile.location:
        for line in location.line:
            function = profile.functions[line.function_id]
            if function.name == "level_two":
                t.check(function.filename.endswith("tests/targets/chain.c"), function.filename)
                wrong[line.line] = wrong.get(line.line, 0) + 1
    t.check(call in wrong, "level_two calls in line %d; found lines %s", call, wrong)


def test_stripped_binary_has_function_boundaries(t):
    """Without symbols a function is one row, [exe]+0xENTRY; _start and main are found."""
    target = t.target("chain-stripped", 60)
    profile, _ = t.record("-p", target.pid, "-d", 1, "-F", 1000, "--user-only")
    t.check_complete(profile, 100)
    rows = set()
    for names, _ in profile.stacks():
        t.check(names[-1] == "_start" and "main" in names, "%s", names)
        rows.update(name for name in names if name.startswith("[chain-stripped]+0x"))
    # The four of the chain, and perhaps the PLT, which has an FDE too.
    t.check(4 <= len(rows) <= 5, "four functions below main, not %s", sorted(rows))


def test_depth_sixty_without_frame_pointers(t):
    target = t.target("depth", 60, 60)
    profile, _ = t.record("-p", target.pid, "-d", 3, "-F", 1000)
    t.check_complete(profile, 99.5)
    deep = [len(names) for names, n in profile.user_stacks() for _ in range(n)]
    share = sum(d >= 59 for d in deep) / len(deep)
    t.check(share > 0.7, "%.0f%% of the stacks are 59 or more frames deep", 100 * share)
    t.check(max(deep) <= 64, "a stack of %d frames", max(deep))


def test_stacks_deeper_than_the_limit(t):
    """1,024 user frames at most: the leaf side is kept, and marked truncated."""
    target = t.target("depth", 3000, 60)
    profile, result = t.record("-p", target.pid, "-d", 2, "-F", 500, "--user-only")
    longest = max(len(names) for names, _ in profile.stacks())
    t.check(1000 <= longest <= 1025, "the longest stack has %d frames", longest)
    t.check_says(result, "truncated")
    told = any(re.search("truncated [1-9]", comment) for comment in profile.comment)
    t.check(told, "no comment tells: %s", profile.comment)


def test_recursion_just_below_the_limit(t):
    target = t.target("depth", 1000, 60)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500, "--user-only")
    t.check_complete(profile, 99.5)
    t.check(max(len(names) for names, _ in profile.stacks()) >= 999, "no stack of 1,000 frames")


def check_signal_stacks(t, profile):
    """The handler lies on the interrupted function, whose frame is exact, down to the root."""
    t.check_complete(profile, 99.5)
    handler = good = 0
    for names, count in profile.user_stacks():
        if "handler_work" in names:
            handler += count
            below = names[names.index("handler_work") :]
            good += count * ("on_signal" in below and below[-2:] != [] and "main" in below)
    t.check(handler > 80, "%d samples in the handler", handler)
    t.check(good >= 0.99 * handler, "%d of %d handler stacks reach main", good, handler)
    on_work = sum(n for names, n in profile.user_stacks() if {"handler_work", "interrupted_work"} <= set(names))
    t.check(on_work >= 0.8 * handler, "%d of %d show interrupted_work below", on_work, handler)


def test_signal_handler(t):
    target = t.target("signals", 60)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500)
    check_signal_stacks(t, profile)


def test_signal_handler_on_an_alternate_stack(t):
    target = t.target("signals", 60, "alt")
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500)
    check_signal_stacks(t, profile)


def test_dlopen_and_dlclose_while_profiling(t):
    target = t.target("dlopens", 60)
    profile, _ = t.record("-p", target.pid, "-d", 4, "-F", 500)
    t.check_complete(profile, 99)
    one, two = profile.cumulative("plugin_one_work"), profile.cumulative("plugin_two_work")
    t.check(min(one, two) > 150, "%d and %d samples in the plugins", one, two)
    t.check(0.8 < one / two < 1.25, "%d and %d samples in the plugins", one, two)
    for names, _ in profile.user_stacks():
        if "plugin_two_work" in names:
            t.check("plugin_two_outer" in names and "main" in names, "%s", names)
        t.check(not ("plugin_one_work" in names and "plugin_two_outer" in names), "%s", names)


def test_exec_while_profiling(t):
    """The process becomes another program: the old one's frames and the new one's are both named."""
    chain = os.path.join(os.path.dirname(__file__), "../../build/targets/chain-clang-O2")
    target = t.target("execs", 2, os.path.abspath(chain), 60)
    profile, _ = t.record("-p", target.pid, "-d", 4, "-F", 500)
    t.check_complete(profile, 99)
    before, after = profile.cumulative("before_exec"), profile.cumulative("leaf_work")
    t.check(before > 100 and after > 100, "%d samples before, %d after", before, after)
    for names, _ in profile.user_stacks():
        t.check(not {"before_exec", "leaf_work"} <= set(names), "%s", names)


def test_realigned_stacks(t):
    """DRAP: functions whose CFA hangs on an expression."""
    target = t.target("drap", 60)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500, "--user-only")
    t.check_complete(profile, 99.5)
    for name in ("leaf_work", "realigned_work"):
        found = [names for names, _ in profile.stacks() if name in names[:2]]
        t.check(found, "no sample in %s", name)
        for names in found:
            t.check({"forced_work", "main", "_start"} <= set(names), "%s", names)


def test_fibers(t):
    """Stacks made by makecontext, which are not the thread's, end in their start: one place in libc,
    which has a name only where libc's symbols are installed."""
    target = t.target("fiber", 60)
    profile, result = t.record("-p", target.pid, "-d", 2, "-F", 500)
    t.check_says(result, r"(100|99\.\d+)% complete")
    roots = set()
    for sample in profile.sample:
        names = profile.stack(sample)
        if "fiber_run" in names:
            roots.add(sample.location_id[-1])
            t.check(names[-2] == "fiber_run", "%s", names)
    t.check(len(roots) == 1, "%d roots of fibers", len(roots))
    t.check(profile.mapping_of(roots.pop()).filename.endswith("libc.so.6"), "the root is not in libc")
    fiber = sum(n for names, n in profile.user_stacks() if "fiber_work" in names and "fiber_run" in names)
    t.check(fiber > 0.8 * profile.count(), "%d of %d samples in fibers", fiber, profile.count())
    for names, _ in profile.user_stacks():
        t.check(not ("fiber_work" in names and "main" in names), "a fiber has no main: %s", names)


def test_kernel_frames_lie_on_user_frames(t):
    target = t.target("dlopens", 60)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500)
    kernel = 0
    for sample in profile.sample:
        inside = [profile.is_kernel(i) for i in sample.location_id]
        t.check(inside == sorted(inside, reverse=True), "kernel frames below user frames")
        kernel += sample.value[0] * any(inside)
    t.check(kernel > 5, "%d samples in the kernel", kernel)
    named = [n for names, n in profile.stacks() if "do_syscall_64" in names]
    t.check(named, "no stack passes do_syscall_64")
