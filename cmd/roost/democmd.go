package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"roost/cmd/roost/demo"
)

// demoCmd is `roost demo`, what `make run` starts.
type demoCmd struct {
	Dir string `arg:"" optional:"" default:"run" type:"path" help:"Folder for configurations, certificates and logs."`
}

// Run runs the pair until Ctrl-C.
func (c *demoCmd) Run(w *world) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program's own path: %w", err)
	}
	return demo.Run(ctx, demo.Options{Dir: c.Dir, Program: program, Out: w.out})
}
