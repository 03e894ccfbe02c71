package trunk

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// View is how a trunk stands.
type View struct {
	Name      string
	Peer      string
	Transport Transport
	State     State
	// Why it is down; empty otherwise.
	Why   string
	Since time.Time
	// Registers: it is registered with; Registration says how that stands.
	Registers    bool
	Registration RegistrationView
	// Servers are its servers, by priority; Server is the one that took the last request.
	Servers []ServerView
	Server  netip.AddrPort
}

// ServerView is one server of a trunk.
type ServerView struct {
	Server
	// Avoided: it failed lately and is tried last.
	Avoided bool
}

// View is how the trunks stand, in the order in which they are configured.
func (s *Set) View() []View {
	s.mu.Lock()
	lines := slices.Clone(s.lines)
	s.mu.Unlock()
	now := time.Now()
	views := make([]View, 0, len(lines))
	for _, l := range lines {
		l.mu.Lock()
		v := View{
			Name: l.c.Name, Peer: l.c.Peer, Transport: l.c.Transport, State: l.state, Why: l.why, Since: l.since,
			Registers: l.c.Register, Registration: l.shown, Server: l.use,
		}
		for _, one := range l.servers.All() {
			v.Servers = append(v.Servers, ServerView{Server: one, Avoided: l.servers.Avoided(one.Addr, now)})
		}
		l.mu.Unlock()
		slices.SortStableFunc(v.Servers, func(a, b ServerView) int { return int(a.Priority) - int(b.Priority) })
		views = append(views, v)
	}
	return views
}

type counters struct {
	registers, registersFailed, challenged atomic.Uint64
	pings, pingsFailed                     atomic.Uint64
	failovers, callsFailed, connected      atomic.Uint64
	lookupsFailed, panics                  atomic.Uint64
}

// Counters are counts since the start.
type Counters struct {
	// Registers sent, RegistersFailed of them refused or unanswered, Challenged answered.
	Registers, RegistersFailed, Challenged uint64
	// Pings are OPTIONS rounds, PingsFailed those that no server answered.
	Pings, PingsFailed uint64
	// Failovers: another server was tried. CallsFailed: a server did not take a call.
	Failovers, CallsFailed uint64
	// Connected: connections opened. LookupsFailed: names that could not be looked up.
	Connected, LookupsFailed uint64
	Panics                   uint64
}

// Counters are the set's counters.
func (s *Set) Counters() Counters {
	c := &s.count
	return Counters{
		Registers: c.registers.Load(), RegistersFailed: c.registersFailed.Load(), Challenged: c.challenged.Load(),
		Pings: c.pings.Load(), PingsFailed: c.pingsFailed.Load(), Failovers: c.failovers.Load(),
		CallsFailed: c.callsFailed.Load(), Connected: c.connected.Load(), LookupsFailed: c.lookupsFailed.Load(), Panics: c.panics.Load(),
	}
}
