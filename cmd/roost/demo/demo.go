package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"roost/cmd/roost/config"
	"roost/cmd/roost/console"
)

// Options is what Run needs.
type Options struct {
	Dir     string // where configurations, certificates and logs go; made if missing
	Program string // the roost program, which is started as `serve`
	Out     io.Writer
}

// upWithin bounds how long a system may take to answer its console.
const upWithin = 15 * time.Second

// Run starts both systems, says where to point a phone, and ends them when ctx
// ends. It returns early when a system ends by itself, except by SIGKILL: to kill
// the home and see what happens is what the demo is for.
func Run(ctx context.Context, o Options) error {
	if err := prepare(o.Dir, time.Now()); err != nil {
		return err
	}
	var home, backup *process
	var err error
	if home, err = start(o, homeName); err != nil {
		return err
	}
	defer home.stop()
	if backup, err = start(o, backupName); err != nil {
		return err
	}
	defer backup.stop()
	for _, p := range []*process{home, backup} {
		if err := p.untilUp(ctx); err != nil {
			return fmt.Errorf("%s did not come up: %w; its log is %s", p.name, err, p.log)
		}
	}
	program := asTyped(o.Program)
	at, next := home.running.Address, backup.running.Address
	if _, err := fmt.Fprintf(o.Out, welcome, at, next, o.Dir,
		program, at, next, program, at, next,
		program, home.running.Console.Listen, program, backup.running.Console.Listen,
		home.command.Process.Pid, next, program, home.config, o.Dir); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(o.Out, "ending both systems")
		return nil
	case <-home.ended:
		return untilEnd(ctx, o.Out, home, backup)
	case <-backup.ended:
		return untilEnd(ctx, o.Out, backup, home)
	}
}

// untilEnd goes on with one system after the other was killed.
func untilEnd(ctx context.Context, out io.Writer, gone, left *process) error {
	if !gone.killed() {
		return fmt.Errorf("%s ended by itself (%w); its log is %s", gone.name, gone.err, gone.log)
	}
	_, _ = fmt.Fprintf(out, "%s was killed; %s goes on and takes its phones in after three minutes.\n", gone.name, left.name)
	select {
	case <-ctx.Done():
		return nil
	case <-left.ended:
		return fmt.Errorf("%s ended too (%w); its log is %s", left.name, left.err, left.log)
	}
}

const welcome = `
A home (london) and its backup (paris) are running.

  Point a SIP phone at the home      %s   udp and tcp 5060, tls 5061
  and, as its second server,         %s   the same
  domain example.test, users 201, 202, 203, passwords secret201, secret202, secret203
  TLS phones trust                   %s/root.crt

  Or take simulated ones, each in a terminal of its own: 202 rings and answers, 201 calls it
                         %s phone %s %s -n 202 -p secret202
                         %s phone %s %s -n 201 -p secret201 --call 202 --talk 1m
  The backup has users 251 and 252, which can be called too.

  See how things stand   %s status --console %s --watch     (the home)
                         %s status --console %s --watch     (the backup)
  Take the home down     kill -9 %d     the backup %s serves its phones after 3 minutes
  and bring it back      %s serve -c %s

Logs are in %s. Ctrl-C ends both.
`

// asTyped is how a person in the current folder types the program's path.
func asTyped(program string) string {
	if found, err := exec.LookPath(filepath.Base(program)); err == nil && found == program {
		return filepath.Base(program)
	}
	here, err := os.Getwd()
	if err != nil {
		return program
	}
	if from, err := filepath.Rel(here, program); err == nil && !strings.HasPrefix(from, "..") {
		return "./" + from
	}
	return program
}

// process is one `roost serve`.
type process struct {
	name, config, log string
	running           *config.Config // after untilUp
	command           *exec.Cmd
	ended             chan struct{}
	err               error // after ended
	once              sync.Once
}

func start(o Options, name string) (*process, error) {
	p := &process{
		name: name, config: filepath.Join(o.Dir, name+".yaml"), log: filepath.Join(o.Dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command = exec.Command(o.Program, "serve", "-c", p.config)
	p.command.Stderr = log
	// A Ctrl-C at the terminal is ours to pass on, in order.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// untilUp waits until the system's console answers.
func (p *process) untilUp(ctx context.Context) error {
	c, err := config.Load(p.config, os.Getenv)
	if err != nil {
		return err
	}
	p.running = c
	client := console.NewClient(c.Console.Listen.String())
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		if _, err = client.Status(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-p.ended:
			return fmt.Errorf("it ended: %w", p.err)
		case <-retry.C:
		}
	}
}

// stop ends the system in order, and after five seconds in any way.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.command.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(5 * time.Second):
			_ = p.command.Process.Kill()
			<-p.ended
		}
	})
}

func (p *process) killed() bool {
	status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
