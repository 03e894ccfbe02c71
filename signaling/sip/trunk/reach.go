package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"roost/registrar"
	"roost/signaling/sip"
)

// maxTries is how many servers one request is sent to, one after the other.
const maxTries = 4

// failing tells whether a server that answered so is to be left for another (RFC 3263
// §4.3): 503, no answer, transport gone.
func failing(status int) bool { return status == 503 || status == 408 || status == 430 }

// usable leaves the servers out that this system has no socket for.
func (l *line) usable(all []Server) []Server {
	if l.c.Transport != UDP {
		return all
	}
	out := all[:0]
	for _, one := range all {
		if _, ok := l.local(one.Addr.Addr()); ok {
			out = append(out, one)
		}
	}
	return out
}

// local is our UDP socket for an address.
func (l *line) local(to netip.Addr) (netip.AddrPort, bool) {
	for _, at := range l.set.o.Front.Locals() {
		if !at.Transport.Reliable() && at.Addr.Addr().Unmap().Is4() == to.Is4() {
			return at.Addr, true
		}
	}
	return netip.AddrPort{}, false
}

// order is the servers as they are to be tried now.
func (l *line) order() []Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	use := l.use
	if !l.c.Register {
		use = netip.AddrPort{} // by weight each time; a registered trunk stays where it registered
	}
	return l.servers.Order(use, time.Now(), l.random)
}

// exchange sends a request to the first server that takes it.
func (l *line) exchange(ctx context.Context, r sip.Request, within time.Duration) sip.Response {
	got := sip.Response{Status: 503, Reason: "no server is known"}
	for i, one := range l.order() {
		if i == maxTries || ctx.Err() != nil {
			break
		}
		if i > 0 {
			l.set.count.failovers.Add(1)
		}
		id, err := l.flow(ctx, one)
		if err != nil {
			got = sip.Response{Status: 503, Reason: err.Error()}
			l.failed(one.Addr, 0)
			continue
		}
		r.Flow = id
		short, cancel := context.WithTimeout(ctx, within)
		got = l.set.o.Front.Request(short, r)
		cancel()
		if failing(got.Status) {
			l.lost(one.Addr, id, r.Method, got.Status)
			l.failed(one.Addr, 0)
			continue
		}
		l.mu.Lock()
		l.use = one.Addr
		l.servers.Worked(one.Addr)
		l.mu.Unlock()
		break
	}
	return got
}

// failed has a server tried last for a while, or for longer where it said so itself.
func (l *line) failed(at netip.AddrPort, longer time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.set.o.Timers
	l.servers.Failed(at, time.Now().Add(min(max(t.Avoid, longer), 10*t.Avoid)))
}

// flow is the way to a server, opened where there is none.
func (l *line) flow(ctx context.Context, to Server) (registrar.FlowID, error) {
	if l.c.Transport == UDP {
		local, ok := l.local(to.Addr.Addr())
		if !ok {
			return 0, fmt.Errorf("%s: this system has no UDP socket of that family", to.Addr)
		}
		return l.set.o.Front.FlowTo(local, to.Addr)
	}
	if id, ok := l.open(to.Addr); ok {
		return id, nil
	}
	l.connecting.Lock()
	defer l.connecting.Unlock()
	if id, ok := l.open(to.Addr); ok {
		return id, nil
	}
	return l.connect(ctx, to)
}

// open is the connection to a server that stands.
func (l *line) open(at netip.AddrPort) (registrar.FlowID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, ok := l.flows[at]
	return id, ok
}

func (l *line) connect(ctx context.Context, to Server) (registrar.FlowID, error) {
	s := l.set
	short, cancel := context.WithTimeout(ctx, s.o.Timers.ReachWithin)
	defer cancel()
	conn, err := s.o.Dial(short, "tcp", to.Addr.String())
	if err != nil {
		return 0, err
	}
	var id registrar.FlowID
	if l.c.Transport == TLS {
		id, err = s.o.Front.Connect(conn, s.o.TLS(l.c.Peer))
	} else {
		id, err = s.o.Front.Connect(conn, nil)
	}
	if err != nil {
		return 0, fmt.Errorf("%s over %s: %w", to.Addr, l.c.Transport, err)
	}
	s.count.connected.Add(1)
	l.mu.Lock()
	l.flows[to.Addr] = id
	l.mu.Unlock()
	s.learned()
	return id, nil
}

