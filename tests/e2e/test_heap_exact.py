# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The heap profile at rate 1: exact, for every call, every allocator and every way to go wrong."""

import os
import re
import signal
import subprocess
import time

import heap
from harness import TARGETS

# What a throwing operator new allocates beside what was asked for.
EXCEPTIONS = ("__cxa_allocate_exception",)


def check_calls(t, target, *options):
    profile, result = heap.capture(t, target, "--rate", 1, *options)
    heap.check_exact(t, profile, target.rows)
    t.check(profile.period == 1, "a period of %d", profile.period)
    t.check_says(result, r" 0 lost")
    moved, stayed = map(int, re.findall(r"\d+", target.lines[0]))
    t.check(moved and stayed, "realloc only ever moved, or never: %s", target.lines[0])
    before = profile.by_function["before_attaching"]
    t.check(not any(before), "what was there before is counted: %s", before)
    target.end()
    return result


def test_calls_of_glibc(t):
    check_calls(t, heap.Target(t, "alloc_calls"))


def test_calls_of_jemalloc(t):
    check_calls(t, heap.Target(t, "alloc_calls", preload=heap.library("jemalloc")))


def test_calls_of_tcmalloc(t):
    check_calls(t, heap.Target(t, "alloc_calls", preload=heap.library("tcmalloc")))


def test_calls_of_mimalloc(t):
    check_calls(t, heap.Target(t, "alloc_calls", preload=heap.library("mimalloc")))


def check_calls_of_musl(t, name):
    """It comes without CFI and frame pointers: see user/unwind/heights.h."""
    result = check_calls(t, heap.Target(t, name))
    t.check_says(result, r" 100% complete stacks")


def test_calls_of_musl(t):
    check_calls_of_musl(t, "alloc_calls-musl")


def test_calls_of_static_programs(t):
    check_calls(t, heap.Target(t, "alloc_calls-static"))
    check_calls_of_musl(t, "alloc_calls-musl-static")


def test_calls_by_other_links(t):
    """What kernels before 6.13 and before 6.10 have: each return is probed."""
    for kind, allocator in (("multi", "glibc"), ("multi", "mimalloc"), ("perf", "glibc")):
        target = heap.Target(t, "alloc_calls", preload=heap.library(allocator))
        check_calls(t, target, "--probes", kind)


def test_calls_beside_a_profile_of_another_process(t):
    """The kernel then puts return probes on the calls of both."""
    other = heap.Target(t, "alloc_calls")
    process = heap.attach(t, other.pid)
    check_calls(t, heap.Target(t, "alloc_calls"))
    heap.detach(t, process, status=3)
    other.work()
    other.end()


def test_static_program_without_symbols_is_refused(t):
    target = heap.Target(t, "alloc_calls-stripped")
    result = t.run("heap", "-p", target.pid, "-d", 1, "-o", t.path(), status=1)
    t.check_says(result, r"symbols")
    t.check(not os.path.exists(t.path()), "a profile was written")
    target.work()
    target.end()


# ---- C++: every form of operator new, and every way out of it


def check_new(t, allocator, *args, options=()):
    target = heap.Target(t, "alloc_new", *args, preload=heap.library(allocator))
    profile, result = heap.capture(t, target, "--rate", 1, *options)
    heap.check_exact(t, profile, target.rows, leave_out=EXCEPTIONS)
    t.check_says(result, r" 0 lost")
    target.end()


def test_operator_new_of_glibc(t):
    check_new(t, "glibc")


def test_operator_new_of_jemalloc(t):
    check_new(t, "jemalloc")


def test_operator_new_of_tcmalloc(t):
    for kind in ("session", "multi", "perf"):
        check_new(t, "tcmalloc", options=["--probes", kind])


def test_operator_new_of_mimalloc(t):
    """Written in C: it aborts where others throw."""
    check_new(t, "mimalloc", "aborts")


# ---- Edges


def check_edge(t, edge, *options, names=None):
    target = heap.Target(t, "alloc_edges", edge)
    profile, result = heap.capture(t, target, "--rate", 1, *options)
    rows = {name: row for name, row in target.rows.items() if names is None or name in names}
    heap.check_exact(t, profile, rows)
    target.end()
    return profile


def work_of_forks(t, target, profiler=None):
    """Let a target fork, and its child; each new process goes on once `profiler` has probed it."""
    held = profiler and heap.links(profiler.pid)
    target.go()
    for _ in range(2):
        target.read("forked")
        if profiler:
            held = heap.wait_links(t, profiler, held)
        target.go()
    target.read()


