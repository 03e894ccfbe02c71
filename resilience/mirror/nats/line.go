package natscarrier

import (
	"context"
	"fmt"
	"sync"

	"roost/resilience/mirror"
)

// line is our side of a line that we dial: three connections to the peer's server.
type line struct {
	peer       Peer
	connectors [kinds]*connector
	// out is what we say over the line to a peer that cannot dial us; nil otherwise. It
	// has a goroutine of its own, so that a line that hangs holds up no other.
	out    *queue[outgoing]
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu  sync.Mutex
	up  [kinds]bool
	why [kinds]string
}

// outgoing is a message on its way to one peer.
type outgoing struct {
	kind    kind
	subject string
	payload []byte
}

// NotTried is the LineState.Why of a line before its first try has come to an end.
const NotTried = "connecting for the first time"

// startLine begins to dial; it returns at once.
func (c *Carrier) startLine(peer Peer) *line {
	ctx, cancel := context.WithCancel(context.Background())
	l := &line{peer: peer, cancel: cancel}
	hears := hearing(c.cfg.System, peer.System, peer.Member)
	if c.servesOver(&peer) {
		l.out = newQueue(c.cfg.Limits.QueueMessages, c.cfg.Limits.QueueBytes,
			func(o *outgoing) int { return len(o.payload) + messageOverhead })
		for k, more := range asked(c.cfg.System, peer.System, peer.Member) {
			hears[k] = append(hears[k], more...)
		}
		l.wg.Go(func() { c.sendOut(l) })
	}
	for k := range kinds {
		l.why[k] = NotTried
	}
	for k := range kinds {
		l.connectors[k] = c.newLineConnector(l, k, hears[k])
	}
	for k := range kinds {
		l.wg.Go(func() { l.connectors[k].run(ctx) })
	}
	return l
}

func (c *Carrier) newLineConnector(l *line, k kind, subjects []string) *connector {
	connector := &connector{
		kind:    k,
		timing:  &c.cfg.Timing,
		words:   func(err error) string { return inWords(l.peer.System, l.peer.Address, err) },
		changed: func(k kind, up bool, why string) { l.note(k, up, why, c.states) },
	}
	from := &source{peer: l.peer.System, kick: connector.kick}
	connector.attempt = func(ctx context.Context) (*link, error) {
		return c.dialLine(ctx, &l.peer, from, k, subjects)
	}
	return connector
}

// note takes the news of one connection and tells the state of the whole line, under the
// lock: told later, an older state could overtake a newer one and stand for good.
func (l *line) note(k kind, up bool, why string, states *states) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up[k], l.why[k] = up, why
	isUp, reason := allUp(&l.up, &l.why)
	states.set(l.peer.System, isUp, reason)
}

// allUp is up only if all three connections are. The reason is that of the first that
// is down, and says which one if others stand.
func allUp(up *[kinds]bool, why *[kinds]string) (bool, string) {
	first, standing := kinds, 0
	for k := range kinds {
		if up[k] {
			standing++
		} else if first == kinds || why[first] == NotTried && why[k] != NotTried {
			first = k
		}
	}
	switch {
	case first == kinds:
		return true, ""
	case standing > 0 && why[first] != NotTried:
		return false, fmt.Sprintf("the %s connection: %s", first, why[first])
	default:
		return false, why[first]
	}
}

func (l *line) stop() {
	l.cancel()
	if l.out != nil {
		l.out.close()
	}
	l.wg.Wait()
}

// sendOut says over a line what its peer cannot come and hear.
func (c *Carrier) sendOut(l *line) {
	for {
		o, ok := l.out.take()
		if !ok {
			return
		}
		c.sendOn(l.connectors[o.kind], o.subject, o.payload)
	}
}

// servesOver reports whether peer is served over the connection that we dial to it.
func (c *Carrier) servesOver(peer *Peer) bool {
	return peer.Address != "" && (peer.OutOnly || c.cfg.Listen == "")
}

// hears reports whether a line's peer is to be told a message.
func (l *line) hears(s *mirror.Subject) bool {
	switch s.Class {
	case mirror.Heartbeats:
		return true
	case mirror.Deltas:
		return mirror.Readable(s.Set, l.peer.System) && (!l.peer.Member || s.Set == mirror.Dir)
	default:
		return s.Peer == l.peer.System
	}
}
