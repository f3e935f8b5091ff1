# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the end-to-end tests stand on: targets, runs of cprofbpf, profiles checked by two readers.

A test is a function test_NAME(t) of a module test_TOPIC.py; t is a Test. It fails by t.check() or any
exception, and what it started is ended by process id whatever happens.
"""

import functools
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pprof

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.abspath(os.environ.get("CPROFBPF") or os.path.join(ROOT, "build", "cprofbpf"))
TARGETS = os.path.join(ROOT, "build", "targets")

# Where a user stack ends when it is whole. glibc's clone3 has no name in a stripped libc: see
# is_root().
ROOTS = {"_dl_start_user", "_start", "clone", "__clone", "clone3", "__clone3", "__start_context"}
ROOTS |= {"runtime.goexit", "runtime.mstart", "runtime.rt0_go"}

USER_FRAMES_MAX = 1024  # deeper stacks are truncated
ENTRY_BYTES = 64  # code at the ELF entry point; that of a stripped loader has neither name nor CFI


class Failed(Exception):
    """A check that did not hold."""


class Skipped(Exception):
    """What a test needs is not on this machine."""


class Result:
    """A finished run of cprofbpf."""

    def __init__(self, args, status, out, err):
        self.args, self.status, self.out, self.err = args, status, out, err

    def evidence(self):
        return "$ cprofbpf %s\nexit status %s\n%s%s" % (
            " ".join(self.args),
            self.status,
            "".join("out| %s\n" % line for line in printable(self.out)),
            "".join("err| %s\n" % line for line in printable(self.err)),
        )


def printable(text):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    lines = text.splitlines()
    return lines[:30] + (["... %d more lines" % (len(lines) - 30)] if len(lines) > 30 else [])


class Process:
    """A child in a process group of its own, ended with the test."""

    def __init__(self, argv, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        # What a shell in the background started ignores SIGINT; a user's does not.
        self.popen = subprocess.Popen(
            argv, start_new_session=True, preexec_fn=functools.partial(reset_signals), **options
        )
        self.argv, self.pid, self.files = argv, self.popen.pid, {}

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=60):
        return self.popen.wait(timeout)

    def read(self, stream):
        """What it wrote to a file that spawn() gave it as standard output or error."""
        file = self.files[stream]
        file.seek(0)
        return file.read()

    def end(self):
        """Kill the whole group, children that outlived their parent too."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
        for stream in (self.popen.stdout, self.popen.stderr, *self.files.values()):
            if stream:
                stream.close()


