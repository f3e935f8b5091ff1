# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Reports on a terminal: colours and its width there, and nowhere else."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from harness import ROOT, TOOL

PROFILES = os.path.join(ROOT, "tests/golden/profiles")
ESCAPE = re.compile(r"\033\[[0-9;]*m")


def piped(*argv):
    return subprocess.run([TOOL, *argv], cwd=PROFILES, check=True, capture_output=True, text=True).stdout


def shown(t, columns, *argv, **environment):
    """What a terminal of so many columns is sent."""
    terminal, output = pty.openpty()
    fcntl.ioctl(output, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = {**os.environ, "TERM": "xterm", **environment}
    variables = {name: value for name, value in variables.items() if value is not None}
    t.start([TOOL, *argv], cwd=PROFILES, stdout=output, env=variables)
    os.close(output)
    text = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal any more
        while block := os.read(terminal, 65536):
            text += block
    os.close(terminal)
    return text.decode().replace("\r\n", "\n")


def check_report(t, colors, *argv):
    plain, wide = piped(*argv), shown(t, 10000, *argv, NO_COLOR=None)
    t.check("\033" not in plain, "'%s' has colours in a pipe", argv[0])
    t.check(("\033[" in wide) == colors, "'%s': colours on a terminal", argv[0])
    t.check(ESCAPE.sub("", wide) == plain, "'%s' tells something else on a terminal", argv[0])


def test_reports(t):
    check_report(t, True, "top", "demo.pb.gz")
    check_report(t, True, "tree", "demo.pb.gz")
    check_report(t, True, "peek", "Index", "demo.pb.gz")
    check_report(t, True, "traces", "demo.pb.gz")
    check_report(t, True, "tags", "postgres.pb.gz")
    check_report(t, False, "raw", "demo.pb.gz")


def test_width(t):
    table = shown(t, 90, "top", "demo.pb.gz", NO_COLOR=None).split("cum%", 1)[1].split("\n")
    widths = [len(ESCAPE.sub("", line)) for line in table]
    t.check(max(widths) == 90, "lines of %d columns in 90", max(widths))


def test_colours_can_be_had_off(t):
    plain = shown(t, 90, "top", "demo.pb.gz", NO_COLOR="1")
    t.check("\033" not in plain and "…" in plain, "NO_COLOR is not heard")
    t.check("\033" not in shown(t, 90, "top", "demo.pb.gz", TERM="dumb"), "TERM=dumb is not heard")
    t.check("\033" not in shown(t, 90, "flame", "--text", "demo.pb.gz", NO_COLOR="1"), "flame has colours")
