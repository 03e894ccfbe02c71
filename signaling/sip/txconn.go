package sip

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/emiago/sipgo/sip"

	"roost/signaling/sip/flow"
)

// txConn is the connection that a sipgo transaction writes to: one flow, and
// for one message the bytes that we built ourselves, because sipgo's own
// rendering loses quotes and received parameters.
type txConn struct {
	e    *Endpoint
	flow flow.ID
	to   netip.AddrPort // where a response goes over UDP; zero: to the flow's peer

	mu    sync.Mutex
	built sip.Message // the message whose bytes these are
	bytes []byte
}

var errNotBuilt = errors.New("message was not built by the endpoint")

// build says what is written for msg, now and at each retransmission.
func (c *txConn) build(msg sip.Message, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.built, c.bytes = msg, b
}

// WriteMsg writes msg to the flow. sipgo's own messages (100 Trying, the ACK of
// a refusal) are rendered by sipgo.
func (c *txConn) WriteMsg(msg sip.Message) error {
	if msg == nil {
		return errNotBuilt
	}
	c.mu.Lock()
	b := c.bytes
	if msg != c.built {
		b = []byte(msg.String())
	}
	c.mu.Unlock()
	err := c.send(b)
	if err != nil {
		c.e.count.add(cWriteFailed)
		if errors.Is(err, flow.ErrGone) {
			c.e.count.add(cDeadFlow)
		}
	}
	return err
}

func (c *txConn) send(b []byte) error {
	if c.to.IsValid() {
		return c.e.flows.SendTo(c.flow, c.to, b)
	}
	return c.e.flows.Send(c.flow, b)
}

// LocalAddr is not used by transactions.
func (c *txConn) LocalAddr() net.Addr { return nil }

// Ref counts nothing: a transaction never keeps or closes a flow.
func (c *txConn) Ref(int) int { return 1 }

// TryClose closes nothing.
func (c *txConn) TryClose() (int, error) { return 1, nil }

// Close closes nothing.
func (c *txConn) Close() error { return nil }
