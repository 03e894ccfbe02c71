package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"roost/cmd/roost/config"
	"roost/cmd/roost/console"
	"roost/cmd/roost/console/screen"
)

// statusCmd is `roost status`.
type statusCmd struct {
	Config  string        `short:"c" type:"path" placeholder:"FILE" help:"Configuration of the system to ask; its console.listen is used."`
	Console string        `help:"Address of its console, 127.0.0.1:8080 if not given." placeholder:"HOST:PORT" default:"127.0.0.1:8080"`
	Watch   bool          `short:"w" help:"Draw the status again and again over the whole screen, until Ctrl-C."`
	Every   time.Duration `help:"With --watch: how often." default:"1s"`
	JSON    bool          `help:"The same as data, for programs."`
}

// Run asks the system once, or with --watch until the user ends it.
func (c *statusCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	address, err := consoleAddress(c.Config, c.Console)
	if err != nil {
		return err
	}
	client := console.NewClient(address)
	defer client.Close()
	if !c.Watch {
		return c.once(ctx, client)
	}
	return c.watch(ctx, client)
}

// consoleAddress is where a system's console listens: as its configuration says,
// or as given where there is no configuration.
func consoleAddress(file, given string) (string, error) {
	if file == "" {
		return given, nil
	}
	configuration, err := config.Load(file, os.Getenv)
	if err != nil {
		return "", err
	}
	if configuration.Console.Listen.IsZero() {
		return "", fmt.Errorf("%s has no console.listen; add `console: {listen: \"127.0.0.1:8080\"}`", file)
	}
	return configuration.Console.Listen.String(), nil
}

func (c *statusCmd) once(ctx context.Context, client *console.Client) error {
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(status)
	}
	width, _, terminal := terminalSize()
	fmt.Print(screen.Render(status, screen.Options{Width: width, Colour: terminal}))
	return nil
}

// The alternate screen keeps the user's own scroll-back untouched.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	drawOver    = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

func (c *statusCmd) watch(ctx context.Context, client *console.Client) error {
	fmt.Print(enterScreen)
	defer fmt.Print(leaveScreen)
	ticker := time.NewTicker(max(c.Every, 100*time.Millisecond))
	defer ticker.Stop()
	for {
		c.draw(ctx, client)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// draw writes one picture in a single write, so that the screen does not flicker.
// A system that does not answer is shown as such and asked again: watching it
// come back is what --watch is for.
func (c *statusCmd) draw(ctx context.Context, client *console.Client) {
	width, height, _ := terminalSize()
	status, err := client.Status(ctx)
	var text string
	if err != nil {
		text = fmt.Sprintf("%s  %v\n", time.Now().Format("15:04:05"), err)
	} else {
		text = screen.Render(status, screen.Options{Width: width, Colour: true, Guests: max(5, height-30)})
	}
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(rows) >= height {
		rows = rows[:height-1]
	}
	fmt.Print(drawOver + strings.Join(rows, clearLine+"\n") + clearLine + clearBelow)
}

// terminalSize is the size of standard output in columns and rows, and whether
// it is a terminal at all.
func terminalSize() (columns, rows int, terminal bool) {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 100, 40, false
	}
	return int(size.Col), int(size.Row), true
}
