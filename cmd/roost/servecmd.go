package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"roost/cmd/roost/config"
	"roost/cmd/roost/node"
)

// exitHung is the exit status of a system whose watchdog ended it.
const exitHung = 3

// serveCmd is `roost serve`: one system, until it is told to end.
type serveCmd struct {
	Config  string `short:"c" required:"" type:"path" placeholder:"FILE" help:"The system's configuration."`
	LogJSON bool   `help:"Log as JSON lines instead of text."`
	Debug   bool   `help:"Log more than an administrator needs."`
	// Drain bounds an orderly end; what is under way then is cut.
	Drain time.Duration `help:"How long an orderly end may take." default:"5s"`

	KeyLog  string `help:"Add the keys of the phones' TLS connections to this file, for tshark; only with lab: true." type:"path" hidden:""`
	Profile string `help:"Write a profile of the processor, and at SIGUSR1 of the heap, into this folder." type:"path" hidden:""`
}

// Run serves until SIGTERM or SIGINT. SIGHUP reads the configuration again; a
// bad file keeps the running one.
func (c *serveCmd) Run() error {
	if c.Profile == "" {
		return c.serve()
	}
	profiler, err := startProfiler(c.Profile)
	if err != nil {
		return err
	}
	return errors.Join(c.serve(), profiler.stop())
}

func (c *serveCmd) serve() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	log := c.logger()
	configuration, err := config.Load(c.Config, os.Getenv)
	if err != nil {
		return err
	}
	options := node.Options{Log: log, Hung: func() { os.Exit(exitHung) }}
	if c.KeyLog != "" {
		keys, err := os.OpenFile(c.KeyLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("the log of TLS keys: %w", err)
		}
		defer keys.Close()
		options.KeyLog = keys
	}
	system, err := node.New(configuration, options)
	if err != nil {
		return err
	}
	if err := system.Start(); err != nil {
		return err
	}
	for received := range signals {
		if received != syscall.SIGHUP {
			log.Info().Str("signal", received.String()).Msg("ending: no new phones, telling the backups")
			break
		}
		c.reload(system, log)
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Drain)
	defer cancel()
	return system.Stop(ctx)
}

func (c *serveCmd) reload(system *node.Node, log zerolog.Logger) {
	configuration, err := config.Load(c.Config, os.Getenv)
	if err == nil {
		err = system.Reload(configuration)
	}
	if err != nil {
		log.Error().Msgf("the configuration was not taken, the running one stays:\n%v", err)
		return
	}
	log.Info().Str("file", c.Config).Msg("configuration read again")
}

func (c *serveCmd) logger() zerolog.Logger {
	zerolog.TimeFieldFormat = time.RFC3339Nano // milliseconds count when phones move
	level := zerolog.InfoLevel
	if c.Debug {
		level = zerolog.DebugLevel
	}
	if c.LogJSON {
		return zerolog.New(os.Stderr).Level(level).With().Timestamp().Logger()
	}
	_, _, terminal := terminalSize()
	text := zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "15:04:05.000", NoColor: !terminal}
	return zerolog.New(text).Level(level).With().Timestamp().Logger()
}

// Help is what `roost serve --help` adds.
func (c *serveCmd) Help() string {
	return fmt.Sprintf("SIGHUP reads the configuration again, SIGTERM ends in order (within %v by default).", 5*time.Second)
}
