package phone

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/icholy/digest"
)

// SIP timers (RFC 3261 17.1.2.2) and waits that no family changes; rule time.
const (
	timerT1   = 500 * time.Millisecond
	timerT2   = 4 * time.Second
	bootTime  = 20 * time.Second // of a desk phone, between Reboot and its first REGISTER
	stubborn  = 10 * time.Second // a deaf phone tries the same server again after this
	probeTime = 10 * time.Second // a REGISTER that only tries whether the home is back, or a poll
)

// Config is what a Machine is made of.
type Config struct {
	Spec    Spec
	Profile Profile
	Domain  string // SIP domain and digest realm's host
	Servers []Server
	// Local is where its UDP socket is bound; its address and port go into Via
	// and Contact whatever the transport.
	Local netip.AddrPort
	// T1 is the first retransmission interval, 500 ms if 0. A fleet at a high
	// speed stretches it so that wall-clock intervals stay sensible.
	T1 time.Duration
	// WireSecond is the rule time that a second in a SIP header stands for, 1s if
	// 0. Servers grant wall-clock seconds, and so does a sped-up roost.
	WireSecond time.Duration
	Seed       uint64 // of everything random
	// Media opens voices; a phone without it has no calls.
	Media Media
	// RuleTime turns a wall-clock instant into the seconds of Report.At.
	RuleTime func(time.Time) float64
}

// Machine is one phone without its sockets. Not safe for concurrent use.
type Machine struct {
	Config
	random *rand.Rand
	legs   []*leg
	open   []*transaction
	out    []Effect
	now    time.Time

	on         bool
	busy, deaf bool
	at         int // index of the server it is registered at, -1 for none (dual phones: of the first)
	round      int // servers that failed in a row
	boot       time.Time
	back       time.Time // next try to return by itself, zero for none
	instance   string
	counts     Counts

	calls     []*call
	callsMade int
	requests  []*request // of calls, under way
	replies   []*unacked
	recent    []answeredOnce
}

// Counts are totals over the phone's life.
type Counts struct {
	Sent, Retransmitted, Refreshed, Refused, Unanswered int
}

// leg is the phone's dealings with one server.
type leg struct {
	index         int
	server        Server
	callID, tag   string
	cseq          uint32
	challenge     *digest.Challenge
	authorization string // header name: Authorization or Proxy-Authorization
	nonceCount    int

	registered bool
	expires    time.Time
	refresh    time.Time // when to refresh
	try        time.Time // when to REGISTER although not registered, zero for not
	why        string    // why the REGISTER under way or planned is made
	dirty      time.Time // passed over until then
	keepAlive  time.Time
	poll       time.Time
	answering  time.Time // since when its polls have been answered, zero if not
	sub        subscription
	waits      bool // try is put off for the sake of a call
}

// New makes a phone that is switched off.
func New(config Config) *Machine {
	if config.T1 == 0 {
		config.T1 = timerT1
	}
	if config.WireSecond == 0 {
		config.WireSecond = time.Second
	}
	if config.Spec.Returns != "" {
		config.Profile.Return.How = config.Spec.Returns
		if config.Profile.Return.Every == 0 {
			config.Profile.Return.Every = time.Minute
		}
	}
	if config.Spec.Subscribes != nil {
		config.Profile.Subscribes = *config.Spec.Subscribes
	}
	if config.Spec.Expires > 0 {
		config.Profile.Expires = config.Spec.Expires
	}
	if config.Spec.Calls.OnLoss != "" {
		config.Profile.OnLoss = config.Spec.Calls.OnLoss
	}
	m := &Machine{Config: config, random: rand.New(rand.NewPCG(config.Seed, 0x726f6f7374)), at: -1}
	m.instance = fmt.Sprintf("urn:uuid:%08x-0000-4000-8000-%012x", m.random.Uint32(), m.random.Uint64()>>16)
	m.forget()
	return m
}

// Step lets one event happen at now and returns what must be done, in order.
// The slice is valid until the next Step.
func (m *Machine) Step(event Event, now time.Time) []Effect {
	m.now, m.out = now, m.out[:0]
	switch event := event.(type) {
	case PowerOn:
		m.powerOn("power on")
	case PowerOff:
		m.forgetCalls("the phone is switched off")
		m.on = false
	case SetBusy:
		m.busy = event.On
	case SetDeaf:
		m.deaf = event.On
	case Reboot:
		m.reboot()
	case Unregister:
		m.unregister()
	case Person:
		m.obey(event.Command)
	case Received:
		m.received(event.Server, event.Message)
	case LinkDown:
		m.linkDown(m.legs[event.Server], event.Why)
	case Tick:
		m.tick()
	}
	return m.out
}

