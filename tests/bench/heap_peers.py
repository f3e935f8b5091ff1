# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Who else sees a program's allocations, and the programs that they are tried on.

A tool is attached to a running worker, or preloaded into one that is started for it. A worker does the
same work each time that it is told to, and says how long that took.
"""

import contextlib
import glob
import os
import re
import subprocess
import time

import heap
from harness import ROOT, TARGETS, Failed
from load import free_port, wait_port

ATTACH_SECONDS = 30
STEADY_SECONDS = 0.7  # without a new breakpoint: all are there
ALLOCATORS = r"/lib(jemalloc|tcmalloc\w*|mimalloc|c)(-[\d.]+)?\.so"
PYTHON = """
import json, sys
def work():
    tree = {str(i): [str(j) * 3 for j in range(20)] for i in range(300)}
    for _ in range(60):
        assert json.loads(json.dumps(tree)) == tree
for line in sys.stdin:
    work()
    print("done", flush=True)
"""
SQL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
SELECT sum(length(k)) FROM (SELECT hex(i * 7919 % 65521) || printf('%08d', i) AS k FROM n ORDER BY k);
"""


class Unavailable(Exception):
    """A tool does not run on this machine."""


# ---- Workers


def allocator_of(pid):
    """The file that a process's malloc is of: that of an allocator beside libc, if it has one."""
    paths = {path for _, _, _, path in heap.text_mappings(pid) if re.search(ALLOCATORS, path)}
    return sorted(paths, key=lambda path: "/libc." in path or "/libc-" in path)[0]


class Bench:
    """malloc(64) and free, 15 calls deep: measure() is a thread's CPU time in nanoseconds for a pair."""

    def __init__(self, t, env=None, pairs=40000):
        self.process = t.target("alloc_bench", pairs, stdin=subprocess.PIPE, env=env)
        self.pid = self.process.pid

    def measure(self, threads=1):
        os.write(self.process.popen.stdin.fileno(), b"%d" % threads)
        return float(self.process.popen.stdout.readline().split()[0])

    def end(self):
        self.process.end()


class Redis:
    """redis-server, under redis-benchmark setting values of 64 bytes: seconds for all requests."""

    REQUESTS = 100000

    def __init__(self, t, env=None):
        self.port = str(free_port())
        options = ["--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.dir]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = t.start(["redis-server", *options], env=env, **quiet)
        self.pid = self.process.pid
        wait_port(int(self.port))

    def measure(self):
        argv = ["redis-benchmark", "-p", self.port, "-t", "set", "-d", "64", "-r", "1000000"]
        argv += ["-n", str(self.REQUESTS), "-c", "20", "-P", "16", "--csv"]
        out = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300).stdout
        return self.REQUESTS / float(re.search(r'^"SET","([\d.]+)"', out, re.M)[1])

    def end(self):
        self.process.end()


class Sqlite:
    """sqlite3, sorting: seconds for a query, told through a named pipe since its output is buffered."""

    def __init__(self, t, env=None):
        self.fifo = t.path("sqlite.fifo")
        if not os.path.exists(self.fifo):
            os.mkfifo(self.fifo)
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "env": env}
        self.process = t.start(["sqlite3", ":memory:"], **options)
        self.pid = self.process.pid

    def measure(self):
        start = time.monotonic()
        text = "%s.output %s\n.print done\n.output\n" % (SQL, self.fifo)
        os.write(self.process.popen.stdin.fileno(), text.encode())
        with open(self.fifo) as file:
            if file.read() != "done\n":
                raise Failed("sqlite3 did not do its work")
        return time.monotonic() - start

    def end(self):
        self.process.end()


class Python:
    """python3, making and reading JSON: seconds for a round."""

    def __init__(self, t, env=None):
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": env}
        self.process = t.start(["/usr/bin/python3", "-c", PYTHON], **options)
        self.pid = self.process.pid

    def measure(self):
        start = time.monotonic()
        os.write(self.process.popen.stdin.fileno(), b"\n")
        if self.process.popen.stdout.readline() != "done\n":
            raise Failed("python3 did not do its work")
        return time.monotonic() - start

    def end(self):
        self.process.end()


# ---- Tools that attach


