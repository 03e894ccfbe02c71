package phone

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Command is what a running fleet can be told, one JSON object a line.
type Command struct {
	// Do is one of busy, idle, deaf, hear, reboot, unregister, on, block,
	// unblock, quit; about calls: call, answer, reject, hang-up, hold, resume,
	// transfer, join (attended transfer), dial, habits, report.
	Do string `json:"do"`
	// Phone is a number; empty means all.
	Phone string `json:"phone,omitempty"`
	// Towards names the server that block and unblock mean.
	Towards string `json:"towards,omitempty"`
	// To is whom to call, or where to transfer to; Digits are to be dialled within
	// the call.
	To     string `json:"to,omitempty"`
	Digits string `json:"digits,omitempty"`
	// Call is the phone's number for the call that is meant, the newest that fits if 0.
	Call int `json:"call,omitempty"`
	// Habits are the new ones, from the next call on; durations in JSON are
	// nanoseconds.
	Habits *Habits `json:"habits,omitempty"`
}

// Fleet is many phones on real sockets.
type Fleet struct {
	setup   Setup
	runners map[string]*runner
	order   []*runner
	workers sync.WaitGroup
	voices  *voices
	ctx     context.Context
	cancel  context.CancelFunc
}

// Start binds every phone's socket and switches the phones on within
// setup.Spread. report is called from many goroutines, one call at a time.
func Start(ctx context.Context, setup Setup, report func(Report)) (*Fleet, error) {
	if err := setup.Check(); err != nil {
		return nil, err
	}
	clock := NewClock(setup.Speed)
	dialer, err := newDialer(setup.TrustedRoot, max(2*time.Second, clock.Real(32*time.Second)))
	if err != nil {
		return nil, err
	}
	var mutex sync.Mutex
	oneByOne := func(r Report) {
		mutex.Lock()
		defer mutex.Unlock()
		report(r)
	}
	fleet := &Fleet{setup: setup, runners: map[string]*runner{}}
	if fleet.voices, err = newVoices(clock, oneByOne); err != nil {
		return nil, err
	}
	fleet.ctx, fleet.cancel = context.WithCancel(ctx)
	for i, spec := range setup.Phones {
		r, err := newRunner(setup, spec, uint64(i), clock, dialer, oneByOne, fleet.voices)
		if err != nil {
			fleet.cancel()
			fleet.voices.close()
			for _, made := range fleet.order {
				made.socket.Close()
			}
			return nil, err
		}
		fleet.order = append(fleet.order, r)
		fleet.runners[spec.Number] = r
	}
	for i, r := range fleet.order {
		start := setup.Spread * time.Duration(i) / time.Duration(len(fleet.order))
		fleet.workers.Go(func() { r.run(fleet.ctx, start) })
	}
	return fleet, nil
}

func newRunner(setup Setup, spec Spec, index uint64, clock Clock, dialer dialer, report func(Report), voices *voices) (*runner, error) {
	profile, err := ProfileByName(spec.Profile)
	if err != nil {
		return nil, err
	}
	target, err := setup.Servers[0].Address(spec.Transport)
	if err != nil {
		return nil, fmt.Errorf("phone %s: %w", spec.Number, err)
	}
	if spec.Address.IsUnspecified() {
		if spec.Address, err = localFor(target); err != nil {
			return nil, fmt.Errorf("phone %s: %w", spec.Number, err)
		}
	}
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(spec.Address, 0)))
	if err != nil {
		return nil, fmt.Errorf("phone %s: %w", spec.Number, err)
	}
	local := socket.LocalAddr().(*net.UDPAddr).AddrPort()
	r := &runner{
		spec: spec, clock: clock, report: report, dialer: dialer, socket: socket,
		links: make([]link, len(setup.Servers)), blocked: make([]bool, len(setup.Servers)),
		inbox: make(chan any, inboxSize),
	}
	for _, server := range setup.Servers {
		target, err := server.Address(spec.Transport)
		if err != nil {
			socket.Close()
			return nil, fmt.Errorf("phone %s: %w", spec.Number, err)
		}
		r.targets = append(r.targets, target)
	}
	r.machine = New(Config{
		Media: line{voices, spec.Number, local.Addr().Unmap(), ToneOf(spec)}, RuleTime: clock.At,
		Spec: spec, Profile: profile, Domain: setup.Domain, Servers: setup.Servers,
		Local:      netip.AddrPortFrom(local.Addr().Unmap(), local.Port()),
		T1:         max(timerT1, time.Duration(float64(20*time.Millisecond)*setup.Speed)),
		WireSecond: time.Duration(setup.Speed * float64(time.Second)),
		Seed:       setup.Seed<<20 + index,
	})
	return r, nil
}

// Do carries out a command. "quit" is the caller's.
func (f *Fleet) Do(ctx context.Context, command Command) error {
	item, err := f.item(command)
	if err != nil {
		return err
	}
	if command.Phone == "" {
		for _, r := range f.order {
			r.put(ctx, item)
		}
		return nil
	}
	r := f.runners[command.Phone]
	if r == nil {
		return fmt.Errorf("no phone %s in this fleet", command.Phone)
	}
	r.put(ctx, item)
	return nil
}

func (f *Fleet) item(command Command) (any, error) {
	switch command.Do {
	case "busy", "idle":
		return SetBusy{command.Do == "busy"}, nil
	case "deaf", "hear":
		return SetDeaf{command.Do == "deaf"}, nil
	case "reboot":
		return Reboot{}, nil
	case "unregister":
		return Unregister{}, nil
	case "on":
		return PowerOn{}, nil
	case "block", "unblock":
		for i, server := range f.setup.Servers {
			if server.Name == command.Towards {
				return setBlocked{i, command.Do == "block"}, nil
			}
		}
		return nil, fmt.Errorf("%s towards %q: no such server in this fleet", command.Do, command.Towards)
	}
	if slices.Contains(callCommands, command.Do) {
		if command.Habits != nil {
			if err := command.Habits.Check(); err != nil {
				return nil, err
			}
		}
		return Person{command}, nil
	}
	return nil, fmt.Errorf("no command %q: busy, idle, deaf, hear, reboot, unregister, on, block, unblock, quit; %s",
		command.Do, strings.Join(callCommands, ", "))
}

// Stop switches every phone off, without a word to the servers, and returns
// what they counted.
func (f *Fleet) Stop() Counts {
	f.cancel()
	f.workers.Wait()
	f.voices.close()
	var total Counts
	for _, r := range f.order {
		counts := r.machine.Counts()
		total.Sent += counts.Sent
		total.Retransmitted += counts.Retransmitted
		total.Refreshed += counts.Refreshed
		total.Refused += counts.Refused
		total.Unanswered += counts.Unanswered
	}
	return total
}

// localFor is the address from which the kernel reaches a server.
func localFor(server netip.AddrPort) (netip.Addr, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
