# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Small profiles with everything odd that profile.proto allows.

A profile is a dict of lists and scalars, named as in the schema; strings and ids are kept as such.
"""

import copy

SAMPLE_TYPES = [
    ("samples", "count"), ("cpu", "nanoseconds"), ("alloc_space", "bytes"), ("inuse_space", "bytes"),
    ("delay", "nanoseconds"), ("delay", "ms"), ("contentions", "count"), ("x", "widgets"), ("x", ""),
    ("cpu", "milliseconds"), ("cpu", "seconds"), ("inuse_space", "kilobytes"), ("x", "GCU"), ("cpu", "μs"),
]
NAMES = [
    "main", "main", "work", "work", "a", "b", "c", "main.work", "a::b::C::d", "std::vector<int>::push_back(int const&)",
    "_ZN3foo3barEv", "_ZNSt6vectorIiSaIiEE9push_backERKi", "_Z4workILi3EEvv", "", "with blank", "x;y", "日本語::メソッド",
    "github.com/a/b/v2/c.(*T).Method", "java.util.Foo.<init>", "Q::operator()(int) const", "(anonymous namespace)::Q::run()",
    "foo.(*Bar[...]).Method", 'quote"back\\slash', ".dotted", "core::ops::FnOnce", "<T as Trait>::f", "operator<", "f(a(b))c",
    "main;", "[kernel]", "a.b.c.D.e", "two\nlines", "tab\there", "%s%d", "__malloc", "_RNvC6_123foo3bar",
    "h::h17h0123456789abcdef",
]
FILES = [
    "", "", "/src/a.c", "/src/a.c", "src/b.c", "./src/../c.c", "/proc/self/cwd/x/d.c", "/home/u/proj/e.go", "program.cc",
    "src/program.cc", "../absent.c", "/home/u/proj/x/proj/f.go", "/proc/self/cwd/./g.c", "a//b///c.c", "日本.c",
]
BINARIES = [
    "", "/nowhere/prog", "/nowhere/prog", "/nowhere/libx.so.1", "[vdso]", "//anon", "C:\\nowhere\\x.exe",
    "http://nowhere/x", "prog", "/nowhere/dir/", "anon:heap", "[kernel.kallsyms]_text", "/nowhere/a b", "/memfd:x (deleted)",
]
KEYS = ["thread", "thread", "bytes", "bytes", "size", "request", "alignment", "k:v", "日本", "with blank", "a-rather-long-key"]
TEXTS = ["io", "cpu", "a", "b", "a,b", "日本", "1kb", "true", "a rather long value of a label", "%d"]
TEXTS += ["two\nlines", "select\t*\n\tfrom x", "tab\there"]
LABEL_UNITS = ["", "", "bytes", "kilobytes", "ns", "widgets", "seconds", "request"]
NUMBERS = [0, 1, 1, 2, 3, 10, 64, 100, 1024, 4096, 1 << 20, -1, -5, (1 << 63) - 1]
FRAMES = ["", "", "", "", "main", "a|b", ".*work", "Q::run", "(", "日本.*"]


def drawn_value(rng, kind):
    if kind == "tiny":
        return rng.choice([0, 1, 2, 3])
    if kind == "signed":
        return rng.choice([0, 1, -1, 2, -2, 5, -5, 100, -100])
    if kind == "large":
        return rng.choice([1, 999, 1000, 1024, 10**6, 10**9, 3600 * 10**9, 1 << 40, 1 << 53, 12345678901])
    if kind == "extreme":
        return rng.choice([0, 1, -1, (1 << 63) - 1, -(1 << 63), 1 << 62, -(1 << 62), (1 << 53) + 1])
    return rng.randint(0, 1000)


def drawn_ids(rng, count):
    if rng.random() < 0.7:
        return list(range(1, count + 1))
    return rng.sample([1, 2, 3, 5, 7, 11, 100, 1000, 1 << 20, 1 << 31, (1 << 32) + 1, (1 << 63) + 1, 17, 19, 23, 29], count)


def drawn_labels(rng, odds):
    labels = []
    while rng.random() < odds and len(labels) < 5:
        if rng.random() < 0.5:
            labels.append({"key": rng.choice(KEYS), "str": rng.choice(TEXTS), "num": 0, "unit": ""})
        else:
            labels.append({"key": rng.choice(KEYS), "str": "", "num": rng.choice(NUMBERS), "unit": rng.choice(LABEL_UNITS)})
    return labels


def drawn_location(rng, number, profile):
    functions, mappings = profile["function"], profile["mapping"]
    count = rng.choice([0, 1, 1, 1, 1, 2, 3]) if functions else 0
    return {
        "id": number,
        "mapping_id": rng.choice([0, 99] + [m["id"] for m in mappings] * 4),
        "address": rng.choice([0, 0x1000, 0x1010, 0x2000, 0x2000, 0x400123, (1 << 64) - 1, rng.randint(0, 1 << 20)]),
        "line": [
            {"function_id": rng.choice(functions)["id"], "line": rng.choice([0, 0, 1, 5, 7, 9, 12, 30, -1]),
             "column": rng.choice([0, 0, 0, 3, 8])}
            for _ in range(count)
        ],
        "is_folded": rng.random() < 0.05,
    }


def drawn(rng):
    types = rng.sample(SAMPLE_TYPES, rng.choice([1, 1, 2, 2, 3, 4]))
    profile = {
        "sample_type": types, "sample": [], "mapping": [], "location": [], "function": [],
        "drop_frames": rng.choice(FRAMES), "keep_frames": rng.choice(FRAMES),
        "time_nanos": rng.choice([0, 0, 1, 1700000000123456789, -5, 10**18]),
        "duration_nanos": rng.choice([0, 0, 10**9, 1500, 61 * 10**9, 3661 * 10**9 + 5, -7, 10**6]),
        "period_type": rng.choice([None, ("cpu", "nanoseconds"), ("space", "bytes")]), "period": rng.choice([0, 1, 10**7, -3]),
        "comment": rng.sample(["a comment", "#hidden", "", "日本"], rng.choice([0, 0, 1, 2])),
        "default_sample_type": rng.choice(["", "", types[0][0], "nothing"]), "doc_url": rng.choice(["", "", "", "http://x/y"]),
    }
    for number in drawn_ids(rng, rng.choice([0, 1, 1, 2, 3])):
        profile["mapping"].append(
            {"id": number, "memory_start": rng.choice([0, 0x1000, 0x400000]), "memory_limit": rng.choice([0, 0x2000, 0x500000]),
             "file_offset": rng.choice([0, 0x1000]), "filename": rng.choice(BINARIES),
             "build_id": rng.choice(["", "", "abcd", "ef01"]), "has": [rng.random() < 0.5 for _ in range(4)]}
        )
    for number in drawn_ids(rng, rng.randint(0, 8)):
        name = rng.choice(NAMES)
        system_name = rng.choice([name, name, "", rng.choice(NAMES), "_ZN3foo3barEv"])
        profile["function"].append(
            {"id": number, "name": rng.choice([name, name, name, ""]), "system_name": system_name, "filename": rng.choice(FILES),
             "start_line": rng.choice([0, 0, 0, 1, 3])}
        )
    for number in drawn_ids(rng, rng.randint(0, 10)):
        profile["location"].append(drawn_location(rng, number, profile))
    values, label_odds = rng.choice(["tiny", "signed", "large", "extreme", "plain", "plain"]), rng.choice([0, 0, 0.3, 0.7])
    for _ in range(rng.choice([0, 1, 3, 8, 12, 20])):
        ids = [location["id"] for location in profile["location"]]
        profile["sample"].append(
            {"location_id": rng.choices(ids, k=rng.choice([0, 1, 2, 3, 4, 6])) if ids else [],
             "value": [drawn_value(rng, values) for _ in types], "label": drawn_labels(rng, label_odds)}
        )
    return profile


def varied(rng, profile):
    """A profile much like another: what it is merged or compared with."""
    changed = copy.deepcopy(profile)
    for sample in changed["sample"]:
        if rng.random() < 0.4:
            sample["value"] = [rng.choice([v, v + 1, -v, 0, 3]) if abs(v) < 1 << 60 else v for v in sample["value"]]
    if changed["sample"] and rng.random() < 0.5:
        changed["sample"].pop(rng.randrange(len(changed["sample"])))
    if rng.random() < 0.2:
        rng.shuffle(changed["sample_type"])
    if rng.random() < 0.1 and len(changed["sample_type"]) > 1:
        changed["sample_type"].pop()
        for sample in changed["sample"]:
            sample["value"].pop()
    if rng.random() < 0.2:
        at = rng.randrange(len(changed["sample_type"]))
        name, unit = changed["sample_type"][at]
        other = {"nanoseconds": "milliseconds", "milliseconds": "ns", "bytes": "kB", "kilobytes": "bytes", "seconds": "us"}
        changed["sample_type"][at] = (name, other.get(unit, unit))
    for mapping in changed["mapping"]:
        if rng.random() < 0.2:
            mapping["memory_start"] += 0x10000
            mapping["memory_limit"] += 0x10000
    changed["time_nanos"] = rng.choice([0, profile["time_nanos"], 7])
    changed["default_sample_type"] = rng.choice([profile["default_sample_type"], changed["sample_type"][-1][0], ""])
    return changed


def positive(profile):
    """The same without negative values, and with one unit for each type."""
    samples = [{**sample, "value": [abs(v) & (1 << 63) - 1 for v in sample["value"]]} for sample in profile["sample"]]
    return {**profile, "sample": samples, "sample_type": [(name, dict(SAMPLE_TYPES)[name]) for name, _ in profile["sample_type"]]}


def smaller(profile):
    """The profiles that lack one thing of this one."""
    for key, without in [
        ("drop_frames", ""), ("keep_frames", ""), ("time_nanos", 0), ("duration_nanos", 0), ("period_type", None), ("period", 0),
        ("comment", []), ("default_sample_type", ""), ("doc_url", ""),
    ]:
        if profile[key] != without:
            yield {**profile, key: without}
    for i in range(len(profile["sample"])):
        yield {**profile, "sample": profile["sample"][:i] + profile["sample"][i + 1 :]}
    for i in range(len(profile["sample_type"])):
        if len(profile["sample_type"]) > 1:
            yield {
                **profile,
                "sample_type": profile["sample_type"][:i] + profile["sample_type"][i + 1 :],
                "sample": [{**s, "value": s["value"][:i] + s["value"][i + 1 :]} for s in profile["sample"]],
            }
    for i, sample in enumerate(profile["sample"]):
        for key in ("label", "location_id"):
            for k in range(len(sample[key])):
                less = {**sample, key: sample[key][:k] + sample[key][k + 1 :]}
                yield {**profile, "sample": profile["sample"][:i] + [less] + profile["sample"][i + 1 :]}
    used = {number for sample in profile["sample"] for number in sample["location_id"]}
    yield from without_unused(profile, "location", used)
    for i, location in enumerate(profile["location"]):
        for k in range(len(location["line"])):
            less = {**location, "line": location["line"][:k] + location["line"][k + 1 :]}
            yield {**profile, "location": profile["location"][:i] + [less] + profile["location"][i + 1 :]}
    yield from without_unused(profile, "function", {line["function_id"] for l in profile["location"] for line in l["line"]})
    yield from without_unused(profile, "mapping", {location["mapping_id"] for location in profile["location"]})


def without_unused(profile, key, used):
    for i, entry in enumerate(profile[key]):
        if entry["id"] not in used:
            yield {**profile, key: profile[key][:i] + profile[key][i + 1 :]}


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def number_field(number, value):
    return varint(number << 3) + varint(value) if value else b""


def bytes_field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


class Strings:
    def __init__(self):
        self.numbers = {"": 0}

    def field(self, number, text):
        return number_field(number, self.numbers.setdefault(text, len(self.numbers)))

    def pair(self, number, pair):
        return bytes_field(number, self.field(1, pair[0]) + self.field(2, pair[1]))


def encoded_sample(sample, strings):
    out = bytes_field(1, b"".join(map(varint, sample["location_id"])))
    out += bytes_field(2, b"".join(map(varint, sample["value"])))
    for label in sample["label"]:
        fields = strings.field(1, label["key"]) + strings.field(2, label["str"])
        out += bytes_field(3, fields + number_field(3, label["num"]) + strings.field(4, label["unit"]))
    return bytes_field(2, out)


def encoded_location(location):
    out = number_field(1, location["id"]) + number_field(2, location["mapping_id"]) + number_field(3, location["address"])
    for line in location["line"]:
        fields = number_field(1, line["function_id"]) + number_field(2, line["line"]) + number_field(3, line["column"])
        out += bytes_field(4, fields)
    return bytes_field(4, out + number_field(5, location["is_folded"]))


def encoded(profile):
    strings = Strings()
    out = b"".join(strings.pair(1, pair) for pair in profile["sample_type"])
    out += b"".join(encoded_sample(sample, strings) for sample in profile["sample"])
    for m in profile["mapping"]:
        fields = number_field(1, m["id"]) + number_field(2, m["memory_start"]) + number_field(3, m["memory_limit"])
        fields += number_field(4, m["file_offset"]) + strings.field(5, m["filename"]) + strings.field(6, m["build_id"])
        out += bytes_field(3, fields + b"".join(number_field(7 + i, has) for i, has in enumerate(m["has"])))
    out += b"".join(map(encoded_location, profile["location"]))
    for f in profile["function"]:
        fields = number_field(1, f["id"]) + strings.field(2, f["name"]) + strings.field(3, f["system_name"])
        out += bytes_field(5, fields + strings.field(4, f["filename"]) + number_field(5, f["start_line"]))
    out += strings.field(7, profile["drop_frames"]) + strings.field(8, profile["keep_frames"])
    out += number_field(9, profile["time_nanos"]) + number_field(10, profile["duration_nanos"])
    out += strings.pair(11, profile["period_type"]) if profile["period_type"] else b""
    out += number_field(12, profile["period"]) + b"".join(strings.field(13, text) or b"\x68\0" for text in profile["comment"])
    out += strings.field(14, profile["default_sample_type"]) + strings.field(15, profile["doc_url"])
    return out + b"".join(bytes_field(6, text.encode()) for text in strings.numbers)
