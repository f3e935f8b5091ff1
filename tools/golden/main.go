// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause

// Command golden makes what tests/golden compares with: profiles, and the output of the real
// google/pprof for the command lines of tests/golden/cases.
//
// Build it with -trimpath: the profiles of Go's runtime name their source files.
//
//	golden profiles DIR    write the synthetic profiles
//	golden runtime DIR     write profiles of this program, by Go's runtime
//	golden pprof ARGS      be pprof
//	golden expect DIR [P]  write DIR/expected from DIR/cases and DIR/profiles; P: of such names
//	golden missing DIR     the same of cases that have no expected output yet
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/google/pprof/driver"
	"github.com/google/pprof/profile"
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "golden: "+format+"\n", args...)
	os.Exit(1)
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: golden profiles|runtime|expect|missing DIR | pprof ARGS")
	}
	switch os.Args[1] {
	case "profiles":
		writeProfiles(os.Args[2])
		writeLegacy(os.Args[2])
	case "runtime":
		writeRuntimeProfiles(os.Args[2])
	case "expect":
		only := strings.Join(os.Args[3:], " ")
		if only == "" {
			os.RemoveAll(filepath.Join(os.Args[2], "expected"))
		}
		expect(os.Args[2], func(name string) bool { return strings.Contains(name, only) })
	case "missing":
		expect(os.Args[2], func(name string) bool {
			_, err := os.Stat(filepath.Join(os.Args[2], "expected", name))
			return err != nil
		})
	case "pprof":
		os.Args = append(os.Args[:1], os.Args[2:]...)
		if err := driver.PProf(&driver.Options{}); err != nil {
			fmt.Fprintf(os.Stderr, "pprof: %v\n", err)
			os.Exit(2)
		}
	default:
		fail("unknown command %q", os.Args[1])
	}
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9]+`)

// caseName names a case by its flags.
func caseName(line string) string {
	return strings.Trim(unsafe.ReplaceAllString(strings.ReplaceAll(line, ".pb.gz", ""), "_"), "_")
}

// pprof runs pprof in the profiles' directory and returns its output and whether it succeeded.
func pprof(dir string, args ...string) (string, bool) {
	self, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	cmd := exec.Command(self, append([]string{"pprof"}, args...)...)
	cmd.Dir = filepath.Join(dir, "profiles")
	cmd.Env = append(os.Environ(), "TZ=UTC", "HOME=/nonexistent", "PPROF_BINARY_PATH=/nonexistent")
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.String(), err == nil
}

// promptOnly are options that pprof knows at its prompt; its flags are named as their values.
var promptOnly = regexp.MustCompile(`^-(?:sort|granularity)=`)

// split cuts a command line at blanks; single quotes keep blanks together.
func split(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`(?:'[^']*'|\S)+`).FindAllString(line, -1) {
		words = append(words, promptOnly.ReplaceAllString(strings.ReplaceAll(m, "'", ""), "-"))
	}
	return words
}

// run gives what pprof says to a command line of ours.
func run(dir, line string) (string, bool) {
	words := split(line)
	verb, args := words[0], words[1:]
	switch verb {
	case "peek", "list":
		return pprof(dir, append([]string{"-" + verb + "=" + args[0]}, args[1:]...)...)
	case "proto", "topproto":
		file, err := os.CreateTemp("", "golden.*.pb.gz")
		if err != nil {
			fail("%v", err)
		}
		file.Close()
		tmp := file.Name()
		defer os.Remove(tmp)
		if out, ok := pprof(dir, append([]string{"-" + verb, "-output=" + tmp}, args...)...); !ok {
			return out, ok
		}
		return pprof(dir, "-raw", tmp)
	case "collapsed":
		unit := sampleUnit(filepath.Join(dir, "profiles", args[len(args)-1]))
		out, ok := pprof(dir, append([]string{"-traces", "-unit=" + unit}, args...)...)
		return collapse(out), ok
	}
	return pprof(dir, append([]string{"-" + verb}, args...)...)
}

// sampleUnit is the unit of the values that a profile shows by default.
func sampleUnit(path string) string {
	f, err := os.Open(path)
	if err != nil {
		fail("%v", err)
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		fail("%s: %v", path, err)
	}
	i, err := p.SampleIndexByName("")
	if err != nil || p.SampleType[i].Unit == "" {
		return "none"
	}
	return p.SampleType[i].Unit
}

var frame = regexp.MustCompile(`^(?: {13}| *(\S+) {3})(.*)$`)

// collapse turns -traces into sorted collapsed stacks.
func collapse(traces string) string {
	sums := map[string]int64{}
	for _, block := range strings.Split(traces, "-----------+-------------------------------------------------------\n")[1:] {
		var names []string
		var value int64
		for _, line := range strings.Split(block, "\n") {
			m := frame.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if m[1] != "" {
				fmt.Sscanf(m[1], "%d", &value)
			}
			names = append([]string{strings.ReplaceAll(strings.TrimSuffix(m[2], " (inline)"), ";", ":")}, names...)
		}
		if len(names) > 0 {
			sums[strings.Join(names, ";")] += value
		}
	}
	var lines []string
	for k, v := range sums {
		if v != 0 {
			lines = append(lines, fmt.Sprintf("%s %d\n", k, v))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// sorted makes outputs comparable whose order does not matter: a graph is a set of lines.
func sorted(verb, out string) string {
	if verb != "dot" {
		return out
	}
	lines := strings.SplitAfter(out, "\n")
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// expect writes the expected outputs of the chosen cases, and removes those that no case has.
func expect(dir string, chosen func(name string) bool) {
	cases, err := os.ReadFile(filepath.Join(dir, "cases"))
	if err != nil {
		fail("%v", err)
	}
	out := filepath.Join(dir, "expected")
	if err := os.MkdirAll(out, 0o755); err != nil {
		fail("%v", err)
	}
	names := map[string]bool{}
	var wg sync.WaitGroup
	running := make(chan bool, runtime.NumCPU())
	for _, line := range strings.Split(string(cases), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		name := caseName(line)
		if names[name] {
			fail("two cases are called %s", name)
		}
		names[name] = true
		if !chosen(name) {
			continue
		}
		wg.Add(1)
		running <- true
		go func() {
			writeExpected(dir, filepath.Join(out, name), line)
			<-running
			wg.Done()
		}()
	}
	wg.Wait()
	files, err := os.ReadDir(out)
	if err != nil {
		fail("%v", err)
	}
	for _, file := range files {
		if !names[file.Name()] {
			os.Remove(filepath.Join(out, file.Name()))
		}
	}
}

// writeExpected writes what pprof says to one command line; it tells where pprof contradicts itself.
func writeExpected(dir, path, line string) {
	verb := split(line)[0]
	text, ok := run(dir, line)
	text = sorted(verb, text)
	for i := 0; i < 3; i++ {
		if again, _ := run(dir, line); sorted(verb, again) != text {
			fmt.Fprintf(os.Stderr, "unstable: %s\n", line)
			break
		}
	}
	// Where the tree lies is told in messages; tests/golden/run puts the same name there.
	if profiles, err := filepath.Abs(filepath.Join(dir, "profiles")); err == nil {
		text = strings.ReplaceAll(text, "on path "+profiles, "on path PROFILES")
	}
	if !ok {
		text += "exit 2\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		fail("%v", err)
	}
}
