# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A server with one of four faults: the commands of the README put it into the first rows.

The commands are the README's own, run by a shell as they stand there; only the PID is another one.
"""

import os
import re
import subprocess

import heap
from harness import ROOT, TARGETS, TOOL

README_PID = "4711"
ROWS = 3  # that somebody in a hurry looks at


def readme_commands(t, situation):
    """The lines of the README's heap section under the comment that names a situation."""
    with open(os.path.join(ROOT, "README.md")) as file:
        section = file.read().split("\n## The heap\n")[1].split("\n## ")[0]
    block = section.split("```sh\n")[1].split("```")[0]
    found = [part for part in block.split("\n\n") if situation in part.split("\n")[0]]
    t.check(len(found) == 1, "%d parts of the README's heap section are about '%s'", len(found), situation)
    return found[0]


def shell(t, commands):
    """Run commands in the directory of the test, where nothing but PATH tells them of us."""
    os.mkdir(t.path("bin"))
    os.symlink(TOOL, t.path("bin/cprofbpf"))
    with open(t.path("bin/sudo"), "w") as file:
        file.write('#!/bin/sh\nexec "$@"\n')  # tests are run by root
    os.chmod(t.path("bin/sudo"), 0o755)
    path = "%s:%s" % (t.path("bin"), os.environ["PATH"])
    process = t.start(
        ["sh", "-e", "-c", commands],
        cwd=t.dir,
        env=dict(os.environ, PATH=path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.popen.communicate(timeout=60)
    t.check(process.popen.returncode == 0, "exit status %s:\n%s%s", process.popen.returncode, out, err)
    return out


def tell(t, fault, situation):
    """Do what the README says in a situation, and return what it prints."""
    target = t.target("alloc_server", fault, 60)
    commands = readme_commands(t, situation)
    t.check(README_PID in commands, "no process is named:\n%s", commands)
    out = shell(t, commands.replace(README_PID, str(target.pid)))
    t.check(target.popen.poll() is None, "the target ended")
    return out


def check_named(t, out, culprit):
    """It is in one of the first rows of `top`, with a share of its own, which is returned in percent."""
    rows = re.findall(r"^ *\S+ +(\S+)% +\S+% +\S+ +\S+%  (.+)$", out, re.M)
    shares = [float(share) for share, name in rows[:ROWS] if name == culprit]
    t.check(shares and shares[0] > 0, "%s is not in the first rows:\n%s", culprit, out)
    return shares[0]


def test_cache_that_slowly_grows(t):
    check_named(t, tell(t, "cache", "grows slowly"), "cache_store")


def test_connections_that_keep_their_buffers(t):
    check_named(t, tell(t, "conns", "keep large buffers"), "conn_buffer_grow")


def test_churn_without_growth(t):
    """Nearly all that is allocated, and nothing of what is in use."""
    share = check_named(t, tell(t, "churn", "churn"), "fields_compare")
    t.check(share > 70, "%s%% of what is allocated", share)
    row = heap.read_profile(t, t.path("allocs.pb.gz")).by_function["fields_compare"]
    t.check(row.live_bytes < row.bytes / 100, "%s", row)


def test_leak_in_a_plugin_loaded_later(t):
    """It is loaded by dlopen while the profiler is there."""
    check_named(t, tell(t, "plugin", "a plugin that leaks"), "filter_scratch")
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    files = {m.filename.rpartition("/")[2] for m in profile.mapping}
    t.check("plugin-leak.so" in files, "the plugin is no mapping: %s", files)


def test_leaks_of_a_command(t):
    with open(t.path("mytest"), "w") as file:
        file.write("#!/bin/sh\nexec %s plugin 5\n" % os.path.join(TARGETS, "alloc_server"))
    os.chmod(t.path("mytest"), 0o755)
    out = shell(t, readme_commands(t, "a command has leaked"))
    check_named(t, out, "filter_scratch")


def test_memory_from_before(t):
    """The table that the server loaded before we came is told beside what is in use, and all adds up."""
    target = t.target("alloc_server", "cache", 60)
    t.run("heap", "-p", target.pid, "-d", 3, "--rate", "64KiB", "-o", t.path("heap.pb.gz"))
    with open("/proc/%d/smaps_rollup" % target.pid) as file:
        rss = 1024 * int(re.search(r"^Rss: +(\d+) kB", file.read(), re.M)[1])
    t.check_says(t.results[-1], r"RSS [\d.]+ MB \(up to [\d.]+ MB live since attach, [\d.]+ MB other anonymous, ")
    text = "\n".join(heap.read_profile(t, t.path("heap.pb.gz")).comment)
    total, parts = re.search(r"heap: RSS (\d+) bytes: (.*)", text).groups()
    parts = dict(reversed(part.split(" ", 1)) for part in parts.split(", "))
    live, other = (int(parts[key]) for key in ("live since the profiler attached (estimated)", "other anonymous"))
    t.check(sum(map(int, parts.values())) == int(total), "%s bytes: %s", total, parts)
    t.check(abs(int(total) - rss) < rss / 5, "RSS %s, the kernel says %d a moment later", total, rss)
    t.check(other >= 15 << 20 and live > 1 << 20, "live %d, other %d", live, other)
