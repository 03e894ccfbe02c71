package natscarrier

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"roost/resilience/mirror"
)

// source is where messages come in: a connection of a line, or of the bus.
type source struct {
	peer string // of the line; "" on the bus, where the server vouches for the sender
	kick func(why string)
}

// handler takes the messages of one NATS subscription; the NATS client calls it from
// one goroutine. Subjects repeat, so the last one read is kept.
func (c *Carrier) handler(from *source) nats.MsgHandler {
	var text string
	var subject mirror.Subject
	return func(m *nats.Msg) {
		if m.Subject != text {
			parsed, err := mirror.ParseSubject(m.Subject)
			if err != nil {
				c.count.malformed.Add(1)
				return
			}
			text, subject = m.Subject, parsed
		}
		c.receive(from, subject, m)
	}
}

func (c *Carrier) receive(from *source, s mirror.Subject, m *nats.Msg) {
	if len(m.Data) > c.cfg.Limits.MaxPayload {
		c.count.tooBig.Add(1)
		return
	}
	sender := senderOf(&s)
	if sender != c.cfg.System || from.peer != "" {
		if !c.accept(from, sender, &s) {
			return
		}
	}
	message := mirror.Message{Subject: s, Payload: m.Data}
	if s.Class == mirror.Calls {
		if !inboxOf(m.Reply, sender) {
			c.count.forged.Add(1)
			return
		}
		message.Reply = c.replier(m)
	}
	c.count.received.Add(1)
	c.count.receivedBytes.Add(uint64(len(m.Data)))
	if !c.hub.deliver(message) && s.Class == mirror.Calls {
		c.nobodyHere(m)
	}
}

// nobodyHere answers a call that nobody subscribed to as a NATS server does where there
// is no subscription at all: the carrier's own is for every verb.
func (c *Carrier) nobodyHere(m *nats.Msg) {
	_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Status": []string{"503"}}})
}

// accept reports whether a message of another system may be believed and is within its rate.
func (c *Carrier) accept(from *source, sender string, s *mirror.Subject) bool {
	known := c.peers.get(sender)
	if known == nil && c.cfg.Outside != nil {
		known = c.peers.member(sender, &c.cfg.Limits)
	}
	switch {
	case from.peer != "" && sender != from.peer:
		c.forged(from.peer, s)
		return false
	case known == nil:
		c.count.strangers.Add(1)
		return false
	case !meantFor(c.cfg.System, &known.Peer, s):
		c.forged(sender, s)
		return false
	}
	switch known.rates.judge(s.Class, time.Now()) {
	case pass:
		return true
	case dropTell:
		c.cfg.Log.Warn().Str("system", sender).Stringer("class", s.Class).
			Msg("a peer sends more than its rate; messages are dropped (counted, told once a minute)")
	case dropCut:
		c.cutOff(from, sender)
	}
	c.count.droppedRate.Add(1)
	return false
}

// meantFor reports whether a subject is one that peer may say to self.
func meantFor(self string, peer *Peer, s *mirror.Subject) bool {
	if peer.Member && s.Set != "" && s.Set != mirror.Dir {
		return false
	}
	switch s.Class {
	case mirror.Heartbeats:
		return true
	case mirror.Deltas:
		return mirror.Readable(s.Set, self)
	case mirror.Answers:
		return s.Peer == self && mirror.Readable(s.Set, self)
	case mirror.Pulls:
		return s.Origin == self && mirror.Readable(s.Set, peer.System)
	default:
		return s.Origin == self
	}
}

func (c *Carrier) forged(sender string, s *mirror.Subject) {
	c.count.forged.Add(1)
	if k := c.peers.get(sender); k != nil && k.rates.tell(time.Now()) {
		c.cfg.Log.Warn().Str("system", sender).Str("subject", s.String()).
			Msg("a peer sent a message that it may not send; dropped (counted, told once a minute)")
	}
}

// cutOff ends the connections of a peer that floods.
func (c *Carrier) cutOff(from *source, sender string) {
	c.count.floods.Add(1)
	c.cfg.Log.Warn().Str("system", sender).Dur("for", c.cfg.Timing.FloodPenalty).
		Msg("a peer floods us and is cut off for a while")
	cut := func() { from.kick(sender + " sent far more than its rate") }
	switch {
	case from.kick != nil:
	case c.embedded != nil:
		until := time.Now().Add(c.cfg.Timing.FloodPenalty)
		cut = func() { c.embedded.door.bar(sender, until) }
	default:
		return // an outside cluster's clients are its operator's
	}
	// Not from here: closing a connection waits for its callbacks, of which this is one.
	select {
	case c.cuts <- cut:
	default: // so many are waiting that the next drop will do
	}
}

func (c *Carrier) cutWhoFloods() {
	for {
		select {
		case <-c.done:
			return
		case cut := <-c.cuts:
			cut()
		}
	}
}

// replier answers a call once, on the connection that it came over.
func (c *Carrier) replier(m *nats.Msg) func([]byte) error {
	var answered atomic.Bool
	return func(payload []byte) error {
		if len(payload) > c.cfg.Limits.MaxPayload {
			return tooBig(len(payload), c.cfg.Limits.MaxPayload)
		}
		if answered.Swap(true) {
			return nil
		}
		return m.Respond(payload)
	}
}

// known is a peer with its rates.
type known struct {
	Peer
	rates *rates
}

// directory of peers, read for each message.
type directory struct {
	mu      sync.RWMutex
	peers   map[string]*known
	members map[string]*known // heard over an outside cluster without a line to them
}

// maxMembers bounds how many systems without a line are listened to.
const maxMembers = 128

// member is a system that an outside cluster vouches for and that has no line here: its
// heartbeats and its directory are heard, nothing else. nil if there are too many.
func (d *directory) member(system string, limits *Limits) *known {
	d.mu.Lock()
	defer d.mu.Unlock()
	entry := d.members[system]
	if entry == nil && len(d.members) < maxMembers {
		if d.members == nil {
			d.members = make(map[string]*known)
		}
		entry = &known{Peer: Peer{System: system, Member: true}, rates: newRates(limits)}
		d.members[system] = entry
	}
	return entry
}

func (d *directory) get(system string) *known {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.peers[system]
}

// set replaces the peers and returns those that are gone. Who stays keeps its rates.
func (d *directory) set(peers []Peer, limits *Limits) (gone []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := make(map[string]*known, len(peers))
	for _, p := range peers {
		entry := &known{Peer: p}
		if old := d.peers[p.System]; old != nil {
			entry.rates = old.rates
		} else {
			entry.rates = newRates(limits)
		}
		next[p.System] = entry
	}
	for system := range d.peers {
		if next[system] == nil {
			gone = append(gone, system)
		}
	}
	d.peers = next
	return gone
}

func (d *directory) names() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Sorted(maps.Keys(d.peers))
}
