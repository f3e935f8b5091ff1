// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause

package main

import (
	"math"
	"os"
	"path/filepath"

	"github.com/google/pprof/profile"
)

// builder makes profiles by names.
type builder struct {
	p         *profile.Profile
	functions map[string]*profile.Function
	locations map[string]*profile.Location
}

type frameSpec struct {
	name, system, file string
	line, column       int64
	start              int64
}

func newBuilder(types ...string) *builder {
	p := &profile.Profile{PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 10000000}
	for i := 0; i+1 < len(types); i += 2 {
		p.SampleType = append(p.SampleType, &profile.ValueType{Type: types[i], Unit: types[i+1]})
	}
	return &builder{p, map[string]*profile.Function{}, map[string]*profile.Location{}}
}

func (b *builder) mapping(start, limit, offset uint64, file, buildID string) *profile.Mapping {
	m := &profile.Mapping{ID: uint64(len(b.p.Mapping) + 1), Start: start, Limit: limit, Offset: offset,
		File: file, BuildID: buildID, HasFunctions: true}
	b.p.Mapping = append(b.p.Mapping, m)
	return m
}

func (b *builder) function(f frameSpec) *profile.Function {
	key := f.name + "\x00" + f.system + "\x00" + f.file
	if fn := b.functions[key]; fn != nil {
		return fn
	}
	system := f.system
	if system == "" {
		system = "_Z" + f.name
	}
	fn := &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: f.name, SystemName: system,
		Filename: f.file, StartLine: f.start}
	b.p.Function = append(b.p.Function, fn)
	b.functions[key] = fn
	return fn
}

// location adds an address whose frames are given innermost first.
func (b *builder) location(key string, m *profile.Mapping, addr uint64, frames ...frameSpec) *profile.Location {
	l := &profile.Location{ID: uint64(len(b.p.Location) + 1), Mapping: m, Address: addr}
	for _, f := range frames {
		l.Line = append(l.Line, profile.Line{Function: b.function(f), Line: f.line, Column: f.column})
	}
	b.p.Location = append(b.p.Location, l)
	b.locations[key] = l
	return l
}

// sample adds a stack of keys, leaf first.
func (b *builder) sample(values []int64, stack ...string) *profile.Sample {
	s := &profile.Sample{Value: values}
	for _, k := range stack {
		l := b.locations[k]
		if l == nil {
			l = b.location(k, nil, 0, frameSpec{name: k, file: k + ".c", line: int64(len(b.locations)) + 1})
		}
		s.Location = append(s.Location, l)
	}
	b.p.Sample = append(b.p.Sample, s)
	return s
}

func (b *builder) write(dir, name string) {
	f, err := os.Create(filepath.Join(dir, name+".pb.gz"))
	if err != nil {
		fail("%v", err)
	}
	if err := b.p.CheckValid(); err != nil {
		fail("%s: %v", name, err)
	}
	if err := b.p.Write(f); err != nil {
		fail("%s: %v", name, err)
	}
	if err := f.Close(); err != nil {
		fail("%v", err)
	}
}

func v(values ...int64) []int64 { return values }

