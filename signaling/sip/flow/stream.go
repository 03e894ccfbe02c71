package flow

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// linger is how long a flow that we close waits for the peer to take the last bytes
// and close its side.
const linger = time.Second

// stream is one TCP or TLS connection.
type stream struct {
	l             *streamListener
	id            ID
	raw           net.Conn
	tls           *tls.Conn // nil for TCP
	from          *source
	local, remote netip.AddrPort
	out           output
	frame         framer
	halfPing      bool  // the last thing that came was one CRLF
	held          int64 // bytes of the buffer that an unfinished message holds
	one           [1]byte

	why    atomic.Uint32 // Reason; set once
	ready  atomic.Bool   // the handshake is done, the flow is open
	proven atomic.Bool
	quit   chan struct{} // closed when the flow begins to end; nil for TCP
	place  link          // among the unproven
	seen   atomic.Int64  // Unix nanoseconds

	mu      sync.Mutex
	idle    time.Duration // 0: the limit's
	opened  int64         // Unix nanoseconds: accept, then the handshake's end
	begun   int64         // when the first byte of an unfinished message came, or 0
	served  bool          // a whole message came
	armed   int64         // the read deadline that is set, or 0
	closeBy int64         // when a flow that is ending is cut
}

// due tells until when the reader waits, and what it means if nothing comes. mu is held.
func (s *stream) due() (int64, Reason) {
	limits := &s.l.t.limits
	switch {
	case s.why.Load() != 0:
		return s.closeBy, Reason(s.why.Load())
	case s.begun != 0:
		return s.begun + int64(limits.WholeMessage), HalfSent
	case !s.served:
		return s.opened + int64(limits.FirstMessage), Silent
	}
	idle := s.idle
	switch {
	case idle > 0:
	case s.proven.Load():
		idle = limits.IdleProven
	default:
		idle = limits.Idle
	}
	return s.seen.Load() + int64(idle), Idle
}

// arm brings the read deadline forward where it must be. One that is too early only
// wakes the reader, which sets it anew: so a message costs no timer.
func (s *stream) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if due, _ := s.due(); s.armed == 0 || due < s.armed {
		s.armed = due
		_ = s.raw.SetReadDeadline(time.Unix(0, due))
	}
}

// expired tells whether the time is really over, and sets the next deadline if not.
func (s *stream) expired() (Reason, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due, why := s.due()
	if time.Now().UnixNano() >= due {
		return why, true
	}
	s.armed = due
	_ = s.raw.SetReadDeadline(time.Unix(0, due))
	return StillOpen, false
}

// read is the stream's one reader. Should it panic, that costs this connection.
func (s *stream) read() {
	defer s.l.t.readers.Done()
	defer s.end()
	defer func() {
		if r := recover(); r != nil {
			s.l.t.panicked(s.id, r)
		}
	}()
	s.loop()
}

func (s *stream) loop() {
	t := s.l.t
	raw := (*rawReader)(nil)
	most := t.limits.Header + t.limits.Body
	if s.tls == nil {
		raw = newRawReader(s.out.rc, &t.lender, most)
	}
	var w *lent
	for {
		var err error
		s.arm()
		if raw != nil {
			w, err = raw.fill(w)
		} else {
			w, err = s.fill(w, most)
		}
		switch {
		case err == nil:
			if s.take(w); len(w.in) == 0 {
				t.lender.giveBack(w)
				w = nil
			}
			s.hold(w)
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			why, over := s.expired()
			if !over {
				continue
			}
			s.finish(why)
		default:
			s.unreadable(err)
		}
		break
	}
	if w != nil {
		t.lender.giveBack(w)
	}
	s.hold(nil)
}

