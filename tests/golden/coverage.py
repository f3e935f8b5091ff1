# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Counts what the cases cover: each report, option and profile in at least LEAST of them.

A case counts if its output has rows of data. For an option it also has to differ from what the
same command line gives without it, and equal outputs count once. What there is to cover is read
from cprofbpf's own help.
"""

import collections
import os
import re

import canonical

LEAST = 5

# What a row of data looks like, and how many make an output that is not trivial.
GRAPH_ROW = (r"^.*[\d.]+% +\|.*\S", 2)
SAMPLE_ROW = (r"^(?: +-?\d+)+: [\d ]*$", 2)
ROWS = {
    "top": (r"^ *\S+ +\S+% +\S+% +\S+ +\S+%  ", 2),
    "tree": GRAPH_ROW,
    "peek": GRAPH_ROW,
    "list": (r"^ *\S+ +\S+ \(flat, cum\)", 1),
    "traces": (r"^ *-?\d\S*   \S", 2),
    "raw": SAMPLE_ROW,
    "proto": SAMPLE_ROW,
    "topproto": SAMPLE_ROW,
    "tags": (r"^ *\S+ +\([ \d.]+%\): ", 2),
    "comments": (r"\S", 1),
    "dot": (r"^N\d+ (\[label=|-> N)", 2),
    "callgrind": (r"^fn=", 2),
    "collapsed": (r" -?\d+$", 2),
}

# Reports that pprof does not have, or that are pictures.
OTHER_REPORTS = {"speedscope", "flame", "svg", "png", "pdf", "diff"}

# Options that pprof does not have, or that do not change a report.
OTHER_OPTIONS = {"p", "a", "d", "F", "rate", "user-only", "children", "labels", "text", "inverted", "help", "o", "title"}

# Options that ask for the default: what they are compared with.
OPPOSITE = {"flat": "-cum", "functions": "-lines"}

# The help leaves these to the reader.
SHORTHANDS = {"filefunctions", "files", "lines", "addresses"}
SHORTHANDS |= {"inuse_space", "inuse_objects", "alloc_space", "alloc_objects"}
SHORTHANDS |= {"contentions", "total_delay", "mean_delay"}

NO_ROWS = {"empty.pb.gz"}  # a profile that shows nothing


def reports(tool):
    """The verbs that take pprof's options."""
    listed = tool.help().split("Verbs (", 1)[1]
    verbs = set(re.findall(r"^  (\w+) +\S", listed, re.M)) - OTHER_REPORTS
    return {verb for verb in verbs if "-nodefraction" in tool.help(verb)}


def options(tool):
    listed = re.findall(r"^  -([\w-]+)[ ,]", tool.help("top"), re.M)
    return (set(listed) | SHORTHANDS) - OTHER_OPTIONS


def option_of(word):
    """The option that a word of a command line sets; None for other words, and for "--option VALUE" in two."""
    found = re.match(r"-([A-Za-z]\w*)", word)
    return found and found.group(1)


def has_rows(verb, output):
    pattern, least = ROWS[verb]
    return len(re.findall(pattern, output.decode("utf-8", "replace"), re.M)) >= least


def without(argv, word, option):
    """The command line without an option."""
    instead = [OPPOSITE[option]] if option in OPPOSITE else []
    at = argv.index(word)
    return argv[:at] + instead + argv[at + 1 :]


def count(tool, rows, pool):
    """The distinct outputs of each report, option and profile that count."""
    found = collections.defaultdict(set)
    compared = []
    for argv, output in rows:
        rich = has_rows(argv[0], output)
        for word in argv[1:]:
            if word in NO_ROWS or (rich and word.endswith(".pb.gz") and not option_of(word)):
                found[word].add(output)
            if rich and option_of(word):
                compared.append((argv, word, output))
        if rich:
            found[argv[0]].add(output)
    others = pool.map(lambda case: tool.report(without(*case[:2], option_of(case[1])))[0], compared)
    for (argv, word, output), other in zip(compared, others):
        if canonical.output(argv, output) != canonical.output(argv, other):
            found["-" + option_of(word)].add(output)
    return found


def gaps(tool, rows, pool):
    """What is covered too little: a line for each."""
    found = count(tool, rows, pool)
    profiles = [name for name in sorted(os.listdir(tool.profiles)) if name.endswith(".pb.gz")]
    wanted = sorted(reports(tool)) + sorted("-" + option for option in options(tool)) + profiles
    few = [name for name in wanted if len(found[name]) < LEAST]
    text = "'%s' shows in %d cases, not %d (see coverage.py)"
    return [text % (name, len(found[name]), LEAST) for name in few]
