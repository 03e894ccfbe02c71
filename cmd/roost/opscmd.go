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
	Config  string `short:"c" type:"path" placeholder:"FILE" help:"Configuration of the system to tell; its console.listen is used."`
	Console string `help:"Address of its console, 127.0.0.1:8080 if not given." placeholder:"HOST:PORT" default:"127.0.0.1:8080"`
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

// Help is what `roost takeover --help` adds.
func (c *takeOverCmd) Help() string {
	return `Told to the backup. It lasts until roost release --home, or until the home was
away and is back.`
}

// Run tells the backup.
func (c *takeOverCmd) Run() error { return c.tell("takeover", api.TakeOver{Home: c.Home}) }

// releaseCmd is `roost release`: guests go home now.
type releaseCmd struct {
	system
	Home     string `placeholder:"SYSTEM" help:"All guests of this home; also ends a take-over."`
	Number   string `placeholder:"NUMBER" help:"This phone only."`
	Location string `placeholder:"NAME" help:"The phones of this location only."`
}

// Help is what `roost release --help` adds.
func (c *releaseCmd) Help() string {
	return `Told to the backup, where the guests are. Busy guests go after their call.`
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

// Help is what `roost announce --help` adds.
func (c *announceCmd) Help() string {
	return `Told to the home, before it is stopped. Its backups wait that long, if it is
longer than the failover delay.`
}

// Run tells the home, which tells its backups.
func (c *announceCmd) Run() error {
	return c.tell("announce", api.Announce{BackWithin: c.BackWithin.Seconds()})
}