def test_fork(t):
    """The child frees its copies of what the parent has, and allocates itself: none of the parent's."""
    target = heap.Target(t, "alloc_edges", "fork")
    process = heap.attach(t, target.pid, "--rate", 1)
    work_of_forks(t, target)
    heap.detach(t, process)
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    heap.check_exact(t, profile, {"fork_parent": target.rows["fork_parent"]})
    for name in ("fork_child", "fork_grandchild"):
        t.check(not any(profile.by_function[name]), "%s is counted", name)
    target.end()


def test_fork_with_children(t):
    """Children that have ended hold nothing."""
    target = heap.Target(t, "alloc_edges", "fork")
    process = heap.attach(t, target.pid, "--rate", 1, "--children")
    work_of_forks(t, target, process)
    heap.detach(t, process)
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    rows = {name: row._replace(live=0, live_bytes=0) for name, row in target.rows.items()}
    rows["fork_parent"] = target.rows["fork_parent"]
    heap.check_exact(t, profile, rows)
    target.end()


def test_children_that_end_at_once(t):
    """Most are gone before they are probed: that is told, and what is told to be missing is."""
    target = heap.Target(t, "alloc_edges", "brief")
    process = heap.attach(t, target.pid, "--rate", 1, "--children")
    target.work()
    process.signal(signal.SIGINT)
    result = t.finish(process)
    t.check_says(result, r"\d+ processes ended before they were probed")
    missing = int(re.search(r"(\d+) processes ended", result.err).group(1))
    seen = heap.read_profile(t, t.path("heap.pb.gz")).by_function["brief_child"].allocs
    t.check(0 < missing <= 40 and seen <= 40 * (40 - missing), "%d missing, %d calls seen", missing, seen)
    target.end()


def test_exec(t):
    """What the program before had is gone; the one after it is followed."""
    check_edge(t, "exec")


def test_exec_kills_threads_in_calls(t):
    profile = check_edge(t, "killed")
    row = profile.by_function["killed_thread"]
    t.check(row.allocs > 100, "no calls of the threads: %s", row)
    t.check(row.live == 0, "calls of the program before are in use: %s", row)


def test_threads_that_ended(t):
    check_edge(t, "threads")


def test_signal_handler_that_allocates(t):
    check_edge(t, "signals")


def test_stack_deeper_than_the_limit(t):
    check_edge(t, "deep")


def test_allocator_that_jumps_and_is_interrupted(t):
    target = heap.Target(t, "alloc_custom")
    profile, result = heap.capture(t, target, "--rate", 1)
    handler = "handler_allocates"
    heap.check_exact(t, profile, {handler: target.rows.pop(handler)})
    heap.check_exact(t, profile, target.rows, leave_out=[handler])
    t.check_says(result, r"\b40 return not seen")  # of the calls that jumped
    target.end()


def test_allocator_that_jumps_has_one_chance(t):
    """What another allocation function jumps to is not sampled beside it: that would double the estimate."""
    for kind in ("session", "multi"):
        target = heap.Target(t, "alloc_edges", "jumps", preload=heap.library("mimalloc"))
        profile, _ = heap.capture(t, target, "--rate", 20000, "--probes", kind)
        name = "jumps_allocate"
        truth, estimate = target.rows[name].allocs, profile.by_function[name].allocs
        variance = heap.relative_variance(truth, 500, 20000)
        wrong = heap.judge([(name, estimate, truth, variance)])
        t.check(not wrong, "%s: %s", kind, wrong)
        target.end()


def load_allocator(t, target, process):
    """The target's dlopen, until the new library has its probes as well."""
    before = heap.breakpoints(target.pid)
    target.go()
    target.read("loaded")
    t.wait_for("the new library to be probed", lambda: heap.breakpoints(target.pid) > before)
    heap.wait_probed(t, target.pid, process)


def test_allocator_loaded_later(t):
    """Two allocators at once."""
    for allocator in ("tcmalloc", "mimalloc"):
        target = heap.Target(t, "alloc_edges", "dlopen", heap.library(allocator))
        process = heap.attach(t, target.pid, "--rate", 1)
        load_allocator(t, target, process)
        target.work()
        heap.detach(t, process)
        profile = heap.read_profile(t, t.path("heap.pb.gz"))
        heap.check_exact(t, profile, target.rows)
        target.end()


def test_eight_threads_free_each_others_memory(t):
    for allocator in heap.PRELOADS:
        target = heap.Target(t, "alloc_cross", 5000, preload=heap.library(allocator))
        profile, _ = heap.capture(t, target, "--rate", 1)
        heap.check_exact(t, profile, target.rows)
        target.end()