def reason(log):
    """Why a tool attached nothing, as far as it says."""
    with open(log) as file:
        said = file.read().strip().splitlines()
    return said[0] if said else "no probe in %d s" % ATTACH_SECONDS


def start_attaching(t, name, pid, argv):
    """Start a tool and wait until the process has its breakpoints, and gets no more."""
    log = t.path(name + ".log")
    with open(log, "w") as file:
        process = t.start(argv, stdin=subprocess.PIPE, stdout=file, stderr=file)
    deadline = time.monotonic() + ATTACH_SECONDS
    have, since = set(), time.monotonic()
    while not have or time.monotonic() - since < STEADY_SECONDS:
        if process.popen.poll() is not None or time.monotonic() > deadline:
            process.end()
            raise Unavailable("does not run here: %s" % reason(log))
        time.sleep(0.05)
        now = heap.breakpoints(pid)
        if now != have:
            have, since = now, time.monotonic()
    return process


class Tool:
    """name; attach(t, pid, library) starts it on a process; env(t) is what a worker is started with."""

    def __init__(self, name, argv=None, env=None):
        self.name, self.argv, self.env = name, argv, env

    @contextlib.contextmanager
    def on(self, t, make):
        """A worker of this tool, and a function that attaches to it, or does nothing."""
        with contextlib.ExitStack() as stack:
            worker = make(t, self.env(t)) if self.env else make(t)
            stack.callback(worker.end)

            def attach():
                if self.argv:
                    library = allocator_of(worker.pid)
                    process = start_attaching(t, self.name.split()[0], worker.pid, self.argv(t, worker.pid, library))
                    stack.callback(heap.check_unprobed, t, worker.pid, seconds=ATTACH_SECONDS)
                    stack.callback(self.end, process)

            yield worker, attach

    @staticmethod
    def end(process):
        """As a user would: the profile is written, or the report."""
        process.popen.send_signal(2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ATTACH_SECONDS)
        process.end()


def ours(kind=None):
    def argv(t, pid, library):
        options = ["--probes", kind] if kind else []
        return [os.path.join(ROOT, "build/cprofbpf"), "heap", "-q", "-p", str(pid), "-o", t.path("heap.pb.gz"), *options]

    return Tool("cprofbpf" + (", %s" % kind if kind else ""), argv)


def kind_works(t, kind):
    """Whether the kernel has this kind of link."""
    process = t.spawn("heap", "--probes", kind, "-d", "0.1", "-o", t.path(), "--", "true")
    return "this kernel has no" not in t.finish(process).err


def floor(kind):
    """Empty programs at the best places of malloc and free: see tools/probe_floor.c."""

    def argv(t, pid, library):
        return [os.path.join(ROOT, "build/tools/probe_floor"), kind, str(pid), library]

    return Tool("floor, %s" % kind, argv)


def memleak_argv(t, pid, library):
    """bcc's, built on libbpf: see tools/memleak-fetch."""
    fetch = [os.path.join(ROOT, "tools/memleak-fetch"), os.path.join(ROOT, "build/memleak")]
    fetched = subprocess.run(fetch, capture_output=True, text=True)
    if fetched.returncode != 0:
        raise Unavailable("cannot be had: %s" % fetched.stderr.strip())
    # It has room for 31 characters of the path.
    link = t.path("l")
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(library, link)
    return [fetched.stdout.strip(), "-p", str(pid), "-O", link, "100000"]


MEMLEAK = Tool("memleak", memleak_argv)


def bpftrace_argv(t, pid, library):
    program = "uprobe:%s:malloc { @bytes = sum(arg0); } uprobe:%s:free { @frees = count(); }" % (library, library)
    return ["bpftrace", "-p", str(pid), "-e", program]


BPFTRACE = Tool("bpftrace", bpftrace_argv)


def heaptrack_env(t):
    """The library alone, writing to a file: what the program itself pays."""
    found = glob.glob("/usr/lib/heaptrack/libheaptrack_preload.so") + glob.glob("/usr/lib/*/heaptrack/libheaptrack_preload.so")
    if not found:
        raise Unavailable("no libheaptrack_preload.so here")
    return dict(os.environ, LD_PRELOAD=found[0], DUMP_HEAPTRACK_OUTPUT=t.path("heaptrack.raw"))


HEAPTRACK = Tool("heaptrack", env=heaptrack_env)
