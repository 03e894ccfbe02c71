package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pinned stands in the environment of this program once it runs on its own core.
const pinned = "ROOST_BENCH_CORES"

// precedence is the niceness of the servers and the generator.
const precedence = -10

// descriptors is how many files and sockets each program may have open.
const descriptors = 65_536

// cores are the processors in use: one for the servers, one for the generator.
type cores struct{ server, generator int }

// pinSelf gives the program a core of its own. Go counts its processors once, at
// the start, so it starts anew on that core.
func pinSelf() (cores, error) {
	if told := os.Getenv(pinned); told != "" {
		var c cores
		_, err := fmt.Sscanf(told, "%d %d", &c.server, &c.generator)
		return c, err
	}
	c, err := firstAndLast()
	if err != nil {
		return c, err
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return c, fmt.Errorf("taskset (package util-linux) pins the servers and the generator: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	// Neighbours shall not decide what is measured. It needs root; without, the load
	// average says what to think of the figures.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, precedence)
	environment := append(os.Environ(), fmt.Sprintf("%s=%d %d", pinned, c.server, c.generator))
	// 5,000 anchored calls have 20,000 sockets. Without root the limit that there is holds.
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: descriptors, Max: descriptors})
	arguments := append([]string{taskset, "-c", fmt.Sprint(c.generator), self}, os.Args[1:]...)
	return c, syscall.Exec(taskset, arguments, environment)
}

// firstAndLast are of the processors that this process may use.
func firstAndLast() (cores, error) {
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return cores{}, fmt.Errorf("which processors may be used: %w", err)
	}
	c := cores{server: -1}
	for cpu := range 1024 {
		if may.IsSet(cpu) {
			if c.server < 0 {
				c.server = cpu
			}
			c.generator = cpu
		}
	}
	return c, nil
}

// machine describes where the numbers come from.
func (b *bench) machine() string {
	model, count := "unknown processor", 0
	for line := range strings.Lines(readFile("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			count++
		}
	}
	release := strings.TrimSpace(readFile("/proc/sys/kernel/osrelease"))
	pins := fmt.Sprintf("servers on core %d, generator on core %d", b.cores.server, b.cores.generator)
	if b.cores.server == b.cores.generator {
		pins = "servers and generator share the one core there is: no figure here says anything"
	}
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if nice = 20 - nice; err != nil { // the system call counts the other way
		nice = 0
	}
	return fmt.Sprintf("%s UTC; %s, %d cores, Linux %s, %s; %s, all at niceness %d; load average %s",
		time.Now().UTC().Format("2006-01-02 15:04"), model, count, release, runtime.Version(), pins, nice, loadAverage())
}

// loadAverage is that of the last minute: what else ran beside.
func loadAverage() string {
	first, _, _ := strings.Cut(readFile("/proc/loadavg"), " ")
	return first
}

// readFile is a file of /proc, "" where there is none.
func readFile(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(content)
}
