package natscarrier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"roost/resilience/mirror"
)

// Carrier is a mirror.Carrier over NATS. All methods are safe for concurrent use.
type Carrier struct {
	cfg      Config
	count    counters
	hub      hub
	states   *states
	peers    directory
	embedded *embedded // nil where this system only dials, or uses an outside cluster
	bus      *bus      // nil where this system only dials

	mu         sync.RWMutex
	lines      map[string]*line
	closed     atomic.Bool
	done       chan struct{}
	cuts       chan func() // floods to end, for the goroutine that does it
	background sync.WaitGroup
}

var _ mirror.Carrier = (*Carrier)(nil)

// Start listens for lines and begins to dial those configured; it does not wait for
// any of them. An error means that the configuration cannot work, or that the listener
// could not be opened; a peer that is away is none.
func Start(cfg Config) (*Carrier, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	c := &Carrier{cfg: cfg, lines: make(map[string]*line), done: make(chan struct{}), cuts: make(chan func(), 64)}
	c.hub.limits, c.hub.count = &c.cfg.Limits, &c.count
	c.states = newStates(cfg.Log)
	c.peers.set(cfg.Peers, &c.cfg.Limits)
	switch {
	case cfg.Outside != nil:
		c.startOutside()
	case cfg.Listen != "":
		if err := c.startEmbedded(); err != nil {
			return nil, err
		}
	}
	c.background.Go(c.cutWhoFloods)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startLines(cfg.Peers)
	return c, nil
}

func (c *Carrier) startOutside() {
	c.bus = c.startBus(c.outside, c.outsideWords, func(up bool, why string) {
		for _, system := range c.peers.names() {
			c.states.set(system, up, why)
		}
	})
}

func (c *Carrier) startEmbedded() error {
	embedded, err := startEmbedded(&c.cfg, &c.count)
	if err != nil {
		return err
	}
	c.embedded = embedded
	c.bus = c.startBus(c.ownServer, func(err error) string { return fmt.Sprint(err) }, func(up bool, why string) {
		if !up && why != NotTried {
			c.cfg.Log.Error().Msg("lost the connection to our own server for lines, connecting again: " + why)
		}
	})
	if err := c.bus.wait(startWithin); err != nil {
		c.bus.stop()
		embedded.stop()
		return err
	}
	c.background.Go(c.watchArrivals)
	return nil
}

// startLines begins what is configured and does not run yet. c.mu is held.
func (c *Carrier) startLines(peers []Peer) {
	for _, peer := range peers {
		switch {
		case c.cfg.Outside != nil:
			up, why := c.bus.state()
			c.states.set(peer.System, up, why)
		case peer.Address == "":
			c.states.set(peer.System, false, waitsFor(peer.System))
		case c.lines[peer.System] == nil:
			c.states.set(peer.System, false, NotTried)
			c.lines[peer.System] = c.startLine(peer)
		}
	}
}

// SetPeers replaces the lines, as a reload of the configuration does: what is new is
// dialled, what is gone is ended, and what did not change stays up.
func (c *Carrier) SetPeers(peers []Peer) error {
	next := c.cfg
	next.Peers = slices.Clone(peers)
	if err := checkPeers(&next); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return mirror.ErrDown
	}
	kept := make(map[string]Peer, len(peers))
	for _, p := range peers {
		kept[p.System] = p
	}
	gone := c.peers.set(peers, &c.cfg.Limits)
	if c.embedded != nil {
		c.embedded.door.setPeers(peers)
	}
	for system, l := range c.lines {
		if p, ok := kept[system]; !ok || p != l.peer {
			l.stop()
			delete(c.lines, system)
		}
	}
	for _, system := range gone {
		c.states.forget(system)
	}
	c.startLines(peers)
	return nil
}

// Close ends all lines, the embedded server and all subscriptions, and returns when no
// goroutine of the carrier is left; handlers that run are waited for. A second Close
// does nothing.
func (c *Carrier) Close() {
	c.mu.Lock()
	if c.closed.Swap(true) {
		c.mu.Unlock()
		return
	}
	lines := c.lines
	c.lines = nil
	c.mu.Unlock()
	close(c.done)
	for _, l := range lines {
		l.stop()
	}
	if c.bus != nil {
		c.bus.stop()
	}
	if c.embedded != nil {
		c.embedded.stop()
	}
	c.background.Wait()
	c.states.close()
	c.hub.close()
}

// Addr is where lines come in, nil without a listener.
func (c *Carrier) Addr() net.Addr {
	if c.embedded == nil {
		return nil
	}
	return c.embedded.addr()
}

// MaxPayload implements mirror.Carrier.
func (c *Carrier) MaxPayload() int { return c.cfg.Limits.MaxPayload }

