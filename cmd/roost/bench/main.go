package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	roost string
	parts string
	write string
	users int
	runs  int
	each  time.Duration
	keep  bool
	alone bool // without Kamailio
	storm []int
}

// parts are what can be measured, in their order.
var parts = []struct {
	name string
	do   func(*bench, context.Context) error
}{
	{"register", (*bench).register},
	{"memory", (*bench).memory},
	{"storm", (*bench).storms},
	{"media", (*bench).media},
	{"calls", (*bench).calls},
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == floorWord {
		fatal(serveFloor(os.Args[2], os.Args[3]))
		return
	}
	if len(os.Args) == 3 && os.Args[1] == relayWord {
		fatal(serveRelay(os.Args[2]))
		return
	}
	var o options
	flag.StringVar(&o.roost, "roost", "bin/roost", "the program to measure")
	flag.StringVar(&o.parts, "part", "", "only these, with commas between: register, memory, storm, media, calls")
	flag.StringVar(&o.write, "write", "", "the file between whose markers the tables go, such as docs/performance.md")
	flag.IntVar(&o.users, "users", 100_000, "how many phones there are")
	flag.IntVar(&o.runs, "runs", 3, "how often each is measured; the median counts")
	flag.DurationVar(&o.each, "for", 2*time.Second, "how long each is measured")
	flag.BoolVar(&o.alone, "alone", false, "leave Kamailio and rtpengine out")
	flag.BoolVar(&o.keep, "keep", false, "keep configurations, logs and profiles")
	flag.Parse()
	o.storm = []int{10_000, 90_000}
	fatal(run(o))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	chosen, err := choose(o.parts)
	if err != nil {
		return err
	}
	cores, err := pinSelf()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := newBench(o, cores)
	if err != nil {
		return err
	}
	defer b.close()
	b.say("%s", b.machine())
	for _, part := range parts {
		if !slices.Contains(chosen, part.name) {
			continue
		}
		if err := part.do(b, ctx); err != nil {
			return fmt.Errorf("%s: %w; logs are in %s", part.name, err, b.keepFolder())
		}
	}
	if len(b.faults) > 0 {
		return fmt.Errorf("measured, but roost was not without fault:\n%s\nlogs are in %s", strings.Join(b.faults, "\n"), b.keepFolder())
	}
	return nil
}

// choose reads --part; empty: all.
func choose(list string) ([]string, error) {
	var known, chosen []string
	for _, part := range parts {
		known = append(known, part.name)
	}
	if list == "" {
		return known, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no part %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, name)
	}
	return chosen, nil
}
