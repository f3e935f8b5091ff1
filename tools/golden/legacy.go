// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
)

// What gperftools, jemalloc's relatives and old Go programs write, by file name.
var legacy = map[string]string{
	"heapprofile.heap": `heap profile:   6: 1600 [   9: 4000] @ heapprofile
  1:   1000 [  1:   1000] @ 0x401101 0x401201 0x7f0000001001
  2:    200 [  5:   2600] @ 0x401151 0x401201 0x7f0000001001
# comment
  3:    400 [  3:    400] @ 0x401101 0x7fffffff0000
  0:      0 [  4:     80] @ 0x401181

MAPPED_LIBRARIES:
00400000-00402000 r-xp 00000000 08:01 1234                               /opt/shop/server
00602000-00603000 rw-p 00002000 08:01 1234                               /opt/shop/server
7f0000000000-7f0000002000 r-xp 00001000 08:01 77                         /lib/libx.so.6 (deleted)
`,
	"heap_v2.heap": `heap profile:    5:   100000 [     7:   300000] @ heap_v2/524288
     1:    65536 [     1:    65536] @ 0x500101 0x500201
     2:     2048 [     3:     8192] @ 0x500151 0x500201
     1: 10485760 [     2: 20971520] @ 0x500161 0x500201
     1:        0 [     1:      100] @ 0x500171

--- Memory map: ---
build=/opt/shop
  500000-510000: $build/server (@1000) abc123
  510000-520000: $build/server
  7f0000000000-7f0000002000 r-xp 0 00:00 0 [vdso]
I1121 12:00:00.000000 1 map.cc:77] 7f0000003000-7f0000004000: /lib/liby.so_1
`,
	"oldgo.heap": `heap profile: 2: 3072 [4: 5120] @ heap/1048576
1: 1024 [1: 1024] @ 0x401101 0x401201
#	0x401100	main.f+0x10	/src/main.go:10
1: 2048 [3: 4096] @ 0x401151 0x401201
`,
	"growth.heap": `heap profile:     3: 3145728 [     3: 3145728] @ growthz
     1:  1048576 [     1:  1048576] @ 0x400101 0x400201
     2:  2097152 [     2:  2097152] @ 0x400151
MAPPED_LIBRARIES:
40000c-500000 r-xp 0000000c 08:01 1234 /opt/shop/server
`,
	"unsampled.heap": `heap profile: 2: 300 [2: 300] @ heap_v2/1
1: 100 [1: 100] @ 0x401101 0x401201
1: 200 [1: 200] @ 0x401151 0x401201
`,
	"contentionz.lock": `--- contentionz 1 ---
cycles/second = 2000000000
sampling period = 100
ms since reset = 16502830
discarded samples = 3
  19490304       27 @ 0x401101 0x401201 0x401301
       768        1 @ 0x401151 0x401201
# comment
      5760        2 @ 0x401161 0x7f0000001001
--- Memory map: ---
  00400000-00500000: /opt/shop/server
  7f0000000000-7f0000002000: /lib/libpthread-2.15.so
`,
	"mutex.lock": `--- mutex:
cycles/second=2500000000
sampling period=0x2
35 5 @ 0x401101 0x401201
11 1 @ 0x401151 0x401201
`,
	"block.lock": `--- contention:
cycles/second=999999999
12345678 9 @ 0x401101 0x401201
`,
	"goroutine.count": `# comment

goroutine profile: total 14
11 @ 0x401101 0x401201
#	0x401100	main.wait+0x10	/src/main.go:7

2 @ 0x401151 0x401201
1 @ 0x401161
`,
	"threadz.thread": `--- threadz 1 ---

--- Thread 7eff063d9940 (name: main/25376) stack: ---
  PC: 0x401101 poll
  0x401102
  0x401201 0x401301
--- Thread 7eff063b6700 (name: worker/25390) stack: ---
    0x401151
    0x401201
--- Thread 7eff063b5700 (name: worker/25391) stack: ---
 [same as previous thread]
--- Thread 7eff063b4700 (name: worker/25392) stack: ---
 [same as previous thread]
--- Memory map: ---
  00400000-00500000: /opt/shop/server
`,
}

// cpuWords writes a CPU profile in the words of some machine.
func cpuWords(order binary.ByteOrder, size int, memoryMap string) []byte {
	var b bytes.Buffer
	put := func(words ...uint64) {
		for _, w := range words {
			if size == 4 {
				binary.Write(&b, order, uint32(w))
			} else {
				binary.Write(&b, order, w)
			}
		}
	}
	put(0, 3, 0, 10000, 0)
	for i := uint64(0); i < 40; i++ {
		// A handler's frame above the leaf, and a leaf that the stack has once more.
		stack := []uint64{0x401100 + i%7*16, 0x400201, 0x401301, 0x401401}
		if i%3 == 0 {
			stack = []uint64{0x401110, 0x400201, 0x401110, 0x401301}
		}
		put(1+i%4, uint64(len(stack)))
		put(stack...)
	}
	put(0, 1, 0)
	b.WriteString(memoryMap)
	return b.Bytes()
}

const cpuMap = `build=/opt/shop
00400000-00401000 r-xp 00000000 08:01 1234 $build/server
00401000-00402000 r-xp 00001000 08:01 1234 $build/server
7f0000000000-7f0000002000 r-xp 00000000 08:01 77 /lib/libx-2.so
`

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// writeLegacy writes profiles in the formats that were there before profile.proto.
func writeLegacy(dir string) {
	files := map[string][]byte{
		"little64.prof": cpuWords(binary.LittleEndian, 8, cpuMap),
		"big64.prof":    cpuWords(binary.BigEndian, 8, cpuMap),
		"little32.prof": cpuWords(binary.LittleEndian, 4, ""),
		"big32.prof":    cpuWords(binary.BigEndian, 4, cpuMap),
	}
	for name, text := range legacy {
		files[name] = []byte(text)
	}
	files["gzipped.heap"] = gzipped(files["heap_v2.heap"])
	files["gzipped.prof"] = gzipped(files["little64.prof"])
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			fail("%v", err)
		}
	}
}