// Next says when a Tick is due.
func (m *Machine) Next() (time.Time, bool) {
	var next time.Time
	sooner := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	sooner(m.boot)
	if m.on {
		sooner(m.back)
		for _, tx := range m.open {
			sooner(tx.next())
		}
		m.nextCall(sooner)
		for _, leg := range m.legs {
			sooner(leg.try)
			sooner(leg.poll)
			sooner(leg.keepAlive)
			sooner(leg.sub.refresh)
			if leg.registered {
				sooner(leg.refresh)
				sooner(leg.expires)
			}
		}
	}
	return next, !next.IsZero()
}

// Counts returns the totals so far.
func (m *Machine) Counts() Counts { return m.counts }

// forget is what a reboot does to a phone's memory.
func (m *Machine) forget() {
	m.legs, m.open, m.round, m.at, m.back = nil, nil, 0, -1, time.Time{}
	m.requests, m.replies, m.recent = nil, nil, nil
	for i, server := range m.Servers {
		m.legs = append(m.legs, &leg{index: i, server: server, callID: m.token(), tag: m.token()})
	}
}

func (m *Machine) powerOn(why string) {
	m.on = true
	for i, leg := range m.legs {
		if i == 0 || m.Profile.Dual {
			m.aim(leg, why, 0)
		}
		if m.Profile.Polls > 0 {
			leg.poll = m.now.Add(m.Profile.Polls)
		}
		if m.Profile.KeepAlive > 0 {
			leg.keepAlive = m.now.Add(m.Profile.KeepAlive)
		}
	}
	m.tick()
}

func (m *Machine) reboot() {
	m.forgetCalls("the phone reboots")
	for _, leg := range m.legs {
		m.effect(Hangup{leg.index})
	}
	m.report(Report{Event: Rebooted})
	m.forget()
	m.on, m.busy = false, false
	m.boot = m.now.Add(bootTime)
}

func (m *Machine) unregister() {
	for _, leg := range m.legs {
		if leg.registered {
			m.lose(leg, "taken out of service")
			m.register(leg, &transaction{kind: kindRegister, leg: leg})
		}
		leg.try, leg.refresh, leg.poll, leg.keepAlive, leg.sub = time.Time{}, time.Time{}, time.Time{}, time.Time{}, subscription{}
	}
	m.back = time.Time{}
}

// tick does what is due.
func (m *Machine) tick() {
	if due(m.boot, m.now) {
		m.boot = time.Time{}
		m.powerOn("power on")
		return
	}
	if !m.on {
		return
	}
	m.retransmit()
	m.tickCalls()
	for _, leg := range m.legs {
		m.tickLeg(leg)
	}
	if due(m.back, m.now) {
		m.back = m.now.Add(m.Profile.Return.Every)
		m.tryReturn()
	}
}

func (m *Machine) tickLeg(leg *leg) {
	if due(leg.keepAlive, m.now) {
		leg.keepAlive = m.now.Add(m.Profile.KeepAlive)
		if leg.registered {
			m.effect(Send{leg.index, []byte("\r\n\r\n")})
		}
	}
	if due(leg.poll, m.now) {
		leg.poll = m.now.Add(m.Profile.Polls)
		m.sendPoll(leg)
	}
	if due(leg.sub.refresh, m.now) {
		m.subscribe(leg)
	}
	if leg.registered && due(leg.expires, m.now) {
		m.lose(leg, "expired")
		if leg.try.IsZero() && !m.busyWith(leg, kindRegister) {
			m.aim(leg, "expired", 0)
		}
	}
	if due(leg.try, m.now) {
		leg.try = time.Time{}
		m.sendRegister(leg)
	}
	if leg.registered && due(leg.refresh, m.now) {
		leg.refresh = time.Time{}
		if leg.index > 0 && m.Profile.Return.How == AtRefresh && m.tryReturn() {
			return // its outcome refreshes here
		}
		m.sendRegister(leg)
	}
}

// tryReturn sends a REGISTER to the first server, if the phone is elsewhere and
// may; it says whether it did.
func (m *Machine) tryReturn() bool {
	home := m.legs[0]
	if m.at <= 0 || m.deaf || m.Profile.Dual || (m.engaged() && m.Profile.Return.IdleOnly) ||
		m.now.Before(home.dirty) || m.busyWith(home, kindRegister) {
		return false
	}
	home.why = whyItself
	m.sendRegister(home)
	return true
}

// aim plans a REGISTER.
func (m *Machine) aim(leg *leg, why string, wait time.Duration) {
	leg.why, leg.try = why, m.now.Add(wait)
}

func (m *Machine) effect(effect Effect) { m.out = append(m.out, effect) }

func (m *Machine) report(report Report) {
	report.Phone = m.Spec.Number
	m.effect(report)
}

func (m *Machine) pick(r Range) time.Duration {
	if r.Max <= r.Min {
		return r.Min
	}
	return r.Min + time.Duration(m.random.Int64N(int64(r.Max-r.Min)))
}

func (m *Machine) token() string { return fmt.Sprintf("%012x", m.random.Uint64()>>16) }

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }
