package trunk

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"roost/registrar"
	"roost/signaling/sip"
	"roost/signaling/sip/message"
)

// State is whether a trunk can be used.
type State uint8

// The states.
const (
	// Unknown: it was not heard of yet.
	Unknown State = iota
	Up
	Down
)

// String gives the state in a word.
func (s State) String() string { return [...]string{"unknown", "up", "down"}[s%3] }

// line is one trunk at work.
type line struct {
	set    *Set
	c      Config
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	wake   chan struct{}
	callID string
	tag    string

	// What follows is run's.

	reg     *Registration // nil without Register
	cseq    uint32        // of OPTIONS
	lookup  time.Time     // when servers are looked up again
	lookups int           // failed in a row
	ping    time.Time     // when it is due

	connecting sync.Mutex // one connection is opened at a time

	mu      sync.Mutex
	random  *rand.Rand
	servers Servers
	use     netip.AddrPort // the server that took the last request of ours
	flows   map[netip.AddrPort]registrar.FlowID
	state   State
	why     string
	since   time.Time
	pinged  State // what OPTIONS say
	pingWhy string
	noName  string // why the servers could not be looked up
	shown   RegistrationView
	hurry   bool // the flow of the registration is gone
	probe   bool // a call found a server failing: ask now
}

func newLine(s *Set, c Config, random *rand.Rand) *line {
	l := &line{
		set: s, c: c, random: random, done: make(chan struct{}), wake: make(chan struct{}, 1),
		flows: map[netip.AddrPort]registrar.FlowID{}, since: time.Now(), callID: token(random), tag: token(random),
	}
	l.ctx, l.cancel = context.WithCancel(s.ctx)
	return l
}

func token(random *rand.Rand) string {
	var b [12]byte
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return hex.EncodeToString(b[:])
}

// run keeps the trunk until it is cancelled, and takes its registration back then.
func (l *line) run() {
	l.anew()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.ctx.Done():
			l.guarded(l.end)
			return
		case <-l.wake:
		case <-timer.C:
		}
		l.guarded(func() { l.turn(l.ctx) })
		timer.Reset(time.Until(l.due()))
	}
}

// anew begins with the registration, where there is one.
func (l *line) anew() {
	if !l.c.Register {
		return
	}
	l.mu.Lock()
	seed := [2]uint64{l.random.Uint64(), l.random.Uint64()}
	l.mu.Unlock()
	l.reg = NewRegistration(RegistrationConfig{
		Credentials: l.c.Credentials, URI: l.c.uri(""), Expires: l.c.Expires, Timers: l.set.o.Timers,
		Random: rand.New(rand.NewPCG(seed[0], seed[1])),
	}, time.Now())
}

// guarded runs a part of the trunk's work. A panic costs the trunk a while, and nothing
// else.
func (l *line) guarded(f func()) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		l.set.count.panics.Add(1)
		if l.set.o.Panicked != nil {
			l.set.o.Panicked(l.c.Name, value)
		}
		later := time.Now().Add(l.set.o.Timers.Ping)
		l.lookup, l.ping = later, later
		l.anew()
		if l.reg != nil {
			l.reg.due = later
		}
	}()
	f()
}

// turn does what is due.
func (l *line) turn(ctx context.Context) {
	now := time.Now()
	l.mu.Lock()
	hurry, probe := l.hurry, l.probe
	l.hurry, l.probe = false, false
	l.mu.Unlock()
	if hurry && l.reg != nil {
		l.reg.Hurry(now)
	}
	if probe {
		l.ping = now
	}
	if !now.Before(l.lookup) {
		l.locate(ctx, now)
	}
	if l.located() {
		l.register(ctx)
		if now := time.Now(); !now.Before(l.ping) {
			l.options(ctx)
		}
	}
	if ctx.Err() == nil {
		l.judge(time.Now())
	}
}

// due is when there is something to do next.
func (l *line) due() time.Time {
	at := l.lookup
	if !l.located() {
		return at
	}
	if l.ping.Before(at) {
		at = l.ping
	}
	if l.reg != nil {
		if next, ok := l.reg.Due(); ok && next.Before(at) {
			at = next
		}
	}
	return at
}

func (l *line) located() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.servers.All()) > 0
}

// locate looks the servers up. Those known before stay where that fails.
func (l *line) locate(ctx context.Context, now time.Time) {
	t := &l.set.o.Timers
	short, cancel := context.WithTimeout(ctx, t.ResolveWithin)
	defer cancel()
	found, ttl, err := Locate(short, l.set.o.Resolver, &l.c)
	found = l.usable(found)
	l.mu.Lock()
	switch {
	case err == nil && len(found) > 0:
		l.lookups, l.noName = 0, ""
		l.servers.Set(found)
		l.lookup = now.Add(min(max(ttl, t.TTLMin), t.TTLMax))
	default:
		l.noName = "no address that this system has a socket for"
		if err != nil {
			l.noName = err.Error()
		}
		l.set.count.lookupsFailed.Add(1)
		l.lookups++
		l.lookup = now.Add(backoff(t.TTLMin, t.Ping, l.lookups, l.random))
	}
	l.mu.Unlock()
	l.set.learned()
}