# ---- From exec to exit


def command(t, *args):
    """Profile a command from its first allocation to its end: (profile, rows)."""
    argv = ["--rate", 1, "-o", t.path("heap.pb.gz"), "--", os.path.join(TARGETS, args[0]), *args[1:]]
    result = t.run("heap", *argv)
    rows = {}
    for line in result.out.decode().splitlines():
        words = line.split()
        if words[0] == "row":
            rows[words[1]] = heap.Row(*map(int, words[2:]))
    return heap.read_profile(t, t.path("heap.pb.gz")), rows


def test_command_from_exec_to_exit(t):
    profile, rows = command(t, "alloc_calls")
    # Its first allocations are seen here, and what is freed of them.
    early = profile.by_function["before_attaching"]
    t.check(early == heap.Row(40, 36000, 0, 0), "the first allocations: %s", early)
    heap.check_exact(t, profile, rows)


def test_command_with_children(t):
    """What ended processes held is what they leaked."""
    argv = ["--rate", 1, "-o", t.path("heap.pb.gz"), "--", os.path.join(TARGETS, "alloc_edges"), "fork"]
    process = t.spawn("heap", *argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    target = heap.Account(t, process)
    target.read("ready")
    work_of_forks(t, target, process)
    target.go()
    result = t.finish(process)
    t.check(result.status == 0, "exit status %s", result.status)
    heap.check_exact(t, heap.read_profile(t, t.path("heap.pb.gz")), target.rows)


def test_programs_that_a_command_starts(t):
    """Each is probed some time after it began, or not at all: none is left out in silence."""
    times = 30
    script = "i=0; while [ $i -lt %d ]; do %s </dev/null; i=$((i + 1)); done" % (times, os.path.join(TARGETS, "alloc_calls"))
    result = t.run("heap", "--rate", 1, "-o", t.path("heap.pb.gz"), "--", "sh", "-c", script)
    told = re.findall(r"(\d+) (?:processes ended before|programs were probed up to)", result.err)
    # The first of them are walked in copies of the stack, where return probes have left their mark.
    t.check_says(result, r" 100% complete stacks")
    seen = heap.read_profile(t, t.path("heap.pb.gz")).by_function["before_attaching"].allocs
    t.check(seen <= 40 * times, "%d allocations seen", seen)
    t.check(seen >= 40 * (times - sum(map(int, told))), "%d of %d seen, %s told to be missing", seen, 40 * times, told)


def test_other_allocator_than_that_of_the_shell(t):
    """What the child had before its exec does not serve it: it is probed late, and that is told."""
    script = "%s; true" % os.path.join(TARGETS, "alloc_calls-musl")
    argv = ["--rate", 1, "-o", t.path("heap.pb.gz"), "--", "sh", "-c", script]
    process = t.spawn("heap", *argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    target = heap.Account(t, process)
    target.read("ready")
    before = heap.wait_links(t, process)
    time.sleep(1)  # it is waiting: all is probed that will be
    t.check(heap.wait_links(t, process) >= before, "links went away")
    target.work()
    target.go()
    result = t.finish(process)
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    early = profile.by_function["before_attaching"].allocs
    t.check(early == 40 or re.search(r"programs were probed up to", result.err), "%d of 40 calls, untold", early)
    heap.check_exact(t, profile, target.rows)


def test_large_program_that_a_command_starts(t):
    """It is probed before its code is compiled, and there is room for the stacks that can be walked only then."""
    for _ in range(10):
        result = t.run("heap", "--rate", 1, "-o", t.path("heap.pb.gz"), "--", "sh", "-c", "clang --version; true")
        if "ended before" not in result.err:
            break
    t.check_says(result, r" 0 lost", r"1 programs were probed up to")
    complete = float(re.search(r"([0-9.]+)% complete", result.err)[1])
    seen = heap.read_profile(t, t.path("heap.pb.gz")).count()
    t.check(complete > 99 and seen > 2500, "%d samples, %.2f%% complete", seen, complete)


def test_preloaded_command(t):
    os.environ["LD_PRELOAD"] = heap.library("jemalloc")
    try:
        profile, rows = command(t, "alloc_new")
    finally:
        del os.environ["LD_PRELOAD"]
    heap.check_exact(t, profile, rows, leave_out=EXCEPTIONS)


# ---- The command line


def test_allocs_shows_allocations_first(t):
    target = heap.Target(t, "alloc_calls")
    process = t.spawn("allocs", "-p", target.pid, "-o", t.path(), "--rate", 1)
    heap.wait_probed(t, target.pid, process)
    target.work()
    heap.detach(t, process)
    profile = heap.read_profile(t, t.path())
    t.check(profile.default_sample_type == "alloc_space", "'%s'", profile.default_sample_type)
    heap.check_exact(t, profile, target.rows)


def test_signal_writes_a_snapshot(t):
    """SIGUSR1 writes what is seen so far, and the profile goes on."""
    target = heap.Target(t, "alloc_edges", "dlopen", heap.library("mimalloc"))
    process = heap.attach(t, target.pid, "--rate", 1)
    load_allocator(t, target, process)
    process.signal(signal.SIGUSR1)
    snapshot = t.path("heap.001.pb.gz")
    t.wait_for("the snapshot", lambda: os.path.exists(snapshot))
    target.work()
    heap.detach(t, process)
    before = heap.read_profile(t, snapshot)
    after = heap.read_profile(t, t.path("heap.pb.gz"))
    t.check(not any(before.by_function["dlopen_allocates"]), "the snapshot is of later")
    t.check(before.by_function["edge_dlopen"].allocs > 0, "the snapshot is empty")
    heap.check_exact(t, after, target.rows)
    t.check(
        after.by_function["edge_dlopen"].allocs >= before.by_function["edge_dlopen"].allocs + 40,
        "the profile after the snapshot does not go on",
    )


def test_labels(t):
    target = heap.Target(t, "alloc_edges", "threads")
    profile, _ = heap.capture(t, target, "--rate", 1, "--labels", "pid,tid,thread,size")
    tids = set()
    for sample in profile.sample:
        labels = profile.labels(sample)
        t.check({"pid", "tid", "thread", "size"} <= set(labels), "labels %s", labels)
        t.check(labels["pid"] == str(target.pid), "labels %s", labels)
        if "thread_allocates" in profile.stack(sample):
            tids.add(labels["tid"])
            t.check(sample.value[1] // sample.value[0] == 100, "sizes are mixed: %s", sample.value)
    t.check(len(tids) == 40, "%d threads", len(tids))


def test_chosen_allocators(t):
    """--allocator leaves the others alone; one that is not there is an error."""
    target = heap.Target(t, "alloc_calls", preload=heap.library("jemalloc"))
    others = heap.breakpoints(target.pid)  # of a profiler that probes the library in all processes
    process = heap.attach(t, target.pid, "--rate", 1, "--allocator", "jemalloc")
    files = {os.path.basename(path) for path, _ in heap.breakpoints(target.pid)}
    t.check(files == {"libjemalloc.so.2"}, "probes in %s", files)
    heap.detach(t, process, status=3)
    heap.check_unprobed(t, target.pid, others)
    result = t.run("heap", "-p", target.pid, "-d", 1, "--allocator", "mimalloc", "-o", t.path(), status=1)
    t.check_says(result, r"mimalloc")
    result = t.run("heap", "-p", target.pid, "--allocator", "nomalloc", status=2)
    t.check_says(result, r"nomalloc")


def test_verbose_lists_every_probe(t):
    """Each with its offset, and whether the kernel emulates it; these are where the breakpoints are."""
    target = heap.Target(t, "alloc_calls", preload=heap.library("jemalloc"))
    others = heap.breakpoints(target.pid)
    process = heap.attach(t, target.pid, "-v")
    there = heap.breakpoints(target.pid) - others
    t.check(len(there) > 20, "%d breakpoints", len(there))
    result = heap.detach(t, process, status=3)
    for path, offset in there:
        pattern = r"0x%x\b.*/%s\b" % (offset, re.escape(os.path.basename(path)))
        t.check(re.search(pattern, result.err), "no line for /%s/", pattern)
    t.check_says(result, r"\bmalloc\b", r"\bfree\b", r"\bposix_memalign\b", r"_Znwm|operator new")


def test_32_bit_programs_are_refused(t):
    source = t.path("small.c")
    with open(source, "w") as file:
        file.write("void _start(void) { for (;;) __asm__ volatile(\"int $0x80\" :: \"a\"(29)); }\n")
    build = ["gcc", "-m32", "-static", "-nostdlib", "-fno-pie", "-no-pie", source, "-o", t.path("small")]
    subprocess.run(build, check=True)
    target = t.start([t.path("small")])
    result = t.run("heap", "-p", target.pid, "-d", 1, "-o", t.path(), status=1)
    t.check_says(result, r"32-bit")
