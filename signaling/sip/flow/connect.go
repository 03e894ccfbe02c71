package flow

import (
	"crypto/tls"
	"net"
	"net/netip"
	"time"
)

// The indices under which the connections stand that were not accepted but made by
// this system; no listener has them.
const (
	ownTLS = 0
	ownTCP = 255
)

// Connect takes over a connection that the caller opened, and gives its flow, which
// is proven from the start. With tc it speaks TLS as the client; the handshake is
// done before Connect returns, within Limits.Handshake. The connection is the Table's
// even where there is an error. The limits on strangers do not hold for it.
func (t *Table) Connect(c net.Conn, tc *tls.Config) (ID, error) {
	sl, err := t.own(tc != nil)
	if err != nil {
		_ = c.Close()
		return 0, err
	}
	remote := addrPort(c.RemoteAddr())
	from := t.sources.take(remote.Addr())
	t.count.connections.Add(1)
	now := time.Now().UnixNano()
	s := &stream{l: sl, raw: c, from: from, local: addrPort(c.LocalAddr()), remote: remote, opened: now, served: true}
	s.frame = framer{header: t.limits.Header, body: t.limits.Body}
	s.out = output{
		raw: c, rc: rawOf(c), limit: t.limits.Queue, within: t.limits.Write,
		group: &t.readers, failed: s.sendFailed,
	}
	s.seen.Store(now)
	if tc != nil {
		s.quit = make(chan struct{})
	}
	if !sl.insert(s) {
		t.sources.remove(from)
		t.count.connections.Add(-1)
		_ = c.Close()
		return 0, ErrShutdown
	}
	if tc != nil {
		if err := s.introduce(tc); err != nil {
			s.finish(HandshakeFailed)
			s.end()
			t.readers.Done()
			return 0, err
		}
	}
	s.ready.Store(true)
	id := s.id
	t.Prove(id)
	go s.read()
	return id, nil
}

// introduce is the client's part of the TLS handshake.
func (s *stream) introduce(tc *tls.Config) error {
	t := s.l.t
	t.count.handshaking.Add(1)
	defer t.count.handshaking.Add(-1)
	if err := s.raw.SetReadDeadline(time.Now().Add(t.limits.Handshake)); err != nil {
		return err
	}
	conn := tls.Client(&tap{Conn: s.raw, out: &s.out}, tc)
	s.tls = conn
	if err := conn.Handshake(); err != nil {
		return err
	}
	t.count.handshakesDone.Add(1)
	now := time.Now().UnixNano()
	s.mu.Lock()
	s.opened, s.armed = now, 0
	s.mu.Unlock()
	s.seen.Store(now)
	return nil
}

// own is the holder of the connections that this system made over TLS or TCP.
func (t *Table) own(secure bool) (*streamListener, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped() {
		return nil, ErrShutdown
	}
	index, transport := uint8(ownTCP), TCP
	if secure {
		index, transport = ownTLS, TLS
	}
	if t.streams[index] == nil {
		t.streams[index] = &streamListener{t: t, index: index, transport: transport}
	}
	return t.streams[index], nil
}

// take counts a connection that this system made, which no limit refuses.
func (s *sources) take(remote netip.Addr) *source {
	addr := sourceOf(remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.of[addr]
	if src == nil {
		src = &source{addr: addr}
		s.of[addr] = src
	}
	src.conns++
	return src
}
