package trunk

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"

	"roost/registrar"
	"roost/signaling/sip"
	"roost/signaling/sip/flow"
)

// Front is the SIP front-end (sip.Endpoint).
type Front interface {
	Request(context.Context, sip.Request) sip.Response
	Connect(net.Conn, *tls.Config) (registrar.FlowID, error)
	FlowTo(local, remote netip.AddrPort) (registrar.FlowID, error)
	Locals() []flow.Local
	// CloseFlow closes a connection; false if it was gone.
	CloseFlow(registrar.FlowID) bool
}

// Watcher hears of trunks. It is called from the trunk's goroutine, for one trunk in
// order.
type Watcher interface {
	// TrunkUp: the trunk can be used. It is told when that begins.
	TrunkUp(name string)
	// TrunkDown: it cannot, and why; told again when the reason is another.
	TrunkDown(name, why string)
}

// Options is what a Set is made of.
type Options struct {
	Front    Front
	Resolver Resolver
	Watcher  Watcher
	// Dial opens TCP connections; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS gives the settings for a peer, whose certificate must carry its name; nil: the
	// machine's authorities.
	TLS    func(peer string) *tls.Config
	Timers Timers
	// Realm is the host of From where a trunk has no credentials.
	Realm string
	// Panicked is told of a fault of ours, which costs a trunk a while; nil: nobody.
	Panicked func(trunk string, value any)
	// Seed of all that is random.
	Seed [32]byte
}

// Set is the trunks of a system. Its methods are safe for concurrent use.
type Set struct {
	o      Options
	count  counters
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	// known is by what incoming calls are recognised; it is replaced, never changed.
	known atomic.Pointer[index]

	mu      sync.Mutex
	lines   []*line
	seeds   *rand.ChaCha8
	stopped bool
}

// New makes a set without trunks.
func New(o Options) *Set {
	o.Timers = o.Timers.orDefault()
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.TLS == nil {
		o.TLS = func(peer string) *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: peer} }
	}
	s := &Set{o: o, seeds: rand.NewChaCha8(o.Seed)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.known.Store(&index{})
	return s
}

// Configure makes these the trunks, from now on: what is new begins, what is gone or
// altered ends (its registration is taken back), the rest goes on.
func (s *Set) Configure(all []Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	before := map[string]*line{}
	for _, l := range s.lines {
		before[l.c.Name] = l
	}
	var lines []*line
	for i := range all {
		old := before[all[i].Name]
		if old != nil && reflect.DeepEqual(old.c, all[i]) {
			lines = append(lines, old)
			delete(before, all[i].Name)
			continue
		}
		lines = append(lines, s.begin(all[i], old))
	}
	for _, l := range before {
		l.cancel()
	}
	s.lines = lines
	s.reindex()
}

// begin starts a trunk, once the one that it replaces has ended. s.mu is held.
func (s *Set) begin(c Config, old *line) *line {
	var seed [32]byte
	_, _ = s.seeds.Read(seed[:]) // never fails
	l := newLine(s, c, rand.New(rand.NewChaCha8(seed)))
	s.work.Go(func() {
		defer close(l.done)
		if old != nil {
			old.cancel()
			<-old.done
		}
		l.run()
	})
	return l
}

// Stop takes all registrations back and ends. What is not done when ctx ends is cut.
func (s *Set) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	for _, l := range s.lines {
		l.cancel()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.work.Wait()
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.cancel()
	<-done
	return err
}

func (s *Set) named(name string) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.c.Name == name {
			return l
		}
	}
	return nil
}

// FlowClosed hears that a flow is gone.
func (s *Set) FlowClosed(id registrar.FlowID) {
	if l := s.known.Load().flows[id]; l != nil && l.flowClosed(id) {
		s.mu.Lock()
		s.reindex()
		s.mu.Unlock()
	}
}

// learned makes what a trunk found out known to incoming calls.
func (s *Set) learned() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reindex()
}
