# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A decoder of profile.proto that shares nothing with the one under test.

Field numbers and the rules of validity are those of pprof's profile.proto and its decoder; this one
is stricter: unknown fields, bytes after the gzip stream and unreferenced oddities are errors.
"""

import struct
import zlib


class Invalid(Exception):
    """What is wrong with a profile."""


def require(ok, text, *args):
    if not ok:
        raise Invalid(text % args)


def fields(data):
    """The fields of one message: (number, wire type, value)."""
    pos = 0
    while pos < len(data):
        key, pos = varint(data, pos)
        number, wire = key >> 3, key & 7
        require(number > 0, "field number 0 at byte %d", pos)
        if wire == 0:
            value, pos = varint(data, pos)
        elif wire == 2:
            size, pos = varint(data, pos)
            require(pos + size <= len(data), "field %d runs past the end", number)
            value, pos = data[pos : pos + size], pos + size
        else:
            raise Invalid("wire type %d in field %d" % (wire, number))
        yield number, wire, value


def varint(data, pos):
    value = shift = 0
    while True:
        require(pos < len(data), "number cut off at byte %d", pos)
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            require(value < 1 << 64, "number of more than 64 bits at byte %d", pos)
            return value, pos
        shift += 7
        require(shift < 70, "number of more than 10 bytes at byte %d", pos)


def signed(value):
    return struct.unpack("<q", struct.pack("<Q", value))[0]


def numbers(wire, value):
    """A repeated number, packed or not."""
    if wire == 0:
        return [value]
    found, pos = [], 0
    while pos < len(value):
        number, pos = varint(value, pos)
        found.append(number)
    return found


class Message:
    """A decoded message. SCHEMA: field number to (name, kind); see KINDS in decode()."""

    SCHEMA = {}

    def __init__(self, data):
        for name, kind in self.SCHEMA.values():
            repeated = kind in ("ints", "uints") or isinstance(kind, list)
            setattr(self, name, [] if repeated else None if isinstance(kind, type) else 0)
        for number, wire, value in fields(data):
            require(number in self.SCHEMA, "%s has a field %d", type(self).__name__, number)
            self.decode(*self.SCHEMA[number], wire, value)

    def decode(self, name, kind, wire, value):
        what = "%s.%s" % (type(self).__name__, name)
        if kind in ("ints", "uints"):
            found = numbers(wire, value)
            getattr(self, name).extend(map(signed, found) if kind == "ints" else found)
        elif kind in ("int", "uint"):
            require(wire == 0, "%s is no number", what)
            setattr(self, name, signed(value) if kind == "int" else value)
        else:
            require(wire == 2, "%s is a number", what)
            if isinstance(kind, list):
                getattr(self, name).append(kind[0](value))
            else:
                require(getattr(self, name) is None, "%s is repeated", what)
                setattr(self, name, kind(value))


class ValueType(Message):
    SCHEMA = {1: ("type", "int"), 2: ("unit", "int")}


class Label(Message):
    SCHEMA = {1: ("key", "int"), 2: ("str", "int"), 3: ("num", "int"), 4: ("num_unit", "int")}


class Sample(Message):
    SCHEMA = {1: ("location_id", "uints"), 2: ("value", "ints"), 3: ("label", [Label])}


class Mapping(Message):
    SCHEMA = {
        1: ("id", "uint"),
        2: ("memory_start", "uint"),
        3: ("memory_limit", "uint"),
        4: ("file_offset", "uint"),
        5: ("filename", "int"),
        6: ("build_id", "int"),
        7: ("has_functions", "uint"),
        8: ("has_filenames", "uint"),
        9: ("has_line_numbers", "uint"),
        10: ("has_inline_frames", "uint"),
    }


class Line(Message):
    SCHEMA = {1: ("function_id", "uint"), 2: ("line", "int"), 3: ("column", "int")}


class Location(Message):
    SCHEMA = {
        1: ("id", "uint"),
        2: ("mapping_id", "uint"),
        3: ("address", "uint"),
        4: ("line", [Line]),
        5: ("is_folded", "uint"),
    }


class Function(Message):
    SCHEMA = {
        1: ("id", "uint"),
        2: ("name", "int"),
        3: ("system_name", "int"),
        4: ("filename", "int"),
        5: ("start_line", "int"),
    }


def text(data):
    return data.decode("utf-8")


class Profile(Message):
    """A valid profile; making one of an invalid file raises Invalid."""

    SCHEMA = {
        1: ("sample_type", [ValueType]),
        2: ("sample", [Sample]),
        3: ("mapping", [Mapping]),
        4: ("location", [Location]),
        5: ("function", [Function]),
        6: ("string_table", [text]),
        7: ("drop_frames", "int"),
        8: ("keep_frames", "int"),
        9: ("time_nanos", "int"),
        10: ("duration_nanos", "int"),
        11: ("period_type", ValueType),
        12: ("period", "int"),
        13: ("comment", "ints"),
        14: ("default_sample_type", "int"),
        15: ("doc_url", "int"),
    }

    def __init__(self, data):
        if data[:2] == b"\x1f\x8b":
            stream = zlib.decompressobj(wbits=31)
            data = stream.decompress(data)
            require(stream.eof, "gzip stream cut off")
            require(not stream.unused_data, "bytes after the gzip stream")
        super().__init__(data)
        self.check_strings()
        self.mappings = self.table(self.mapping, "mapping")
        self.functions = self.table(self.function, "function")
        self.locations = self.table(self.location, "location")
        self.check_locations()
        self.check_samples()

    def string(self, index):
        require(0 <= index < len(self.string_table), "string %d of %d", index, len(self.string_table))
        return self.string_table[index]

    def check_strings(self):
        require(self.string_table and self.string_table[0] == "", "string_table[0] is not empty")
        for value_type in self.sample_type + [self.period_type] * bool(self.period_type):
            value_type.type = self.string(value_type.type)
            value_type.unit = self.string(value_type.unit)
        for name in ("drop_frames", "keep_frames", "default_sample_type", "doc_url"):
            setattr(self, name, self.string(getattr(self, name)))
        self.comment = [self.string(i) for i in self.comment]
        for mapping in self.mapping:
            mapping.filename = self.string(mapping.filename)
            mapping.build_id = self.string(mapping.build_id)
        for function in self.function:
            function.name = self.string(function.name)
            function.system_name = self.string(function.system_name)
            function.filename = self.string(function.filename)
        for sample in self.sample:
            for label in sample.label:
                label.key = self.string(label.key)
                label.str = self.string(label.str)
                label.num_unit = self.string(label.num_unit)

    @staticmethod
    def table(rows, name):
        found = {}
        for row in rows:
            require(row.id != 0, "%s with the reserved id 0", name)
            require(row.id not in found, "two %ss of id %d", name, row.id)
            found[row.id] = row
        return found

    def check_locations(self):
        for location in self.location:
            if location.mapping_id:
                require(location.mapping_id in self.mappings, "location %d: no such mapping", location.id)
                mapping = self.mappings[location.mapping_id]
                require(
                    mapping.memory_start <= location.address < mapping.memory_limit,
                    "location %d: %#x lies outside its mapping '%s'",
                    location.id,
                    location.address,
                    mapping.filename,
                )
            for line in location.line:
                require(line.function_id in self.functions, "location %d: no such function", location.id)
        for mapping in self.mapping:
            require(mapping.memory_start < mapping.memory_limit, "empty mapping '%s'", mapping.filename)

    def check_samples(self):
        require(self.sample_type, "no sample type")
        for sample in self.sample:
            require(len(sample.value) == len(self.sample_type), "a sample of %d values", len(sample.value))
            require(sample.location_id, "a sample without a location")
            for location_id in sample.location_id:
                require(location_id in self.locations, "no location %d", location_id)
            keys = [label.key for label in sample.label]
            require(len(keys) == len(set(keys)) and all(keys), "labels %s", keys)

    def stack(self, sample):
        """Its function names, leaf first, inlined ones too; "?" for a frame without a name."""
        names = []
        for location_id in sample.location_id:
            lines = self.locations[location_id].line
            names += [self.functions[line.function_id].name for line in lines] or ["?"]
        return names

    def stacks(self, labels=None):
        """[(names, count)] of the samples that carry all of `labels`."""
        return [
            (self.stack(sample), sample.value[0])
            for sample in self.sample
            if self.has_labels(sample, labels)
        ]

    def has_labels(self, sample, labels):
        wanted = {key: str(value) for key, value in (labels or {}).items()}
        return wanted.items() <= self.labels(sample).items()

    @staticmethod
    def labels(sample):
        """Its labels as text, numeric ones too."""
        return {label.key: label.str or str(label.num) for label in sample.label}

    def count(self, labels=None):
        return sum(n for _, n in self.stacks(labels))

    def cumulative(self, name):
        """Samples with the function anywhere on their stack."""
        return sum(n for names, n in self.stacks() if name in names)

    def mapping_of(self, location_id):
        return self.mappings.get(self.locations[location_id].mapping_id)

    def is_kernel(self, location_id):
        mapping = self.mapping_of(location_id)
        return mapping is not None and mapping.filename == "[kernel.kallsyms]"

    def user_stacks(self):
        """As stacks(), without the kernel's frames."""
        found = []
        for sample in self.sample:
            user = [i for i in sample.location_id if not self.is_kernel(i)]
            names = []
            for location_id in user:
                lines = self.locations[location_id].line
                names += [self.functions[line.function_id].name for line in lines] or ["?"]
            found.append((names, sample.value[0]))
        return found


def read(path):
    with open(path, "rb") as file:
        return Profile(file.read())
