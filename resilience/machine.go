package resilience

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// instant is a time since the machine's start.
type instant = time.Duration

const never instant = math.MaxInt64

// bugs are the planted faults of the mutation check; all false outside of it.
type bugs struct {
	earlyTakeover      bool // admits as soon as the home is invisible
	sumsLosses         bool // short losses add up
	hungIsVisible      bool // a heartbeat "not ready" makes visible
	noMirrorNeeded     bool // admits without a complete mirror
	licensesGuests     bool // admits guests as own phones
	movesBusy          bool // sends busy guests home
	refusesInGrace     bool // refuses a phone that comes back
	keepsGuest         bool // goes on serving a phone that its home has registered
	homeKeeps          bool // the home keeps a registration that became a guest elsewhere
	noGraceEnd         bool // a phone that its home did not take is for ever on its way
	noNextTry          bool // a phone that once failed to go home is not tried again
	forgetsOnFlowClose bool // a phone told by closing its flow is forgotten
}

// Machine is the resilience of one system. See the package documentation.
type Machine struct {
	cfg   Config
	start time.Time
	now   instant // the latest seen
	pcg   rand.PCG

	homes    []*home // by name
	guests   map[Phone]*guest
	timers   queue // of guests
	seq      uint64
	calls    map[Phone]int
	families map[string]*family
	alarms   map[alarmKey]*Alarm
	evidence evidenceBook
	refused  [causeCount]uint64
	overflow uint64

	out []Effect // of the step under way
}

// New makes the machine of a system that starts now: every home is COLD.
func New(c Config, now time.Time) (*Machine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Machine{
		cfg:      resolved(c),
		start:    now,
		pcg:      *rand.NewPCG(c.Seed, c.Seed^0x9e3779b97f4a7c15),
		guests:   map[Phone]*guest{},
		timers:   queue{slot: slotTimer},
		calls:    map[Phone]int{},
		families: map[string]*family{},
		alarms:   map[alarmKey]*Alarm{},
	}
	for _, h := range c.Homes {
		m.homes = append(m.homes, newHome(h, 0))
	}
	m.sortHomes()
	return m, nil
}

func resolved(c Config) Config {
	c.Homes = slices.Clone(c.Homes)
	c.Timers = c.Timers.withDefaults()
	c.Limits = c.Limits.withDefaults()
	return c
}

func (m *Machine) sortHomes() {
	slices.SortFunc(m.homes, func(a, b *home) int { return strings.Compare(string(a.name), string(b.name)) })
}

// home is the state of a home by name, nil if it is not backed up here.
func (m *Machine) home(name System) *home {
	for _, h := range m.homes {
		if h.name == name {
			return h
		}
	}
	return nil
}

// Step handles one event at now and returns what to do, in order. The slice is the caller's.
func (m *Machine) Step(e Event, now time.Time) []Effect {
	m.advance(now)
	m.due()
	m.handle(e)
	m.due()
	return m.take()
}

// Registered is Step(e, now) without boxing: for a guest's refresh it returns nil.
func (m *Machine) Registered(e PhoneRegistered, now time.Time) []Effect {
	m.advance(now)
	if m.refreshed(e) {
		return nil
	}
	m.due()
	m.registered(e)
	m.due()
	return m.take()
}

func (m *Machine) advance(now time.Time) { m.now = max(m.now, m.instant(now)) }

func (m *Machine) take() []Effect {
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) instant(t time.Time) instant { return t.Sub(m.start) }
func (m *Machine) time(i instant) time.Time    { return m.start.Add(i) }

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) happened(kind HistoryKind, home System, phone Phone, format string, args ...any) {
	m.emit(Happened{Kind: kind, Home: home, Phone: phone, Text: fmt.Sprintf(format, args...), At: m.time(m.now)})
}

// due does what the time asks for.
func (m *Machine) due() {
	for _, h := range m.homes {
		m.observe(h)
	}
	for g := m.timers.top(); g != nil && g.due <= m.now; g = m.timers.top() {
		m.guestDue(g)
	}
	for _, h := range m.homes {
		m.moveHome(h)
		m.observe(h)
	}
}

// Next is when Step(Tick{}) is due, false if nothing is.
func (m *Machine) Next() (deadline time.Time, ok bool) {
	next := never
	if g := m.timers.top(); g != nil {
		next = g.due
	}
	for _, h := range m.homes {
		next = min(next, m.homeDue(h))
	}
	if next == never {
		return time.Time{}, false
	}
	return m.time(next), true
}

func (m *Machine) handle(e Event) {
	switch e := e.(type) {
	case Tick:
	case HeartbeatHeard:
		m.heartbeat(e)
	case Leaving:
		m.leaving(e)
	case MirrorState:
		m.mirrorState(e)
	case LineState:
		m.lineState(e)
	case PhoneAsks:
		m.ask(e)
	case PhoneRegistered:
		m.registered(e)
	case PhoneGone:
		m.gone(e)
	case CallBegan:
		m.callBegan(e.Phone)
	case CallEnded:
		m.callEnded(e.Phone)
	case HomeHas:
		m.homeHas(e)
	case HomeLacks:
		m.homeLacks(e)
	case GuestAt:
		m.guestAt(e)
	case TriggerResult:
		m.triggerResult(e)
	case Evidence:
		m.evidence.answered(e, m.now)
	default:
		m.command(e)
	}
}

// command handles what an operator says.
func (m *Machine) command(e Event) {
	switch e := e.(type) {
	case Reconfigure:
		m.reconfigure(e.Config)
	case TakeOver:
		m.takeOver(e.Home)
	case Release:
		m.release(e)
	case Restarting:
		m.emit(Announce{BackWithin: min(max(e.BackWithin, 0), m.cfg.Timers.AnnounceMax)})
	}
}

// uniform draws from lo to hi, in whole seconds where both are.
func (m *Machine) uniform(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	unit := time.Duration(1)
	if lo%time.Second == 0 && hi%time.Second == 0 {
		unit = time.Second
	}
	// The modulo's bias is below 2^-30 for any range of these rules.
	return lo + time.Duration(m.pcg.Uint64()%uint64((hi-lo)/unit+1))*unit
}