// hold keeps the account of what unfinished messages hold (Limits.HalfSent).
func (s *stream) hold(w *lent) {
	held := int64(0)
	if w != nil {
		held = int64(cap(w.in))
	}
	if held == s.held {
		return
	}
	all := s.l.t.halfSent.Add(held - s.held)
	if held > s.held && all > int64(s.l.t.limits.HalfSent) {
		s.finish(HalfSent)
	}
	s.held = held
}

// fill reads through TLS, or from an in-memory connection: one byte first, so that
// no buffer is held while there is none.
func (s *stream) fill(w *lent, most int) (*lent, error) {
	conn := s.raw
	if s.tls != nil {
		conn = s.tls
	}
	if w == nil {
		for n := 0; n == 0; { // an in-memory connection may read nothing without an error
			var err error
			if n, err = conn.Read(s.one[:]); n == 0 && err != nil {
				return nil, err
			}
		}
		w = s.l.t.lender.borrow()
		w.in = append(w.in, s.one[0])
		return w, nil
	}
	n, err := conn.Read(w.room(most))
	w.in = w.in[:len(w.in)+n]
	if n > 0 {
		err = nil
	}
	return w, err
}

// send writes one message or several. It does not wait.
func (s *stream) send(b []byte) error {
	var err error
	if s.why.Load() != 0 || !s.ready.Load() {
		return ErrGone
	}
	if s.l.transport == TLS {
		_, err = s.tls.Write(b)
	} else {
		err = s.out.write(b)
	}
	if err != nil {
		s.sendFailed(err)
		if !errors.Is(err, ErrQueueFull) {
			err = ErrGone
		}
	}
	return err
}

func (s *stream) sendFailed(err error) {
	switch {
	case errors.Is(err, ErrQueueFull), errors.Is(err, os.ErrDeadlineExceeded):
		s.finish(NotReading)
	case errors.Is(err, ErrGone):
	default:
		if !closedByPeer(err) {
			s.l.t.count.writeErrors.Add(1)
		}
		s.finish(PeerClosed)
	}
}

// finish begins the flow's end; the first reason counts. What the peer may still want
// to read is written where we close of our own accord; else the connection is cut.
func (s *stream) finish(why Reason) bool {
	if !s.why.CompareAndSwap(0, uint32(why)) {
		return false
	}
	s.ending(why)
	return true
}

// ending follows the one who set why.
func (s *stream) ending(why Reason) {
	if s.quit != nil {
		close(s.quit)
	}
	switch why {
	case Asked, BadFraming, Draining:
		s.closeWithin(s.l.t.limits.Write + linger)
		if s.ready.Load() && s.tls != nil {
			_ = s.tls.CloseWrite() // a close_notify, through out
		}
		s.out.finish(func() {
			if c, ok := s.raw.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
				s.closeWithin(linger)
				return
			}
			_ = s.raw.Close()
		})
	default:
		s.out.kill()
		_ = s.raw.Close()
	}
}

// closeWithin cuts a flow that is ending when the peer has not closed by then.
func (s *stream) closeWithin(d time.Duration) {
	s.mu.Lock()
	s.closeBy = time.Now().Add(d).UnixNano()
	s.armed = s.closeBy
	_ = s.raw.SetReadDeadline(time.Unix(0, s.closeBy))
	s.mu.Unlock()
}

// end is the reader's last act: the flow is gone.
func (s *stream) end() {
	t := s.l.t
	s.finish(PeerClosed)
	s.out.kill()
	_ = s.raw.Close()
	s.l.remove(s.id)
	t.sources.remove(s.from)
	t.unproven.mu.Lock()
	t.unproven.remove(s)
	t.unproven.mu.Unlock()
	if s.proven.Swap(false) {
		t.count.proven.Add(-1)
	}
	why := Reason(s.why.Load())
	if why == Crowded {
		t.cutting.Add(-1) // its place has been another's since
	} else {
		t.count.connections.Add(-1)
	}
	t.count.closed[why].Add(1)
	t.logClosed(s, why)
	if s.ready.Load() {
		t.flowClosed(s.id, why)
	}
}
