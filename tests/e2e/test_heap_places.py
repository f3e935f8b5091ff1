# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The heap of targets whose files are elsewhere, or nowhere: every call is seen there, too."""

import os
import subprocess

import heap
from harness import TARGETS
from test_containers import make_root


class Container(heap.Account):
    """alloc_calls in a mount namespace and a root of its own, with an allocator preloaded there."""

    def __init__(self, t, allocator):
        self.library = heap.library(allocator)
        make_root(t, self.library, self.library)
        self.root = make_root(t, os.path.join(TARGETS, "alloc_calls"), "/app/server")
        process = t.start(
            ["unshare", "-m", "chroot", self.root, "/app/server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ, LD_PRELOAD=self.library),
        )
        super().__init__(t, process)
        t.check(process.popen.stdout.readline() == "ready\n", "the container did not get ready")

    def check(self):
        profile, result = heap.capture(self.t, self, "--rate", 1, "-v")
        heap.check_exact(self.t, profile, self.rows)
        self.t.check_says(result, r" 0 lost", r"probe: malloc\S* \(0x\w+\) in .*libjemalloc")


def test_container(t):
    Container(t, "jemalloc").check()


def test_container_whose_allocator_was_updated(t):
    """Deleted, with another file in its place."""
    container = Container(t, "jemalloc")
    os.unlink(container.root + container.library)
    with open(container.root + container.library, "w") as file:
        file.write("something else")
    container.check()


def test_allocator_under_a_mount(t):
    """In our own mount namespace, with another library mounted on top since."""
    container = Container(t, "jemalloc")
    path = container.root + container.library
    subprocess.run(["mount", "--bind", heap.library("mimalloc"), path], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", path], check=True))
    container.check()