// register sends what the registration wants sent, challenges and all.
func (l *line) register(ctx context.Context) {
	for l.reg != nil && ctx.Err() == nil {
		out, ok := l.reg.Next(time.Now())
		if !ok {
			break
		}
		l.set.count.registers.Add(1)
		aor := "<sip:" + string(message.AppendUser(nil, l.c.Credentials.User)) + "@" + l.c.domain() + ">"
		r := sip.Request{
			Method: "REGISTER", URI: l.c.uri(""), From: aor, To: aor, FromTag: l.tag, CallID: l.callID, CSeq: out.CSeq,
			ContactUser: l.c.Line,
			Header:      append([]message.HeaderLine{{Name: "Expires", Value: strconv.FormatUint(uint64(out.Expires), 10)}}, out.Header...),
		}
		got := l.exchange(ctx, r, l.set.o.Timers.AskWithin)
		if got.Status == 401 || got.Status == 407 {
			l.set.count.challenged.Add(1)
		} else if got.Status < 200 || got.Status > 299 {
			l.set.count.registersFailed.Add(1)
		}
		l.reg.Answer(Answer{Status: got.Status, Reason: got.Reason, Message: got.Message, Contact: got.Contact}, time.Now())
	}
	l.show()
}

func (l *line) show() {
	if l.reg == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = l.reg.View(time.Now())
}

// options asks whether the trunk is there. Whatever answers is, but for "no service".
func (l *line) options(ctx context.Context) {
	l.set.count.pings.Add(1)
	l.cseq++
	us := "<sip:" + l.set.o.Realm + ">"
	if l.c.Credentials.User != "" {
		us = "<sip:" + string(message.AppendUser(nil, l.c.Credentials.User)) + "@" + l.c.domain() + ">"
	}
	got := l.exchange(ctx, sip.Request{
		Method: "OPTIONS", URI: l.c.uri(""), From: us, To: "<" + l.c.uri("") + ">", FromTag: l.tag,
		CallID: l.callID + "-ping", CSeq: l.cseq, Header: []message.HeaderLine{{Name: "Accept", Value: "application/sdp"}},
	}, l.set.o.Timers.PingWithin)
	now := time.Now()
	l.ping = now.Add(l.set.o.Timers.Ping)
	failed := failing(got.Status)
	l.mu.Lock()
	l.pinged, l.pingWhy = Up, ""
	if failed {
		l.pinged, l.pingWhy = Down, strconv.Itoa(got.Status)+" "+got.Reason
	}
	l.mu.Unlock()
	if failed {
		l.set.count.pingsFailed.Add(1)
		return
	}
	if l.reg != nil && l.reg.View(now).Standing == Unreachable {
		l.reg.Hurry(now) // it answers again: no need to wait the back-off out
		l.register(ctx)
	}
}

// judge decides whether the trunk can be used, and tells of it.
func (l *line) judge(now time.Time) {
	l.show()
	l.mu.Lock()
	state, why := l.verdict()
	same := state == l.state && why == l.why
	if state != l.state {
		l.since = now
	}
	l.state, l.why = state, why
	l.mu.Unlock()
	switch {
	case same:
	case state == Up:
		l.set.o.Watcher.TrunkUp(l.c.Name)
	case state == Down:
		l.set.o.Watcher.TrunkDown(l.c.Name, why)
	}
}

// verdict is the state by what is known. l.mu is held.
func (l *line) verdict() (State, string) {
	switch {
	case len(l.servers.All()) == 0 && l.noName != "":
		return Down, l.noName
	case l.c.Register && l.shown.Standing == Refused:
		return Down, "it refuses our registration: " + l.shown.Why
	case l.c.Register && l.shown.Standing == Unreachable:
		return Down, "it does not answer our registration: " + l.shown.Why
	case l.pinged == Down:
		return Down, "it does not answer OPTIONS: " + l.pingWhy
	case l.pinged == Up && (!l.c.Register || l.shown.Standing == Registered):
		return Up, ""
	}
	return l.state, l.why
}

// endWithin bounds taking a registration back.
const endWithin = 2 * time.Second

// end takes the registration back.
func (l *line) end() {
	if l.reg == nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.set.ctx, endWithin)
	defer cancel()
	l.reg.Stop(time.Now())
	l.register(ctx)
}

// stir makes run look at what is due.
func (l *line) stir() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
