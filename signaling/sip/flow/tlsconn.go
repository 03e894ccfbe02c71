package flow

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

var errBusy = errors.New("no place for the handshake within its deadline")

// tap stands between TLS and the connection: what TLS writes goes through the flow's
// output, so that no Write waits for the peer.
type tap struct {
	net.Conn
	out   *output
	first []byte // read before the handshake began
}

func (c *tap) Read(b []byte) (int, error) {
	if len(c.first) > 0 && len(b) > 0 {
		n := copy(b, c.first)
		c.first = nil
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *tap) Write(b []byte) (int, error) {
	if err := c.out.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// The deadlines of writing are the output's, and TLS has no business with them.
func (c *tap) SetWriteDeadline(time.Time) error { return nil }
func (c *tap) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }

// greet does the TLS handshake and then lets a new goroutine read: this one's stack
// has grown, and would stay so as long as the phone is connected.
func (s *stream) greet() {
	t := s.l.t
	t.count.handshaking.Add(1)
	err := s.handshake()
	t.count.handshaking.Add(-1)
	if err != nil {
		if s.finish(HandshakeFailed) {
			t.journal.event(troubleHandshake).Stringer("peer", s.remote).Err(err).Msg("TLS handshake failed")
		}
		s.end()
		t.readers.Done()
		return
	}
	t.count.handshakesDone.Add(1)
	now := time.Now().UnixNano()
	s.mu.Lock()
	s.opened, s.armed = now, 0
	s.mu.Unlock()
	s.seen.Store(now)
	s.ready.Store(true)
	go s.read()
}

// handshake waits for the peer's first byte, which costs nothing, then for a place,
// then does the work, all within one deadline.
func (s *stream) handshake() error {
	t := s.l.t
	within := t.limits.Handshake
	late := time.NewTimer(within)
	defer late.Stop()
	if err := s.raw.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := s.raw.Read(s.one[:]); err != nil {
		return fmt.Errorf("before the first byte: %w", err)
	}
	for _, places := range []chan struct{}{t.sources.places(s.from), t.handshakes} {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-late.C:
			return errBusy
		case <-s.quit:
			return ErrGone
		case <-t.draining:
			return ErrShutdown
		}
	}
	conn := tls.Server(&tap{Conn: s.raw, out: &s.out, first: s.one[:]}, s.l.tls)
	s.tls = conn
	return conn.Handshake()
}