// program is a C++ program: inlines, templates, columns, two binaries, recursion.
func program(scale int64) *builder {
	b := newBuilder("samples", "count", "cpu", "nanoseconds")
	b.p.TimeNanos, b.p.DurationNanos = 1700000000123456789, 12345678900
	b.p.Comments = []string{"first comment", "#hidden comment", "second comment"}
	exe := b.mapping(0x400000, 0x500000, 0x1000, "/usr/bin/program", "0123456789abcdef")
	lib := b.mapping(0x7f0000000000, 0x7f0000100000, 0, "/usr/lib/libc.so.6", "")
	src := "src/program.cc"
	b.location("main", exe, 0x400100, frameSpec{name: "main", system: "main", file: src, line: 20, start: 18})
	b.location("start", exe, 0x400010, frameSpec{name: "_start"})
	b.location("work", exe, 0x400200,
		frameSpec{name: "std::vector<int, std::allocator<int> >::push_back(int&&)", system: "_ZNSt6vectorIiE9push_backEOi", file: "/usr/include/c++/12/bits/stl_vector.h", line: 1296, column: 9, start: 1290},
		frameSpec{name: "ns::Worker<int>::work(int)", system: "_ZN2ns6WorkerIiE4workEi", file: src, line: 9, column: 3, start: 6})
	b.location("work2", exe, 0x400240,
		frameSpec{name: "ns::Worker<int>::work(int)", system: "_ZN2ns6WorkerIiE4workEi", file: src, line: 11, column: 7, start: 6})
	b.location("rec", exe, 0x400300, frameSpec{name: "fib(unsigned int)", system: "_Z3fibj", file: src, line: 14, column: 1, start: 13})
	b.location("rec2", exe, 0x400310, frameSpec{name: "fib(unsigned int)", system: "_Z3fibj", file: src, line: 15, column: 2, start: 13})
	b.location("lambda", exe, 0x400400, frameSpec{name: "(anonymous namespace)::run()::{lambda(int)#1}::operator()(int) const", system: "_ZZN12_GLOBAL__N_13runEvENKUliE_clEi", file: src, line: 17, start: 16})
	b.location("malloc", lib, 0x7f0000001000, frameSpec{name: "malloc", system: "malloc"})
	b.location("unnamed", lib, 0x7f0000002000)
	b.location("nomap", nil, 0xdeadbeef)
	for i, s := range []struct {
		n     int64
		stack []string
	}{
		{50, []string{"work", "main", "start"}}, {30, []string{"work2", "main", "start"}},
		{21, []string{"rec", "rec2", "rec", "rec2", "main", "start"}}, {13, []string{"rec2", "rec", "main", "start"}},
		{8, []string{"malloc", "work", "main", "start"}}, {5, []string{"malloc", "lambda", "main", "start"}},
		{3, []string{"unnamed", "malloc", "work2", "main", "start"}}, {2, []string{"nomap", "lambda", "main", "start"}},
		{1, []string{"lambda", "main", "start"}}, {1, []string{"nomap"}}, {0, []string{"main"}}, {4, nil},
	} {
		n := s.n * scale
		if i%3 == 2 {
			n += scale
		}
		b.sample(v(n, n*10000000), s.stack...)
	}
	return b
}

// labelled has labels of every kind.
func labelled() *builder {
	b := newBuilder("alloc_objects", "count", "alloc_space", "bytes", "inuse_objects", "count", "inuse_space", "bytes")
	b.p.PeriodType = &profile.ValueType{Type: "space", Unit: "bytes"}
	b.p.Period, b.p.DefaultSampleType = 524288, "inuse_space"
	b.p.DocURL, b.p.TimeNanos = "https://example.org/doc", 1600000000000000000
	b.mapping(0x1000, 0x9000, 0, "/opt/server", "")
	for i := int64(1); i <= 24; i++ {
		leaf := []string{"alloc_buffer", "alloc_node", "grow_table", "read_line"}[i%4]
		mid := []string{"serve", "parse", "reply"}[i%3]
		s := b.sample(v(i*3, i*4096*i, i%5, (i%5)*4096*i), leaf, mid, "main")
		s.NumLabel = map[string][]int64{"bytes": []int64{1 << uint(i%13), 48}[:1+i%2]}
		s.NumUnit = map[string][]string{"bytes": []string{"bytes", "bytes"}[:1+i%2]}
		if i%2 == 0 {
			s.Label = map[string][]string{"thread": {[]string{"io", "worker", "main"}[i%3]}}
		}
		if i%5 == 0 {
			s.Label = map[string][]string{"request": []string{"GET /", "POST /form"}[:1+i%2], "thread": {"io"}}
			s.NumLabel["latency"], s.NumUnit["latency"] = []int64{i * 1000}, []string{"microseconds"}
		}
		if i%7 == 0 {
			s.NumLabel["alignment"] = []int64{16}
			s.NumLabel["request"] = []int64{i}
			s.NumLabel["odd"], s.NumUnit["odd"] = []int64{i, 2}, []string{"kb", ""}
		}
	}
	return b
}

