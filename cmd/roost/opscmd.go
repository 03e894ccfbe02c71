package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"roost/cmd/roost/console"
	"roost/cmd/roost/console/api"
)

// system says which running system an operator command is for.
type system struct {
	Config  string `short:"c" type:"path" help:"Configuration of the system; its console.listen is used."`
	Console string `help:"Address of the system's console." default:"127.0.0.1:8080"`
}

// tell gives one command to the system and prints its answer.
func (s *system) tell(path string, body any) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	address, err := consoleAddress(s.Config, s.Console)
	if err != nil {
		return err
	}
	client := console.NewClient(address)
	defer client.Close()
	answer, err := client.Command(ctx, path, body)
	if err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
}

// takeOverCmd is `roost takeover`: the planned hand-over of rule FO4.
type takeOverCmd struct {
	system
	Home string `arg:"" help:"The home whose phones are served from now on."`
}

// Run tells the backup.
func (c *takeOverCmd) Run() error { return c.tell("takeover", api.TakeOver{Home: c.Home}) }

// releaseCmd is `roost release`: guests go home now.
type releaseCmd struct {
	system
	Home     string `help:"All guests of this home; also ends a take-over."`
	Number   string `help:"This phone only."`
	Location string `help:"The phones of this location only."`
}

// Run tells the backup.
func (c *releaseCmd) Run() error {
	return c.tell("release", api.Release{Home: c.Home, Number: c.Number, Location: c.Location})
}

// announceCmd is `roost announce`: the home says that it restarts (FO4).
type announceCmd struct {
	system
	BackWithin time.Duration `arg:"" help:"The restart takes at most this long, such as 5m; 15m at most."`
}

// Run tells the home, which tells its backups.
func (c *announceCmd) Run() error {
	return c.tell("announce", api.Announce{BackWithin: c.BackWithin.Seconds()})
}