def reset_signals():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def exit_on_termination():
    """SIGTERM (of timeout, say) ends us in order: what was started is ended, what was set is reset."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


class Test:
    def __init__(self, name):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="cprofbpf-e2e-")
        os.chmod(self.dir, 0o755)
        self.processes, self.cleanups, self.results = [], [], []

    def close(self):
        for process in reversed(self.processes):
            process.end()
        for cleanup in reversed(self.cleanups):
            cleanup()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name="cpu.pb.gz"):
        return os.path.join(self.dir, name)

    # ---- Checks

    @staticmethod
    def check(ok, text, *args):
        if not ok:
            raise Failed(text % args if args else text)

    @staticmethod
    def skip(why):
        raise Skipped(why)

    def check_says(self, result, *patterns):
        """Each pattern occurs on standard error; nothing there looks like a crash."""
        for pattern in patterns:
            self.check(re.search(pattern, result.err), "standard error does not say /%s/", pattern)
        self.check("Sanitizer" not in result.err, "a sanitizer spoke")

    # ---- Processes

    def start(self, argv, **options):
        process = Process(argv, **options)
        self.processes.append(process)
        return process

    def target(self, name, *args, **options):
        """Start build/targets/NAME and wait until it says that it works."""
        argv = [name if "/" in name else os.path.join(TARGETS, name)] + [str(a) for a in args]
        process = self.start(argv, stdout=subprocess.PIPE, text=True, **options)
        self.check(process.popen.stdout.readline() == "ready\n", "'%s' did not get ready", name)
        return process

    def spawn(self, *args, **options):
        """Start cprofbpf and leave it running; finish() waits for it."""
        return self.spawn_argv([TOOL, *map(str, args)], **options)

    def spawn_argv(self, argv, **options):
        """Standard output and error are files: a command that outlives cprofbpf holds no pipe."""
        options = {"cwd": self.dir, **options}
        files = {}
        for stream in ("stdout", "stderr"):
            if stream not in options:
                options[stream] = files[stream] = tempfile.TemporaryFile()
        process = self.start(argv, **options)
        process.files = files
        return process

    def finish(self, process, timeout=60):
        try:
            process.wait(timeout)
            late = b""
        except subprocess.TimeoutExpired:
            process.signal(signal.SIGKILL)
            process.wait()
            late = b"[killed by the test: still running after %d s]" % timeout
        out, err = (process.read(s) if s in process.files else b"" for s in ("stdout", "stderr"))
        result = Result(
            process.argv[1:], process.popen.returncode, out, (err + late).decode("utf-8", "replace")
        )
        self.results.append(result)
        return result

    def run(self, *args, status=0, timeout=60, **options):
        result = self.finish(self.spawn(*args, **options), timeout)
        self.check(result.status == status, "exit status %s, not %s", result.status, status)
        return result

    def wait_for(self, what, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            self.check(time.monotonic() < deadline, "waited %d s for %s", seconds, what)
            time.sleep(0.02)

    def wait_sampling(self, process):
        """Until the profiler has attached its timers, and waits for what they tell."""
        self.wait_for("cprofbpf to attach", lambda: has_perf_event(process.pid) and waits(process))

    def record_each(self, names, *options, least, complete):
        """Targets profiled together, told apart by their pid label: {name: target}, the profile and the result.

        Each has at least `least` samples, and that share in percent of them complete.
        """
        targets = {name: self.target(name, 60) for name in names}
        pids = ",".join(str(target.pid) for target in targets.values())
        profile, result = self.record("-p", pids, "--user-only", *options)
        for name, target in targets.items():
            labels = {"pid": target.pid}
            self.check(profile.count(labels) >= least, "%s: %d samples", name, profile.count(labels))
            self.check_complete(profile, complete, labels)
        return targets, profile, result

    # ---- Profiles

    def profile(self, path=None, contract=None):
        """Read a profile with our decoder and with go tool pprof, and compare what they read.

        `contract` is check_cpu() unless another kind of profile is expected.
        """
        path = path or self.path()
        profile = pprof.read(path)
        go = subprocess.run(
            [go_pprof(), "-raw", "-symbolize=none", path], capture_output=True, text=True, timeout=120
        )
        self.check(go.returncode == 0, "go tool pprof: %s", go.stderr.strip())
        samples = go.stdout.split("Samples:\n", 1)[1].split("Locations\n", 1)[0].splitlines()[1:]
        rows = [line for line in samples if re.match(r"^\s+-?\d+\s", line)]
        total = sum(int(row.split()[0]) for row in rows)
        self.check(total == profile.count(), "go reads %d samples, we %d", total, profile.count())
        (contract or check_cpu)(profile)
        check_mappings(profile)
        return profile

    def record(self, *args, **options):
        """Run cprofbpf with -o and return (profile, result)."""
        result = self.run("-o", self.path(), *args, **options)
        return self.profile(), result

    def check_complete(self, profile, least, labels=None, truncated=False):
        """The share of stacks with user frames that end in a root, judged by name and address.

        With `truncated`, stacks that were cut at the limit are left out of the reckoning.
        """
        whole = broken = 0
        worst = {}
        for sample in profile.sample:
            if not profile.has_labels(sample, labels):
                continue
            user = [i for i in sample.location_id if not profile.is_kernel(i)]
            if user and is_root(profile, user[-1]):
                whole += sample.value[0]
            elif truncated and len(user) >= USER_FRAMES_MAX:
                continue
            elif user or not is_kernel_alone(profile, sample):
                broken += sample.value[0]
                end = " < ".join(profile.stack(sample)[-3:])
                worst[end] = worst.get(end, 0) + sample.value[0]
        self.check(whole + broken > 0, "no user samples")
        share = 100.0 * whole / (whole + broken)
        rows = sorted(worst.items(), key=lambda row: -row[1])[:5]
        self.check(
            share >= least,
            "%.2f%% of %d stacks are complete, not %.1f%%; ends: %s",
            share,
            whole + broken,
            least,
            rows,
        )
        return share

    def check_shares(self, profile, account, slack=0.0):
        """Each function's share of the samples against the program's own account of its CPU.

        A function of true share p gets n p of n independent samples, give or take
        4 sqrt(n p (1 - p)), with one sample for rounding; `slack` is a systematic share on top.
        """
        counts = {name: profile.cumulative(name) for name in account}
        total_ns, total = sum(account.values()), sum(counts.values())
        self.check(total > 0, "no sample in any of %s", list(account))
        for name, ns in account.items():
            share = ns / total_ns
            give = 4 * math.sqrt(total * share * (1 - share)) + 1 + slack * total
            self.check(
                abs(counts[name] - total * share) <= give,
                "%s: %d of %d samples, its account says %.1f +- %.1f",
                name,
                counts[name],
                total,
                total * share,
                give,
            )


def check_cpu(profile):
    """What every CPU profile of cprofbpf promises beyond being readable."""
    types = [(t.type, t.unit) for t in profile.sample_type]
    Test.check(types == [("samples", "count"), ("cpu", "nanoseconds")], "sample types %s", types)
    period_type = (profile.period_type.type, profile.period_type.unit)
    Test.check(period_type == ("cpu", "nanoseconds"), "period type %s", period_type)
    Test.check(profile.period > 0 and profile.time_nanos > 0, "no period or time")
    Test.check(profile.duration_nanos > 0, "no duration")


def check_mappings(profile):
    """A mapping says that it has names, files and lines only if it has some."""
    named = {m.id: [0, 0, 0] for m in profile.mapping}
    for location in profile.location:
        if not location.mapping_id:
            continue
        flags = named[location.mapping_id]
        for line in location.line:
            function = profile.functions[line.function_id]
            flags[0] += 1
            flags[1] += bool(function.filename)
            flags[2] += bool(line.line)
    for mapping in profile.mapping:
        for flag, count in zip(("has_functions", "has_filenames", "has_line_numbers"), named[mapping.id]):
            Test.check(not getattr(mapping, flag) or count, "%s says %s", mapping.filename, flag)
        Test.check(not mapping.filename.endswith(" (deleted)"), "'%s'", mapping.filename)


def is_kernel_alone(profile, sample):
    """Whether there is no user stack: in a kernel thread, in execve between two programs, and in exit after
    the memory was given back."""
    names = profile.stack(sample)
    alone = ("do_exit", "begin_new_exec", "load_elf_binary", "bprm_execve")
    return names[-1] in ("ret_from_fork", "ret_from_fork_asm") or any(name in alone for name in names)


def is_root(profile, location_id):
    location = profile.locations[location_id]
    if any(profile.functions[line.function_id].name in ROOTS for line in location.line):
        return True
    mapping = profile.mapping_of(location_id)
    if mapping is None or not os.path.isfile(mapping.filename):
        return False
    vaddr = file_address(mapping.filename, location.address - mapping.memory_start + mapping.file_offset)
    entry = entry_address(mapping.filename)
    if entry <= vaddr < entry + ENTRY_BYTES:
        return True
    return any(start <= vaddr < end for start, end in undefined_ra_ranges(mapping.filename))


@functools.lru_cache(maxsize=None)
def segments(path):
    """(offset, vaddr, filesz) of the PT_LOAD segments, by readelf."""
    out = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
    rows = re.findall(r"^\s+LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+)", out, re.M)
    return [tuple(int(x, 16) for x in row) for row in rows]


def file_address(path, offset):
    for start, vaddr, size in segments(path):
        if start <= offset < start + size:
            return offset - start + vaddr
    return -1


@functools.lru_cache(maxsize=None)
def entry_address(path):
    with open(path, "rb") as file:
        header = file.read(64)
    return int.from_bytes(header[24:32], "little") if header[:5] == b"\x7fELF\x02" else -ENTRY_BYTES


@functools.lru_cache(maxsize=None)
def undefined_ra_ranges(path):
    """PC ranges of the FDEs that declare the return address undefined, by readelf."""
    out = subprocess.run(["readelf", "-wf", path], capture_output=True, text=True).stdout
    ranges, cies = [], set()
    for entry in out.split("\n\n"):
        undefined = "DW_CFA_undefined: r16" in entry
        cie = re.search(r"^(\w+) \w+ \w+ CIE", entry, re.M)
        fde = re.search(r" FDE cie=(\w+) pc=(\w+)\.\.(\w+)", entry)
        if cie and undefined:
            cies.add(cie[1])
        elif fde and (undefined or fde[1] in cies):
            ranges.append((int(fde[2], 16), int(fde[3], 16)))
    return ranges


@functools.lru_cache(maxsize=None)
def go_pprof():
    """The real pprof, which newer Go versions build when first asked for, into a cache that others trim."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    for _ in range(3):
        result = subprocess.run([go, "tool", "-n", "pprof"], capture_output=True, text=True)
        if result.returncode == 0:
            return result.stdout.strip()
        time.sleep(2)
    raise Failed("go tool -n pprof: " + result.stderr)


def account(text):
    """The "NAME NS" lines that a target prints at its end."""
    rows = (line.split() for line in text.splitlines() if line != "ready")
    return {row[0]: int(row[1]) for row in rows}


POLL = "7"  # poll(2) on x86_64


def waits(profiler):
    """Whether a profiler waits for something to happen: it has attached what it knew of."""
    try:
        with open("/proc/%d/syscall" % profiler.pid) as file:
            return file.read().split()[0] == POLL
    except OSError:
        return False  # gone


def has_perf_event(pid):
    try:
        for fd in os.listdir("/proc/%d/fd" % pid):
            if "perf_event" in os.readlink("/proc/%d/fd/%s" % (pid, fd)):
                return True
    except OSError:
        pass
    return False


def bpf_ids(pid):
    """("prog"|"map"|"link", id) of the BPF objects that a process holds, from its fdinfo."""
    found = set()
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        try:
            with open("/proc/%d/fdinfo/%s" % (pid, fd)) as file:
                info = file.read()
        except OSError:
            continue
        found.update((kind, int(i)) for kind, i in re.findall(r"^(prog|map|link)_id:\s*(\d+)", info, re.M))
    return found
