# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Where the profile goes: files, pipes, full disks, owners, links."""

import os
import stat
import subprocess
import threading

import pprof
from harness import TOOL


def test_standard_output(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.run("-p", target.pid, "-d", 0.5, "-o", "-")
    with open(t.path(), "wb") as file:
        file.write(result.out)
    t.profile()


def test_standard_output_that_is_a_file(t):
    """/dev/stdout is written in place, and the file behind it keeps its identity."""
    target = t.target("chain-gcc-O2", 60)
    with open(t.path(), "wb") as file:
        before = os.fstat(file.fileno()).st_ino
        t.finish(t.spawn("-p", target.pid, "-d", 0.5, "-o", "/dev/stdout", stdout=file))
    t.check(os.stat(t.path()).st_ino == before, "the file was replaced")
    t.profile()


def test_fifo(t):
    target = t.target("chain-gcc-O2", 60)
    os.mkfifo(t.path("fifo"))
    received = []

    def reader():
        with open(t.path("fifo"), "rb") as file:
            received.append(file.read())

    thread = threading.Thread(target=reader, daemon=True)
    thread.start()
    t.run("-p", target.pid, "-d", 0.5, "-o", t.path("fifo"))
    thread.join(10)
    t.check(received, "nothing came through the FIFO")
    t.check(pprof.Profile(received[0]).count() > 0, "no samples")
    t.check(stat.S_ISFIFO(os.stat(t.path("fifo")).st_mode), "the FIFO was replaced")


def test_dev_null(t):
    target = t.target("chain-gcc-O2", 60)
    t.run("-p", target.pid, "-d", 0.3, "-o", "/dev/null")
    t.check(stat.S_ISCHR(os.stat("/dev/null").st_mode), "/dev/null was replaced")


def test_replaces_a_file_at_once(t):
    """The old file stays whole until the new one is; nothing else is left."""
    target = t.target("chain-gcc-O2", 60)
    with open(t.path(), "wb") as file:
        file.write(b"old")
    old = os.stat(t.path()).st_ino
    process = t.spawn("-p", target.pid, "-d", 1.5, "-o", t.path())
    t.wait_sampling(process)
    with open(t.path(), "rb") as file:
        t.check(file.read() == b"old", "the old file was touched while sampling")
    t.check(t.finish(process).status == 0, "failed")
    t.check(os.stat(t.path()).st_ino != old, "written in place")
    t.profile()
    t.check(os.listdir(t.dir) == ["cpu.pb.gz"], "left %s", os.listdir(t.dir))


def test_link_is_not_followed(t):
    """A link in a directory that others can write to must not make root write elsewhere."""
    target = t.target("chain-gcc-O2", 60)
    with open(t.path("precious"), "wb") as file:
        file.write(b"precious")
    os.symlink(t.path("precious"), t.path())
    result = t.finish(t.spawn("-p", target.pid, "-d", 0.5, "-o", t.path()))
    with open(t.path("precious"), "rb") as file:
        t.check(file.read() == b"precious", "the link was followed")
    if result.status == 0:
        t.check(not os.path.islink(t.path()), "the link is still there")
        t.profile()
    else:
        t.check_says(result, "link")


def test_full_disk(t):
    """A message, exit status 1, and no half file."""
    target = t.target("chain-gcc-O2", 60)
    disk = t.path("disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", disk], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", disk], check=True))
    with open(disk + "/filler", "wb") as file:
        file.write(b"x" * 4096)
    result = t.run("-p", target.pid, "-d", 0.5, "-o", disk + "/cpu.pb.gz", status=1)
    t.check_says(result, r"No space left", r"cpu\.pb\.gz")
    t.check(os.listdir(disk) == ["filler"], "left %s", os.listdir(disk))


def test_full_device(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.run("-p", target.pid, "-d", 0.5, "-o", "/dev/full", status=1, env=temporary(t))
    t.check_says(result, r"No space left")
    check_rescued(t, result)


def temporary(t):
    """Where a profile goes that cannot be written where it should."""
    return {**os.environ, "TMPDIR": t.dir}


def check_rescued(t, result):
    path = t.path("pprof.chain-gcc-O2.samples.cpu.001.pb.gz")
    t.check_says(result, "it is saved as '%s' instead" % path)
    t.check(t.profile(path).count() > 0, "no samples")


def test_unwritable_places(t):
    """Said before sampling, not after."""
    for path, pattern in (
        (t.path("absent/cpu.pb.gz"), "No such file or directory"),
        ("/proc/cpu.pb.gz", r"/proc/cpu\.pb\.gz"),
        (t.dir, "[Ii]s a directory"),
    ):
        target = t.target("chain-gcc-O2", 60)
        result = t.run("-p", target.pid, "-d", 30, "-o", path, status=1, timeout=20)
        t.check_says(result, pattern)
        t.check(not os.listdir(t.dir), "left %s", os.listdir(t.dir))


def test_owner_under_sudo(t):
    target = t.target("chain-gcc-O2", 60)
    environment = {**os.environ, "SUDO_UID": "65534", "SUDO_GID": "65533"}
    t.run("-p", target.pid, "-d", 0.3, "-o", t.path(), env=environment)
    owner = os.stat(t.path())
    t.check((owner.st_uid, owner.st_gid) == (65534, 65533), "owned by %d:%d", owner.st_uid, owner.st_gid)


def test_closed_reader_of_standard_output(t):
    """A reader that is gone is an error with a message, no death by SIGPIPE in silence."""
    target = t.target("chain-gcc-O2", 60)
    reading, writing = os.pipe()
    process = t.spawn("-p", target.pid, "-d", 0.5, "-o", "-", stdout=writing, env=temporary(t))
    os.close(reading)
    os.close(writing)
    result = t.finish(process)
    t.check(result.status == 1, "exit status %s", result.status)
    t.check_says(result, "[Bb]roken pipe")
    check_rescued(t, result)


def test_equal_input_makes_equal_bytes(t):
    """A profile read and reported twice gives the same text."""
    target = t.target("demo", 60)
    t.run("-p", target.pid, "-d", 0.5, "-o", t.path())
    texts = {subprocess.run([TOOL, "top", t.path()], capture_output=True).stdout for _ in range(3)}
    t.check(len(texts) == 1, "%d different reports", len(texts))
