package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server and its children, in a group of their own.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	err    error // after exited
}

// start runs a program on a core; its output goes to a log.
func (b *bench) start(name string, core int, program string, args ...string) (*process, error) {
	return b.startWith(name, core, nil, nil, program, args...)
}

// startWith is start with an input and an output that is not the log; nil: none, the log.
func (b *bench) startWith(name string, core int, in, out *os.File, program string, args ...string) (*process, error) {
	p := &process{name: name, log: b.path(name + ".log"), exited: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command("taskset", append([]string{"-c", strconv.Itoa(core), program}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if in != nil && out != nil {
		p.cmd.Stdin, p.cmd.Stdout = in, out
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// stop ends the server in order, and after five seconds with its whole group.
func (p *process) stop() {
	select {
	case <-p.exited:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
	}
}

// kill ends the server as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// until waits for a condition, not longer than within.
func (p *process) until(ctx context.Context, within time.Duration, what string, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended before it %s: %w; its log is %s", p.name, what, p.err, p.log)
		case <-ctx.Done():
			return fmt.Errorf("%s has not %s within %v: %w", p.name, what, within, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}

// answersTCP is the condition that somebody listens there.
func answersTCP(at string) func(context.Context) error {
	return func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", at)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// clockTick is the unit of times in /proc (USER_HZ), the same on every Linux that
// Go runs on.
const clockTick = 10 * time.Millisecond

// used is the processor time of the server and its children, so far.
func (p *process) used() time.Duration {
	group := strconv.Itoa(p.cmd.Process.Pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	var sum time.Duration
	for _, stat := range stats {
		// pid (name) state ppid pgrp … utime stime; the name may hold spaces.
		_, rest, ok := strings.Cut(readFile(stat), ") ")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 13 || fields[2] != group {
			continue
		}
		for _, field := range fields[11:13] {
			if ticks, err := strconv.Atoi(field); err == nil {
				sum += time.Duration(ticks) * clockTick
			}
		}
	}
	return sum
}

// resident is the memory of the server's first process that is in RAM, in bytes.
func (p *process) resident() uint64 {
	for line := range strings.Lines(readFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}