// lost gives a connection up over which nothing comes back any more: the next request
// opens another (RFC 5626 §4.4.1), and a registration that was made over it is made anew.
func (l *line) lost(at netip.AddrPort, id registrar.FlowID, method string, status int) {
	if l.c.Transport == UDP || status == 503 || !l.forget(at, id) {
		return
	}
	if status == 408 {
		l.set.o.Front.CloseFlow(id)
	}
	l.set.learned()
	if l.reg != nil && method != "REGISTER" {
		l.mu.Lock()
		l.hurry = l.hurry || at == l.use
		l.mu.Unlock()
		l.stir()
	}
}

// forget drops a connection that turned out to be gone.
func (l *line) forget(at netip.AddrPort, id registrar.FlowID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flows[at] != id {
		return false
	}
	delete(l.flows, at)
	return true
}

// flowClosed forgets a connection. A registration that was made over it is made anew:
// its contact cannot be reached any more.
func (l *line) flowClosed(id registrar.FlowID) bool {
	l.mu.Lock()
	found := false
	for at, open := range l.flows {
		if open == id {
			delete(l.flows, at)
			found = true
			l.hurry = l.hurry || at == l.use
			l.probe = true
		}
	}
	l.mu.Unlock()
	if found {
		l.stir()
	}
	return found
}

// Way is how a call goes to a trunk.
type Way struct {
	Flow registrar.FlowID
	// Server is the address that it goes to, for Failed.
	Server netip.AddrPort
	// Domain is the host of From, empty where the trunk knows us by our address.
	Domain string
	// Routes are the Route header's values (RFC 3608).
	Routes      []string
	Credentials Credentials
	config      *Config
}

// URI is the Request-URI for a number.
func (w *Way) URI(number string) string { return w.config.uri(number) }

// ErrNoTrunk: there is no trunk of that name.
var ErrNoTrunk = errors.New("there is no such trunk")

// Reach gives the way to a trunk to then: at once where its server is known and
// connected to, else when it is, from another goroutine.
func (s *Set) Reach(name string, then func(Way, error)) {
	l := s.named(name)
	if l == nil {
		then(Way{}, ErrNoTrunk)
		return
	}
	if order := l.order(); len(order) > 0 {
		if id, ok := l.atOnce(order[0]); ok {
			then(l.way(id, order[0]), nil)
			return
		}
	}
	s.mu.Lock()
	stopped := s.stopped
	if !stopped {
		s.work.Go(func() { then(l.reach()) })
	}
	s.mu.Unlock()
	if stopped {
		then(Way{}, context.Canceled)
	}
}

// atOnce is the way to a server where nothing has to be waited for.
func (l *line) atOnce(to Server) (registrar.FlowID, bool) {
	if l.c.Transport != UDP {
		return l.open(to.Addr)
	}
	id, err := l.flow(l.ctx, to)
	return id, err == nil
}

// reach finds a server and connects to it.
func (l *line) reach() (Way, error) {
	if !l.located() {
		// The trunk's own goroutine looks it up at its own pace; a call asks now.
		short, cancel := context.WithTimeout(l.ctx, l.set.o.Timers.ResolveWithin)
		defer cancel()
		found, _, err := Locate(short, l.set.o.Resolver, &l.c)
		if err != nil {
			return Way{}, err
		}
		l.mu.Lock()
		l.servers.Set(l.usable(found))
		l.mu.Unlock()
		l.set.learned()
		l.stir()
	}
	err := errors.New("no server is known")
	for i, one := range l.order() {
		if i == maxTries {
			break
		}
		id, problem := l.flow(l.ctx, one)
		if problem == nil {
			return l.way(id, one), nil
		}
		err = problem
		l.failed(one.Addr, 0)
		l.set.count.failovers.Add(1)
	}
	return Way{}, err
}

func (l *line) way(id registrar.FlowID, to Server) Way {
	w := Way{Flow: id, Server: to.Addr, Credentials: l.c.Credentials, config: &l.c}
	if l.c.Credentials.User != "" {
		w.Domain = l.c.domain()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Routes = l.shown.Routes
	return w
}

// Failed says that a server of a trunk did not take a call: no answer, 503, gone.
// longer is what it asked for by Retry-After, 0 for nothing. The next call goes to
// another one, and the trunk is asked whether it is still there.
func (s *Set) Failed(name string, server netip.AddrPort, longer time.Duration) {
	l := s.named(name)
	if l == nil {
		return
	}
	s.count.callsFailed.Add(1)
	l.failed(server, longer)
	l.mu.Lock()
	l.probe = true
	l.mu.Unlock()
	l.stir()
}

// Ways is how many servers a call over a trunk could be tried at, at least 1 and at
// most 4, and whether the trunk is believed to be there.
func (s *Set) Ways(name string) (servers int, up bool) {
	l := s.named(name)
	if l == nil {
		return 1, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(max(len(l.servers.All()), 1), maxTries), l.state != Down
}