// names has what names can be.
func names() *builder {
	b := newBuilder("events", "")
	b.mapping(0x1000, 0x9000, 0, "/tmp/ünï cödé", "")
	for i, name := range []string{
		"größe::berechnen(int)", "函数", "\"quoted\\name\"", "java.lang.String.<init>", "com.example.Foo$Bar.run(int)",
		"github.com/user/repo/v2/pkg.(*Type).Method", "main.f[...]", "foo.(*Bar[...]).Method", "(anonymous namespace)::Q::run()",
		"void ns::Class<int>::method<double>(int)", "_Unwind::Context::~Context()", "operator()(int)", "a<b>(c)", "f(int))x(",
		"std::map<std::string, int>::operator[](std::string&&)", ".opd_name", "x::y", "", "trailing\nnewline",
	} {
		f := frameSpec{name: name, system: name, file: []string{"dir//sub/../ä.c", "./b.c", "/proc/self/cwd/c.c", ""}[i%4], line: int64(i), start: 1}
		b.location(name+"#", b.p.Mapping[0], uint64(0x1000+i), f)
		b.sample(v(int64(100-i*3)), name+"#", "größe::berechnen(int)#")
		if name == "" {
			b.p.Function[len(b.p.Function)-1].SystemName = ""
		}
	}
	return b
}

// mangled has names in one form only, which pprof demangles when it reads them.
func mangled() *builder {
	b := newBuilder("samples", "count")
	b.mapping(0x1000, 0x9000, 0, "/usr/bin/mangled", "")
	for i, name := range []string{
		"_ZN3app5StateC2EOS0_", "_ZN3app4loopEv", "_ZNSt6vectorIiSaIiEE9push_backEOi",
		"_ZNKSt6vectorIS_IiSaIiEESaIS1_EEixEm", "_ZltRKN1A1BIiEES3_", "_ZN1AltIiEEbT_", "_ZN1AcvSt6vectorIiSaIiEEEv",
		"_ZNSoD0Ev", "_ZN1CUt_D1Ev", "_ZN3app4readB5cxx11Ev", "_ZN12_GLOBAL__N_11Q3runEv", "_ZThn16_N1B3runEv",
		"_ZZN1A3runEiENKUlPKcE_clES1_", "_ZZNK1A3runIiEEvT_ENKUlT_E_clEi", "_ZZN1S1fEiiEd0_NKUlvE_clEv",
		"_ZN3app4loopEi.constprop.0", "_ZN3app4loopEi.part.0.cold", "_GLOBAL__I__Z2fnv", "_GLOBAL__sub_I_app.cc",
		"__ZN3app5macosEv", "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.99", "_RINvNtC3std3mem8align_ofjdE",
		"_RNvMC0INtC8arrayvec8ArrayVechKj7b_E3new", "_ZN3app4brokenE", "_Zfoo", "_start", "app::Map<int, char>::find(int) const",
	} {
		b.location(name, b.p.Mapping[0], uint64(0x1000+16*i), frameSpec{name: name, system: name, file: "app.cc", line: int64(i + 1)})
		b.sample(v(int64(10+(i*i*17)%91)), name, "_ZN3app5StateC2EOS0_")
	}
	b.location("nameless", b.p.Mapping[0], 0x2000, frameSpec{system: "_ZN3app8namelessEv"})
	b.sample(v(5), "nameless", "_ZN3app4loopEv", "_ZN3app5StateC2EOS0_")
	return b
}

