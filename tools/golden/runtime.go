// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"runtime"
	rpprof "runtime/pprof"
	"sort"
	"strings"
	"sync"
	"time"
)

// busy uses the CPU, memory, a contended lock and a channel.
func busy(until time.Time) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	kept := map[int][]string{}
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; time.Now().Before(until); i++ {
				words := strings.Fields(strings.Repeat("some words to sort ", 200))
				sort.Strings(words)
				mu.Lock()
				kept[g*8+i%8] = words
				time.Sleep(10 * time.Microsecond)
				mu.Unlock()
			}
		}(g)
	}
	wg.Wait()
}

func writeRuntimeProfiles(dir string) {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	runtime.MemProfileRate = 8192
	create := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name+".pb.gz"))
		if err != nil {
			fail("%v", err)
		}
		return f
	}
	f := create("go_cpu")
	if err := rpprof.StartCPUProfile(f); err != nil {
		fail("%v", err)
	}
	stop := make(chan bool)
	for i := 0; i < 3; i++ {
		go func() { <-stop }()
	}
	busy(time.Now().Add(2 * time.Second))
	rpprof.StopCPUProfile()
	f.Close()
	for _, name := range []string{"heap", "allocs", "mutex", "block", "goroutine", "threadcreate"} {
		f := create("go_" + name)
		if err := rpprof.Lookup(name).WriteTo(f, 0); err != nil {
			fail("%v", err)
		}
		f.Close()
	}
	close(stop)
}
