package flow

import (
	"bytes"
	"net"

	"github.com/emiago/sipgo/sip"
)

// Conn gives a sip.Connection for sip.NewServerTx and sip.NewClientTx that writes to
// the flow, and only to it. Ref and TryClose count nothing: a transaction never
// closes a flow.
func (t *Table) Conn(id ID) sip.Connection {
	c := &sipConn{t: t, id: id}
	if info, ok := t.Info(id); ok {
		if info.Transport == UDP {
			c.local = net.UDPAddrFromAddrPort(info.Local)
		} else {
			c.local = net.TCPAddrFromAddrPort(info.Local)
		}
	}
	return c
}

type sipConn struct {
	t     *Table
	id    ID
	local net.Addr
}

// LocalAddr is nil where the flow was gone when Conn was called.
func (c *sipConn) LocalAddr() net.Addr { return c.local }

// WriteMsg writes the message to the flow; ErrGone where that is gone.
func (c *sipConn) WriteMsg(msg sip.Message) error {
	var b bytes.Buffer
	msg.StringWrite(&b)
	return c.t.Send(c.id, b.Bytes())
}

func (c *sipConn) Ref(int) int            { return 1 }
func (c *sipConn) TryClose() (int, error) { return 1, nil }
func (c *sipConn) Close() error           { return nil }