// Lines implements mirror.Carrier.
func (c *Carrier) Lines() []mirror.LineState { return c.states.list() }

// WatchLines implements mirror.Carrier.
func (c *Carrier) WatchLines(f func(mirror.LineState)) (stop func()) { return c.states.watch(f) }

// Counters are the totals since Start.
func (c *Carrier) Counters() Counters { return c.count.read() }

// Refusals are the connections turned away at our listener, the latest first: who came
// from where, and why it did not come in.
func (c *Carrier) Refusals() []Refusal {
	if c.embedded == nil {
		return nil
	}
	return c.embedded.refusals.list()
}

// Subscribe implements mirror.Carrier. A system without a listener hears its own
// messages not at all.
func (c *Carrier) Subscribe(s mirror.Subject, handler func(mirror.Message)) (unsubscribe func(), err error) {
	return c.hub.subscribe(s, handler)
}

// Publish implements mirror.Carrier.
func (c *Carrier) Publish(s mirror.Subject, payload []byte) error {
	switch {
	case c.closed.Load():
		return mirror.ErrDown
	case len(payload) > c.cfg.Limits.MaxPayload:
		return tooBig(len(payload), c.cfg.Limits.MaxPayload)
	case s.Class == mirror.Calls:
		return errors.New("a call has a reply: use Request")
	case senderOf(&s) != c.cfg.System:
		return fmt.Errorf("publishing %s: this system is %s", s, c.cfg.System)
	}
	c.count.published.Add(1)
	c.count.publishedBytes.Add(uint64(len(payload)))
	subject, k := s.String(), kindOf(s.Class)
	if s.Class == mirror.Pulls {
		c.sendOn(c.towards(s.Origin, k), subject, payload)
		return nil
	}
	if c.sayOverLines(&s, outgoing{kind: k, subject: subject, payload: payload}) && s.Class == mirror.Answers {
		return nil
	}
	if c.bus != nil {
		c.sendOn(c.bus.connectors[k], subject, payload)
	}
	return nil
}

// sayOverLines queues a message for the peers that are served over lines we dial, and
// reports whether there was any.
func (c *Carrier) sayOverLines(s *mirror.Subject, o outgoing) (any bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, l := range c.lines {
		if l.out == nil || !l.hears(s) {
			continue
		}
		if !any {
			o.payload = bytes.Clone(o.payload) // the caller's after Publish returned
		}
		any = true
		if !l.out.put(o) {
			c.count.droppedQueue.Add(1)
		}
	}
	return any
}

// towards is the connection over which a peer is asked: the line that we dial, or our
// own server or the cluster, where it listens. nil if there is none.
func (c *Carrier) towards(system string, k kind) *connector {
	c.mu.RLock()
	l := c.lines[system]
	c.mu.RUnlock()
	switch {
	case l != nil:
		return l.connectors[k]
	case c.bus != nil:
		return c.bus.connectors[k]
	}
	return nil
}

func (c *Carrier) sendOn(to *connector, subject string, payload []byte) {
	var conn *nats.Conn
	if to != nil {
		conn = to.conn()
	}
	if conn == nil || conn.Publish(subject, payload) != nil {
		c.count.lostLineDown.Add(1)
	}
}

// callWithin bounds a request whose context has no deadline.
const callWithin = 5 * time.Second

// Request implements mirror.Carrier.
func (c *Carrier) Request(ctx context.Context, s mirror.Subject, payload []byte) ([]byte, error) {
	switch {
	case c.closed.Load():
		return nil, mirror.ErrDown
	case len(payload) > c.cfg.Limits.MaxPayload:
		return nil, tooBig(len(payload), c.cfg.Limits.MaxPayload)
	case s.Class != mirror.Calls || s.Peer != c.cfg.System:
		return nil, fmt.Errorf("request %s: this system is %s", s, c.cfg.System)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callWithin)
		defer cancel()
	}
	var conn *nats.Conn
	if to := c.towards(s.Origin, data); to != nil {
		conn = to.conn()
	}
	if conn == nil {
		return nil, fmt.Errorf("%s: the line is down: %w", s.Origin, mirror.ErrNoAnswer)
	}
	reply, err := conn.RequestWithContext(ctx, s.String(), payload)
	switch {
	case err == nil:
		return reply.Data, nil
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed):
		return nil, fmt.Errorf("%s does not answer to %s: %w", s.Origin, s.Verb, mirror.ErrNoAnswer)
	}
	return nil, fmt.Errorf("asking %s for %s: %w", s.Origin, s.Verb, err)
}

func tooBig(n, limit int) error {
	return fmt.Errorf("message of %d bytes, %d are allowed: %w", n, limit, mirror.ErrTooBig)
}
