package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"roost/cmd/roost/console"
	"roost/cmd/roost/console/api"
	"roost/cmd/roost/lab/phone"
)

// Wall-clock times that the lab grants its children.
const (
	startTime = 20 * time.Second // until a system answers
	pollEvery = 50 * time.Millisecond
	askTime   = 2 * time.Second // for one answer of a console
)

// do carries out an action and says so.
func (e *engine) do(action *Action) error {
	e.say("lab", "%s", action.Text)
	switch action.Verb {
	case Kill, Stop, End, Restart, Cut, Hang, Block, TakeOver:
		e.fault()
	case Cont, Heal, Unblock, Accept:
		e.mended()
	}
	switch action.Verb {
	case Kill, Stop, End, Restart:
		e.picture.callsBroken(action.System)
	case Cut, Hang:
		e.picture.callsBroken("")
	}
	if done, err := e.calls(action); done {
		return err
	}
	switch action.Verb {
	case Start:
		if action.System == "phones" {
			return e.startPhones()
		}
		if e.picture.Fault >= 0 {
			e.mended()
		}
		return e.startSystem(action.System)
	case Kill:
		return e.kill(action.System)
	case Restart:
		if err := e.kill(action.System); err != nil {
			return err
		}
		return e.startSystem(action.System)
	case Stop, Cont:
		return e.hang(action.System, action.Verb == Stop)
	case End:
		return e.end(action.System)
	case Cut, Hang, Heal:
		return e.line(action.Verb)
	case Block, Unblock, Reboot:
		return e.phones(phone.Command{Do: string(action.Verb), Phone: action.Phone, Towards: action.System})
	case Make:
		return e.make(action)
	default:
		return e.ask(action)
	}
}

// fault and mended begin measurements. A fault while one lasts, as in flapping,
// begins anew.
func (e *engine) fault() { e.picture.Fault = e.now(); e.measure.fault() }

func (e *engine) mended() {
	e.picture.Mended = e.now()
	e.measure.mended(e.picture)
}

func (e *engine) startSystem(role Role) error {
	old := e.systems[role]
	if old != nil && old.running() {
		return fmt.Errorf("%s is running already", role)
	}
	process, err := launch(e.binary, role, e.bench.path(role+".log"), false, "serve", "-c", e.bench.path(role+".yaml"))
	if err != nil {
		return err
	}
	at := e.bench.at[role]
	started := &child{process: process, console: console.NewClient(at.at(at.console))}
	if old != nil {
		started.generation = old.generation + 1
	}
	e.systems[role] = started
	view := e.picture.Systems[role]
	view.Running, view.Hung, view.Status = true, false, nil
	ctx, stop := context.WithCancel(e.ctx)
	started.stopPolls = stop
	go e.watchExit(started)
	go e.poll(ctx, role, started)
	up, err := e.pump(startTime*time.Duration(e.speed), "until "+role+" answers", func() bool { return view.Status != nil })
	if err == nil && !up {
		err = fmt.Errorf("%s did not answer at %s within %s; the end of its log:\n%s", role, at.at(at.console), startTime, started.lastWords(8))
	}
	return err
}

func (e *engine) watchExit(c *child) {
	<-c.exited
	e.put(input{exit: c})
}

// poll asks a system for its status again and again, until ctx ends.
func (e *engine) poll(ctx context.Context, role Role, c *child) {
	defer c.console.Close()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, askTime)
		status, err := c.console.Status(asking)
		cancel()
		if err == nil && !e.put(input{status: &statusInput{role, c.generation, &status}}) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// system is a child that runs.
func (e *engine) system(role Role) (*child, error) {
	if c := e.systems[role]; c != nil && c.running() {
		return c, nil
	}
	return nil, fmt.Errorf("%s is not running", role)
}

func (e *engine) kill(role Role) error {
	c, err := e.system(role)
	if err != nil {
		return err
	}
	c.expected = true
	c.stopPolls()
	e.picture.Systems[role].Running, e.picture.Systems[role].Status = false, nil
	return c.kill()
}

func (e *engine) hang(role Role, on bool) error {
	c, err := e.system(role)
	if err != nil {
		return err
	}
	e.picture.Systems[role].Hung, e.picture.Systems[role].Status = on, nil
	if on {
		return c.signal(syscall.SIGSTOP)
	}
	return c.signal(syscall.SIGCONT)
}

func (e *engine) end(role Role) error {
	c, err := e.system(role)
	if err != nil {
		return err
	}
	c.expected = true
	if err := c.signal(syscall.SIGTERM); err != nil {
		return err
	}
	ended, err := e.pump(startTime*time.Duration(e.speed), "until "+role+" has ended", func() bool { return !c.running() })
	c.stopPolls()
	e.picture.Systems[role].Running, e.picture.Systems[role].Status = false, nil
	if err == nil && !ended {
		err = fmt.Errorf("%s did not end within %s of SIGTERM", role, startTime)
	}
	return err
}

func (e *engine) line(verb Verb) error {
	for _, line := range e.bench.proxies() {
		switch verb {
		case Cut:
			line.Cut()
		case Hang:
			line.Hang()
		default:
			line.Heal()
		}
	}
	return nil
}

// make changes a phone, and where its system must know, tells the system too.
func (e *engine) make(action *Action) error {
	if err := e.phones(phone.Command{Do: action.How, Phone: action.Phone}); err != nil {
		return err
	}
	if action.How != "busy" && action.How != "idle" {
		return nil
	}
	view := e.picture.byNumber[action.Phone]
	view.Busy = action.How == "busy"
	role := Home
	if view.is(Backup) {
		role = Backup
	}
	return e.post(role, "lab/busy", api.Busy{Number: action.Phone, Busy: view.Busy})
}

// ask carries out what a system is told over its API.
func (e *engine) ask(action *Action) error {
	switch action.Verb {
	case Refuse, Accept:
		return e.post(action.System, "lab/refuse", api.Refuse{On: action.Verb == Refuse})
	case TakeOver:
		return e.post(Backup, "takeover", api.TakeOver{Home: systemNames()[Home]})
	case Release:
		return e.post(Backup, "release", api.Release{Home: systemNames()[Home], Number: action.Phone})
	case Announce:
		return e.post(Home, "announce", api.Announce{BackWithin: e.real(action.Within).Seconds()})
	}
	return fmt.Errorf("nobody knows how to %s", action.Verb)
}

func (e *engine) post(role Role, path string, body any) error {
	c, err := e.system(role)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.ctx, askTime)
	defer cancel()
	text, err := c.console.Command(ctx, path, body)
	if err != nil {
		return err
	}
	if text != "" {
		e.say(role, "%s", text)
	}
	return nil
}

// phones gives a command to the process of one phone, or to those of all.
func (e *engine) phones(command phone.Command) error {
	told := e.fleets
	if command.Phone != "" && e.fleetOf[command.Phone] != nil {
		told = []*child{e.fleetOf[command.Phone]}
	}
	if len(told) == 0 {
		return errors.New("the phones are not started")
	}
	line, err := json.Marshal(command)
	if err != nil {
		return err
	}
	var problems []error
	for _, fleet := range told {
		_, err := fleet.stdin.Write(append(line, '\n'))
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
