package relay

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v4/deadline"
)

// mailbox is the net.PacketConn that a handshake reads and writes: records come from
// the worker and go back to it. Neither end waits for the other.
type mailbox struct {
	in     chan []byte
	out    func([]byte)
	muted  atomic.Bool
	closed chan struct{}
	once   sync.Once
	read   *deadline.Deadline
}

// records that wait at most; a flight is fewer, and what is lost is sent again.
const mailboxRecords = 32

func newMailbox(out func([]byte)) *mailbox {
	return &mailbox{in: make(chan []byte, mailboxRecords), out: out, closed: make(chan struct{}), read: deadline.New()}
}

// put never waits.
func (m *mailbox) put(b []byte) {
	select {
	case m.in <- b:
	default:
	}
}

// mute has nothing more leave.
func (m *mailbox) mute() { m.muted.Store(true) }

// ReadFrom implements net.PacketConn.
func (m *mailbox) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case one := <-m.in:
		return copy(b, one), m.RemoteAddr(), nil
	case <-m.read.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case <-m.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (m *mailbox) WriteTo(b []byte, _ net.Addr) (int, error) {
	if !m.muted.Load() {
		m.out(append([]byte(nil), b...))
	}
	return len(b), nil
}

// Close implements net.PacketConn.
func (m *mailbox) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

// LocalAddr implements net.PacketConn; the far end's address is the gate's matter.
func (m *mailbox) LocalAddr() net.Addr { return &net.UDPAddr{} }

// RemoteAddr is what pion wants to be told.
func (m *mailbox) RemoteAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn; nothing waits to be written.
func (m *mailbox) SetDeadline(t time.Time) error { return m.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (m *mailbox) SetReadDeadline(t time.Time) error {
	m.read.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn.
func (m *mailbox) SetWriteDeadline(time.Time) error { return nil }
