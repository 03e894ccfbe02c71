package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// State is what the proxy does with the line at the moment.
type State int

// The states of a Proxy; the package comment says what each does.
const (
	Healed State = iota
	Cut
	Hung
)

// String is the state in one word, for a timeline.
func (s State) String() string {
	switch s {
	case Healed:
		return "healed"
	case Cut:
		return "cut"
	case Hung:
		return "hung"
	}
	return fmt.Sprintf("state %d", int(s))
}

// ErrNotLoopback is returned by New for an address outside 127.0.0.0/8 and ::1.
var ErrNotLoopback = errors.New("the fault proxy works on loopback addresses only")

// dialTimeout bounds a connection to the target; on loopback it is made or refused at once.
const dialTimeout = 2 * time.Second

// Proxy forwards connections made to Addr to one target until it is told to break them.
// All methods are safe for concurrent use.
type Proxy struct {
	target   string
	listener *net.TCPListener
	delay    atomic.Int64 // nanoseconds, one way
	accepted atomic.Int64
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu    sync.Mutex
	state State
	flow  chan struct{} // closed while bytes may pass
	links map[*link]struct{}
}

// New listens on listen ("127.0.0.1:0" for any free port) and forwards to target, both
// "host:port" with a loopback IP address. The proxy starts healed and without delay.
func New(listen, target string) (*Proxy, error) {
	for _, address := range []string{listen, target} {
		parsed, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, fmt.Errorf("fault proxy: %q is not an IP address and a port: %w", address, err)
		}
		if !parsed.Addr().IsLoopback() {
			return nil, fmt.Errorf("fault proxy on %s: %w", address, ErrNotLoopback)
		}
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("fault proxy: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		target:   target,
		listener: listener.(*net.TCPListener),
		ctx:      ctx,
		cancel:   cancel,
		flow:     make(chan struct{}),
		links:    make(map[*link]struct{}),
	}
	close(p.flow)
	p.wg.Add(1)
	go p.accept()
	return p, nil
}

// Addr is the address that the proxy listens on, "127.0.0.1:PORT".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Accepted is how many connections were accepted since the start, those that were
// reset at once included.
func (p *Proxy) Accepted() int64 { return p.accepted.Load() }

// State is what the proxy does with the line now.
func (p *Proxy) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// Cut resets all connections, and each new one as soon as it is accepted.
func (p *Proxy) Cut() {
	p.enter(Cut)
	p.Reset()
}

// Hang keeps connections open and accepts new ones, but no byte passes.
func (p *Proxy) Hang() { p.enter(Hung) }

// Heal lets bytes flow again. What was sent into a hang arrives now.
func (p *Proxy) Heal() { p.enter(Healed) }

// Delay holds each byte back for d in each direction, from the next read on. A negative
// d counts as 0.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(max(0, d))) }

// Reset breaks the connections of the moment and changes nothing else: a blip.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// Close ends the proxy and everything that runs through it, and returns when no
// goroutine of it is left. A second Close does nothing.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.Reset()
	p.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) enter(state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasHung := p.state == Hung
	p.state = state
	switch {
	case state == Hung && !wasHung:
		p.flow = make(chan struct{})
	case state != Hung && wasHung:
		close(p.flow)
	}
}

func (p *Proxy) accept() {
	defer p.wg.Done()
	for {
		conn, err := p.listener.AcceptTCP()
		if err != nil {
			if p.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			continue // a connection that was gone before it was accepted
		}
		p.accepted.Add(1)
		l := p.admit(conn)
		if l == nil {
			reset(conn)
			continue
		}
		p.wg.Add(1)
		go p.serve(l)
	}
}

// admit notes a new link, or answers nil where it must be reset instead.
func (p *Proxy) admit(conn *net.TCPConn) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == Cut || p.ctx.Err() != nil {
		return nil
	}
	l := newLink(p.ctx, conn)
	p.links[l] = struct{}{}
	return l
}

func (p *Proxy) serve(l *link) {
	defer p.wg.Done()
	l.run(p)
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// gate is closed while bytes may pass.
func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flow
}
