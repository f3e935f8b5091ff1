# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Code without CFI, frame pointers or symbols: it is followed from the entry point."""

STRIPPED = {
    "chain-musl-stripped": "chain-musl-static",
    "chain-musl-pie-stripped": "chain-musl-static",
    "chain-no-cfi-stripped": "chain-no-cfi",
}


def depths(profile, target):
    """How many addresses the stacks of a target have, the rare ones of its deadline left out."""
    found = {}
    for sample in profile.sample:
        if profile.has_labels(sample, {"pid": target.pid}):
            depth = len(sample.location_id)
            found[depth] = found.get(depth, 0) + sample.value[0]
    total = sum(found.values())
    return {depth for depth, count in found.items() if count > 0.05 * total}


def test_stripped_code_without_cfi(t):
    """Stacks are whole, and as deep as those of the same program with symbols."""
    names = sorted(set(STRIPPED) | set(STRIPPED.values()))
    targets, profile, _ = t.record_each(names, "-d", 5, "-F", 400, least=20, complete=100)
    for stripped, named in STRIPPED.items():
        have, want = depths(profile, targets[stripped]), depths(profile, targets[named])
        t.check(have == want, "%s: stacks of %s frames, %s: of %s", stripped, have, named, want)


def test_musl_from_within(t):
    """Code of the C library itself, switches included, with symbols and without."""
    names = ["libc_calls-musl", "libc_calls-musl-static", "libc_calls-musl-stripped"]
    t.record_each(names, "-d", 4, "-F", 1000, least=200, complete=98)
