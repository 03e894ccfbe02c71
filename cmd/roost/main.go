// Command roost keeps an organisation's phones registered when a site goes down.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

func main() {
	w := &world{out: os.Stdout, err: os.Stderr, now: time.Now, getenv: os.Getenv}
	os.Exit(run(os.Args[1:], w))
}

// run carries out one command line and gives its exit status: 0, 1 for a failure,
// 2 for a command line that is not understood.
func run(args []string, w *world) int {
	var commands cli
	helped := false
	parser, err := newParser(&commands, w, func(int) { helped = true })
	if err != nil {
		return w.fail(err, 2)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		return w.fail(fmt.Errorf("%w; roost --help lists what there is", err), 2)
	}
	err = chosen.Run()
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	default:
		return w.fail(err, 1)
	}
}

// fail tells an error; that even this cannot be written has nowhere to go.
func (w *world) fail(err error, status int) int {
	_, _ = fmt.Fprintf(w.err, "roost: %v\n", err)
	return status
}