func writeProfiles(dir string) {
	program(1).write(dir, "program")
	program(3).write(dir, "program3")
	labelled().write(dir, "labels")
	names().write(dir, "names")
	mangled().write(dir, "mangled")

	// The types of program in other units, which merging has to bring together.
	millis := newBuilder("samples", "count", "cpu", "milliseconds")
	for i, leaf := range []string{"late", "later", "late"} {
		millis.sample(v(int64(i+1), int64(40*(i+1))), leaf, []string{"main", "other"}[i%2], "start")
	}
	millis.write(dir, "millis")

	b := newBuilder("delta", "milliseconds", "count", "count")
	for i := int64(0); i < 12; i++ {
		leaf := []string{"grew", "shrank", "gone", "new"}[i%4]
		value := []int64{700, -450, -3, 90}[i%4] * (i + 1)
		b.sample(v(value, value%7), leaf, "caller", "main")
	}
	b.sample(v(-5, 2), "main")
	b.write(dir, "negative")

	b = newBuilder("tiny", "nanoseconds", "big", "petabytes", "gcu", "nanogcu", "us", "μs", "odd", "widgets", "minutes", "hours")
	for i := int64(1); i <= 10; i++ {
		b.sample(v(i, i*i, i*1500, i*999, i*i*i, i), "leaf"+string(rune('a'+i)), "main")
	}
	b.write(dir, "units")

	b = newBuilder("count", "count")
	b.sample(v(math.MaxInt64), "max", "main")
	b.sample(v(math.MinInt64), "min", "main")
	b.sample(v(1), "one", "main")
	b.write(dir, "extremes")

	b = newBuilder("count", "count")
	b.sample(v(5), "up", "main")
	b.sample(v(-5), "down", "main")
	b.sample(v(0), "zero", "main")
	b.write(dir, "zero")

	newBuilder("samples", "count", "cpu", "nanoseconds").write(dir, "empty")

	b = newBuilder("samples", "count")
	b.p.DropFrames, b.p.KeepFrames = "noise.*|malloc", "noise_kept"
	b.sample(v(10), "noise1", "noise2", "user", "noise3", "main")
	b.sample(v(20), "malloc", "noise_kept", "main")
	b.sample(v(30), "noise1")
	b.sample(v(40), "user", "malloc")
	b.write(dir, "dropped")

	// What is dropped is inlined in what is not.
	b = newBuilder("samples", "count")
	b.p.DropFrames, b.p.KeepFrames = "noise.*|malloc", "noise_kept"
	b.mapping(0x1000, 0x2000, 0, "/a", "x")
	spec := func(names ...string) (frames []frameSpec) {
		for i, name := range names {
			frames = append(frames, frameSpec{name: name, file: "a.c", line: int64(i + 1)})
		}
		return frames
	}
	b.location("one", b.p.Mapping[0], 0x1000, spec("noise1", "user", "worker", "loop")...)
	b.location("two", b.p.Mapping[0], 0x1100, spec("leaf", "malloc", "noise_kept", "user", "loop")...)
	b.location("three", b.p.Mapping[0], 0x1200, spec("leaf", "noise2", "user")...)
	b.sample(v(10), "leaf", "one", "main")
	b.sample(v(20), "two", "three", "main")
	b.sample(v(30), "leaf", "three", "one", "main")
	b.sample(v(40), "two", "main")
	b.write(dir, "dropped_inlines")

	b = newBuilder("samples", "count")
	b.mapping(0x1000, 0x2000, 0, "/a", "x")
	b.location("a", b.p.Mapping[0], 0x1000, frameSpec{name: "same", file: "one.c", line: 3, column: 4})
	b.location("b", b.p.Mapping[0], 0x1100, frameSpec{name: "same", file: "two.c", line: 3, column: 5})
	b.location("c", b.p.Mapping[0], 0x1200, frameSpec{name: "same", file: "one.c", line: 3, column: 9})
	b.location("d", b.p.Mapping[0], 0x1300, frameSpec{name: "inlined", file: "one.c", line: 8}, frameSpec{name: "same", file: "one.c", line: 4})
	b.locations["d"].IsFolded = true
	b.sample(v(7), "a", "b")
	b.sample(v(6), "b", "c")
	b.sample(v(5), "d", "a")
	b.sample(v(4), "c", "d", "c")
	b.write(dir, "same")

	// A function that is inlined here and called there, and what is wider in bytes than on paper.
	b = newBuilder("weights", "größen")
	b.mapping(0x1000, 0x9000, 0, "/usr/bin/odd", "")
	callee := frameSpec{name: "Lorg/app/Callee;run", file: "callee.c", line: 7, start: 5}
	b.location("inlined", b.p.Mapping[0], 0x1000, callee, frameSpec{name: "caller", file: "caller.c", line: 3, start: 1})
	b.location("called", b.p.Mapping[0], 0x1100, callee)
	b.location("caller", b.p.Mapping[0], 0x1200, frameSpec{name: "caller", file: "caller.c", line: 4, start: 1})
	for i, leaf := range []string{"inlined", "called", "caller", "inlined", "leaf;a", "leaf;b"} {
		s := b.sample(v(int64(90-7*i)), leaf, []string{"caller", "main"}[i%2], "main")
		s.Label = map[string][]string{"schlüssel": {[]string{"größer", "kleiner"}[i%2]}, "key": {"é"}}
		s.NumLabel = map[string][]int64{"maß": {int64(i)}}
	}
	b.write(dir, "odd")

	// Locks, where the default is not the last type.
	b = newBuilder("contentions", "count", "delay", "nanoseconds")
	b.p.PeriodType, b.p.Period = &profile.ValueType{Type: "contentions", Unit: "count"}, 1
	b.p.DefaultSampleType = "contentions"
	for i := int64(1); i <= 9; i++ {
		lock := []string{"queue_lock", "table_lock", "log_lock"}[i%3]
		b.sample(v(i, (12-i)*(12-i)*1234567), lock, "worker"+string(rune('A'+i%4)), "main")
	}
	b.write(dir, "locks")

	// Other types of locks, another default, and two units to bring together.
	for _, w := range []struct {
		name, preferred string
		types           []string
		values          [][]int64
	}{
		{"waits", "wait", []string{"delay", "microseconds", "wait", "milliseconds", "contentions", "count"},
			[][]int64{{0, 5, 1}, {0, 0, 7}, {1500, 0, 0}, {90, 2, 3}}},
		{"waits_fine", "", []string{"contentions", "count", "wait", "nanoseconds", "delay", "nanoseconds"},
			[][]int64{{4, 0, 0}, {1, 70, 0}, {0, 0, 12345}, {2, 999, 1}}},
	} {
		b = newBuilder(w.types...)
		b.p.PeriodType, b.p.Period = &profile.ValueType{Type: "contentions", Unit: "count"}, 1
		b.p.DefaultSampleType = w.preferred
		for i, values := range w.values {
			b.sample(values, []string{"queue_lock", "table_lock", "log_lock", "gate_lock"}[i], "worker", "main")
		}
		b.write(dir, w.name)
	}

	// Functions that weigh less than what they call, and a mean that has no absolute value.
	b = newBuilder("samples", "count", "space", "bytes")
	b.sample(v(100, 5000), "hot", "thin", "main")
	b.sample(v(-99, -4000), "cold", "thin", "main")
	b.sample(v(500, 90000), "busy", "main")
	b.sample(v(40, 70), "hot", "thin", "busy", "main")
	b.sample(v(-1, math.MinInt64), "lowest")
	b.write(dir, "cancel")

	// Sources of all kinds, and binaries whose names are taken for URLs.
	b = newBuilder("samples", "count")
	for i, file := range []string{`C:\app\app.exe`, "http://example.com/lib", "odd name:1", `C:\app\lib.dll`, "app:\x01"} {
		start := uint64(0x1000 * (i + 1))
		b.mapping(start, start+0x1000, 0, file, []string{"", "", "", "1234", ""}[i])
		b.location(file, b.p.Mapping[i], start)
		b.sample(v(int64(10-i)), file, "main")
	}
	for i, f := range []frameSpec{
		{name: "crlf", file: "src/crlf.c", line: 3}, {name: "crlf_last", file: "src/crlf.c", line: 7},
		{name: "up", file: "absent/../src/crlf.c", line: 1}, {name: "above", file: "../profiles/src/crlf.c", line: 2},
		{name: "absent", file: "/absent/x.c", line: 2}, {name: "within_file", file: "/etc/passwd/x.c", line: 2},
		{name: "trimmed", file: "/build/src/crlf.c", line: 5}, {name: "beyond", file: "src/crlf.c", line: 400},
		{name: "backwards", file: "absent/back.c", line: 1, start: 30},
	} {
		b.location(f.name, b.p.Mapping[3], uint64(0x4000+16*i), f)
		b.sample(v(int64(20+i)), f.name, "main")
	}
	b.write(dir, "sources")

	// Many functions: more than a picture or a tree shows.
	b = newBuilder("samples", "count", "cpu", "nanoseconds")
	b.mapping(0x1000, 0x9000, 0, "/usr/bin/wide", "")
	for i := int64(0); i < 300; i++ {
		n := 1 + (i*i*7919)%997
		b.sample(v(n, n*1000003), "leaf"+string(rune('A'+i%26))+string(rune('a'+i/26%26)), "mid"+string(rune('A'+i%17)), "top"+string(rune('A'+i%5)), "main")
	}
	b.write(dir, "wide")
}
