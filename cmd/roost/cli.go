package main

import (
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
)

// cli is the command line: a line for each sub-command, each in a file of its own.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Run a system."`
	Status   statusCmd   `cmd:"" help:"Systems, lines, phones, guests, alarms, timers of a running system."`
	TakeOver takeOverCmd `cmd:"" name:"takeover" help:"Make a backup serve a home's phones at once."`
	Release  releaseCmd  `cmd:"" help:"Make a backup send guests home now."`
	Announce announceCmd `cmd:"" help:"Make a home tell its backups that it restarts and is back within a time."`
	Demo     demoCmd     `cmd:"" help:"A home and a backup on loopback, to point a phone at."`
	Lab      labCmd      `cmd:"" help:"Start systems and simulated phones, break things, report."`
	Phone    phoneCmd    `cmd:"" help:"One simulated phone for any registrar, or many."`
	Check    checkCmd    `cmd:"" help:"Say what would go wrong, before it does: keys, numbers, certificates, media security, capacity."`
	H323     h323Cmd     `cmd:"" name:"h323" help:"H.323 messages explained."`
	Certs    certsCmd    `cmd:"" help:"A lab CA, identity certificates, and certificates explained."`
}

// world is what the sub-commands have of the world outside. kong hands it to
// their Run methods.
type world struct {
	out, err io.Writer
	now      func() time.Time
	getenv   func(string) string
}

// exitStatus is an error that has been told already and only sets the status.
type exitStatus int

func (status exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(status)) }

// newParser makes the parser of the command line. exit is called after --help.
func newParser(commands *cli, w *world, exit func(int)) (*kong.Kong, error) {
	parser, err := kong.New(commands,
		kong.Name("roost"),
		kong.Description("Keeps an organisation's phones registered when a site goes down."),
		kong.Writers(w.out, w.err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Bind(w),
	)
	if err != nil {
		return nil, fmt.Errorf("the command line: %w", err)
	}
	return parser, nil
}
