# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Nothing harms the target, and nothing is left behind."""

import contextlib
import ctypes
import os
import random
import re
import shutil
import signal
import sys
import time

import heap
from harness import TARGETS

ATTACHES = 100


def cross(t, **options):
    """Eight threads that allocate and free until told to stop, and account for it."""
    target = heap.Target(t, "alloc_cross", 0, **options)
    target.go()
    return target


def end_cross(t, target):
    target.work()
    t.check(target.rows["cross_allocate"].allocs > 1000, "it did not work: %s", target.rows)
    target.end()


def test_hundred_attaches_under_load(t):
    """To a program in the middle of its calls, four at a time: ended by the clock, by Ctrl-C, killed at
    any moment. The load is polite, so that it is the attaching that takes the time."""
    random.seed(5)
    target = cross(t)
    os.setpriority(os.PRIO_PGRP, target.pid, 19)
    options = ["-q", "-p", target.pid, "-d", 0.01, "--rate", 4096]
    for i in range(ATTACHES // 4):
        four = [t.spawn("heap", *options, "-o", t.path("%d.pb.gz" % n)) for n in range(4)]
        if i % 3 == 2:
            time.sleep(random.uniform(0, 0.5))
            four.pop().signal(random.choice((signal.SIGKILL, signal.SIGINT)))
        for process in four:
            t.check(process.wait() in (0, 3), "exit status %s of attach %d", process.popen.returncode, i)
        t.check(target.process.popen.poll() is None, "the target died at attach %d", i)
    heap.check_unprobed(t, target.pid)
    end_cross(t, target)


def test_killed_profiler_leaves_no_probe(t):
    for allocator in heap.PRELOADS:
        target = cross(t, preload=heap.library(allocator))
        others = heap.breakpoints(target.pid)
        process = heap.attach(t, target.pid, "--rate", 1)
        process.signal(signal.SIGKILL)
        process.wait()
        heap.check_unprobed(t, target.pid, others)
        end_cross(t, target)


def test_other_users_of_the_library_pay_nothing(t):
    """Neither those that run already nor those that start meanwhile."""
    target, before = cross(t), cross(t)
    process = heap.attach(t, target.pid)
    during = cross(t)
    for other in (before, during, process):
        t.check(not heap.breakpoints(other.pid), "process %d has breakpoints", other.pid)
    for other in (before, during):
        end_cross(t, other)
    heap.detach(t, process)
    heap.check_unprobed(t, target.pid)
    end_cross(t, target)


def test_heap_and_cpu_at_the_same_time(t):
    """At rate 1 each call has a return probe, as all have beside another profiler's session: for a moment the
    kernel has put its trampoline on the stack, and not yet on the list that tells what was there before."""
    library = t.path("libjemalloc.so.2")  # of our own: others may probe the usual ones now
    shutil.copy(heap.library("jemalloc"), library)
    target = cross(t, preload=library)
    for rate, least in (("64KiB", 99), (1, 97)):
        cpu = t.spawn("-p", target.pid, "-F", 999, "-o", t.path("cpu.pb.gz"))
        t.wait_sampling(cpu)
        allocations = heap.attach(t, target.pid, "--rate", rate)
        time.sleep(3)
        for process in (cpu, allocations):
            heap.detach(t, process)
        profile = heap.read_profile(t, t.path("heap.pb.gz"))
        t.check(profile.by_function["cross_allocate"].allocs > 1000, "no allocations")
        on_cpu = t.profile(t.path("cpu.pb.gz"))
        t.check(on_cpu.cumulative("work") > 100, "no CPU samples")
        t.check_complete(on_cpu, least)
        heap.check_unprobed(t, target.pid)
    end_cross(t, target)


def test_two_heap_profiles_at_the_same_time(t):
    """Both see every call."""
    target = heap.Target(t, "alloc_calls")
    other = t.spawn("heap", "-p", target.pid, "-o", t.path("other.pb.gz"), "--rate", 1)
    heap.wait_probed(t, target.pid, other)
    process = t.spawn("heap", "-p", target.pid, "-o", t.path("heap.pb.gz"), "--rate", 1)
    heap.wait_links(t, process, heap.links(other.pid) - 1)
    target.work()
    for profiler in (process, other):
        heap.detach(t, profiler)
    for name in ("heap.pb.gz", "other.pb.gz"):
        heap.check_exact(t, heap.read_profile(t, t.path(name)), target.rows)
    target.end()


def test_exceptions_pass_beside_other_profilers(t):
    """A session on one process must not put return probes on what throws in another."""
    for allocator in ("jemalloc", "tcmalloc"):
        targets = [heap.Target(t, "alloc_new", preload=heap.library(allocator)) for _ in range(2)]
        processes = [heap.attach(t, target.pid, "--rate", 1, path=t.path(str(target.pid))) for target in targets]
        for target in targets:
            target.work()
        for target, process in zip(targets, processes):
            heap.detach(t, process)
            target.end()


def test_children_lose_their_probes(t):
    """A forked child has the parent's breakpoints until we detach, whether it is followed or not."""
    for options in ([], ["--children"]):
        target = heap.Target(t, "alloc_edges", "fork")
        process = heap.attach(t, target.pid, *options)
        target.go()
        target.read("forked")
        child = int(target.lines[-1].split()[1])
        t.check(heap.breakpoints(child), "a child without breakpoints")
        heap.detach(t, process, status=3)
        for pid in (target.pid, child):
            heap.check_unprobed(t, pid)
        target.go()
        target.read("forked")
        target.work()
        target.end()


def test_target_that_ends_while_it_is_probed(t):
    target = cross(t)
    process = heap.attach(t, target.pid, "--rate", 4096)
    end_cross(t, target)
    result = t.finish(process)
    t.check(result.status == 0, "exit status %s", result.status)
    t.check(heap.read_profile(t, t.path("heap.pb.gz")).count() > 0, "an empty profile")


def test_target_that_is_killed_while_it_is_probed(t):
    target = cross(t)
    process = heap.attach(t, target.pid, "--rate", 4096)
    time.sleep(1)
    target.process.signal(signal.SIGKILL)
    result = t.finish(process)
    t.check(result.status == 0, "exit status %s", result.status)
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    t.check(profile.by_function["cross_allocate"].allocs > 1000, "no allocations")


def test_handler_that_allocates_on_a_stack_of_its_own(t):
    """A return probe there makes the kernel forget that of the call which the signal has interrupted, and kill
    the program: the handler's calls are counted without their return, so they are never in use."""
    target = heap.Target(t, "alloc_custom", "alt")
    profile, result = heap.capture(t, target, "--rate", 1, "-v")
    heap.check_exact(t, profile, {"custom_interrupted": target.rows["custom_interrupted"]}, ["handler_allocates"])
    row = target.rows["handler_allocates"]
    t.check(row.live > 0, "the handler kept nothing: %s", row)
    heap.check_exact(t, profile, {"handler_allocates": row._replace(live=0, live_bytes=0)})
    t.check_says(result, r"in use: %d sampled allocations are left out" % row.allocs)
    target.end()


# ---- Places that others hold

PERF_EVENT_OPEN = 298  # on x86_64
COUNTER_SHIFT = 32  # PERF_UPROBE_REF_CTR_OFFSET_SHIFT


@contextlib.contextmanager
def counted_probe(t, path, offset):
    """What a tracer of USDT has: a uprobe whose hits some process counts in a semaphore of its own."""
    with open("/sys/bus/event_source/devices/uprobe/type") as file:
        kind = int(file.read())
    name = ctypes.create_string_buffer(path.encode())
    attributes = (ctypes.c_uint64 * 9)()  # struct perf_event_attr up to config2
    attributes[0] = kind | ctypes.sizeof(attributes) << 32
    attributes[1] = 6 << COUNTER_SHIFT
    attributes[7:9] = [ctypes.addressof(name), offset]
    sleeper = t.start(["sleep", "60"])
    fd = ctypes.CDLL(None, use_errno=True).syscall(PERF_EVENT_OPEN, attributes, sleeper.pid, -1, -1, 0)
    t.check(fd >= 0, "perf_event_open: %s", os.strerror(ctypes.get_errno()))
    try:
        yield
    finally:
        os.close(fd)
        sleeper.end()


def test_place_where_another_tool_counts(t):
    """The kernel has one probe for a place, with one counter or none: it is told which place, and what to do."""
    program = t.path("program")  # of our own: others may probe the libraries now
    shutil.copy(os.path.join(TARGETS, "alloc_custom"), program)
    target = heap.Target(t, program)
    heap.detach(t, heap.attach(t, target.pid, "-v"), status=3)
    places = re.findall(r"probe: (?:malloc|free)\S* \(0x(\w+)\) in %s:" % program, t.results[-1].err)
    t.check(len(places) == 2, "not two places: %s", places)
    for kind in ("session", "multi", "perf"):
        for offset in places:
            with counted_probe(t, program, int(offset, 16)):
                options = ["-d", 1, "-o", t.path(), "--allocator", "custom", "--probes", kind]
                result = t.run("heap", "-p", target.pid, *options, status=1)
            t.check_says(result, r"offset 0x%s of '%s'.* end that tool first" % (offset, program))
    target.work()
    target.end()


# ---- The bound on the overhead

RESIZES = """
import ctypes
realloc = ctypes.CDLL(None).realloc
realloc.restype, realloc.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]
block = realloc(None, 64)
print("ready", flush=True)
while True:
    block = realloc(block, 64)
"""


def overhead(t, result):
    share = re.search(r"heap probes cost this process ([0-9.]+)% of its CPU", result.err)
    t.check(share, "the overhead is not told")
    return float(share[1])


def test_overhead_stays_below_a_bound(t):
    """By leaving out some seconds of a program that does nothing but resize a block."""
    target = t.target(sys.executable, "-c", RESIZES)
    options = ["heap", "-p", target.pid, "-o", t.path("heap.pb.gz")]
    free = overhead(t, t.run(*options, "-d", 2))
    t.check(free > 5, "the probes cost %.2f%%", free)
    bound = free / 6  # one second in eight, so that chance does not leave most of them on
    result = t.run(*options, "-d", 9, "--max-overhead", "%.1f" % bound)
    kept = overhead(t, result)
    seconds = re.search(r"allocations probed in (\d+) of (\d+) s", result.err)
    t.check(seconds and int(seconds[1]) < int(seconds[2]), "no second is left out")
    t.check(kept < 0.8 * free, "%.2f%% with a bound of %.1f%%, %.2f%% without", kept, bound, free)
    heap.check_unprobed(t, target.pid)


def test_probing_ends_where_frees_alone_cost_too_much(t):
    target = cross(t)
    process = heap.attach(t, target.pid, "--max-overhead", 0.1)
    heap.check_unprobed(t, target.pid)
    t.check(process.popen.poll() is None, "cprofbpf has ended, too")
    result = heap.detach(t, process)
    t.check_says(result, r"probing ended after \d+ s since frees alone cost too much")
    end_cross(t, target)
