# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Four servers with a fault each: the commands of the README put it into the first rows."""

import re

import heap
from harness import TOOL

ROWS = 3
SECONDS = 5


def first_rows(t, verb, *options):
    """Names in the first rows of `cprofbpf top`, and what it printed."""
    result = t.run("top", *options, t.path("heap.pb.gz"))
    text = result.out.decode()
    rows = text[text.index("flat%") :].splitlines()[1 : ROWS + 1]
    return [re.split(r"\s{2,}", row.strip(), maxsplit=0)[-1].split("  ")[-1] for row in rows], text


def tell(t, fault, verb, culprit, *options):
    target = t.target("alloc_server", fault, 60)
    t.run(verb, "-p", target.pid, "-d", SECONDS, "-o", t.path("heap.pb.gz"))
    names, text = first_rows(t, verb, *options)
    t.check(any(name.endswith(culprit) for name in names), "%s is not in the first rows:\n%s", culprit, text)
    t.check(target.popen.poll() is None, "the target ended")
    return text


def test_cache_that_only_grows(t):
    tell(t, "cache", "heap", "cache_store")


def test_connections_that_keep_their_buffers(t):
    tell(t, "conns", "heap", "conn_buffer_grow")


def test_churn_without_growth(t):
    """Nearly all that is allocated, and nothing of what is in use."""
    text = tell(t, "churn", "allocs", "fields_compare")
    share = float(re.search(r"([\d.]+)%.*\bfields_compare$", text, re.M)[1])
    t.check(share > 70, "%s%% of what is allocated", share)
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    row = profile.by_function["fields_compare"]
    t.check(row.live_bytes < row.bytes / 100, "%s", row)


def test_leak_in_a_plugin_loaded_later(t):
    target = t.target("alloc_server", "plugin", 60)
    t.run("heap", "-p", target.pid, "-d", SECONDS, "-o", t.path("heap.pb.gz"))
    names, text = first_rows(t, "heap")
    t.check(any(name.endswith("filter_scratch") for name in names), "no filter_scratch:\n%s", text)
    profile = heap.read_profile(t, t.path("heap.pb.gz"))
    files = {m.filename.rpartition("/")[2] for m in profile.mapping}
    t.check("plugin-leak.so" in files, "the plugin is no mapping: %s", files)
