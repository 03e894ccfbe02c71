package flow

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// take handles what was read: every whole message in order, keep-alives between them.
// What is left in w.in is the beginning of a message.
func (s *stream) take(w *lent) {
	now := time.Now()
	s.seen.Store(now.UnixNano())
	if s.why.Load() != 0 {
		w.in = w.in[:0] // the flow is ending: what still comes is not read
		return
	}
	pos, served := 0, false
	for {
		pos += s.keepAlives(w, pos)
		if pos == len(w.in) || len(w.in)-pos == 1 && w.in[pos] == '\r' {
			break
		}
		size, err := s.frame.next(w.in[pos:])
		if err != nil {
			s.broken(w, w.in[pos:pos+size], err, now)
			pos = len(w.in)
			break
		}
		if size == 0 {
			break
		}
		served = true
		s.deliver(w, w.in[pos:pos+size], nil, now)
		if pos += size; s.why.Load() != 0 {
			pos = len(w.in)
			break
		}
		if len(w.out) > gatherMost {
			s.flush(w)
		}
	}
	s.flush(w)
	w.drop(pos)
	s.progress(len(w.in) > 0, pos > 0, served, now)
}

// progress keeps the deadlines' account: partial tells that a message has begun, moved
// that something before it was finished.
func (s *stream) progress(partial, moved, served bool, now time.Time) {
	s.mu.Lock()
	s.served = s.served || served
	switch {
	case !partial:
		s.begun = 0
	case s.begun == 0 || moved:
		s.begun = now.UnixNano()
	}
	s.mu.Unlock()
}

// keepAlives takes CRLFs before a message off and answers every pair of them with one
// (RFC 5626 §3.5.1). The two may come apart.
func (s *stream) keepAlives(w *lent, pos int) (skipped int) {
	rest := w.in[pos:]
	for len(rest) >= 2 && rest[0] == '\r' && rest[1] == '\n' {
		if s.halfPing {
			w.out = append(w.out, '\r', '\n')
			s.l.t.count.pings.Add(1)
		}
		s.halfPing = !s.halfPing
		rest = rest[2:]
		skipped += 2
	}
	if len(rest) > 0 && rest[0] != '\r' {
		s.halfPing = false
	}
	return skipped
}

// deliver hands one message to the Handler and gathers the answer.
func (s *stream) deliver(w *lent, msg []byte, broken error, now time.Time) {
	t := s.l.t
	t.count.messagesIn.Add(1)
	t.count.bytesIn.Add(uint64(len(msg)))
	in := &w.inbound
	*in = Inbound{
		Flow: s.id, Transport: s.l.transport, Local: s.local, Remote: s.remote,
		Proven: s.proven.Load(), At: now, Bytes: msg, Broken: broken,
		Answer: w.out[len(w.out):],
	}
	t.handle(in)
	if len(in.Answer) > 0 {
		t.count.messagesOut.Add(1)
		t.count.bytesOut.Add(uint64(len(in.Answer)))
		w.out = append(w.out, in.Answer...)
	}
	if in.Then != nil {
		w.then = append(w.then, in.Then)
	}
	if in.Close && broken == nil {
		s.flush(w)
		s.finish(Asked)
	}
}

// broken gives the Handler its chance to say what is wrong, and ends the flow.
func (s *stream) broken(w *lent, head []byte, err error, now time.Time) {
	s.l.t.count.broken(err)
	s.l.t.journal.event(troubleFraming).Stringer("peer", s.remote).Stringer("flow", s.id).Err(err).
		Msg("message on a stream cannot be cut; the connection is closed")
	s.deliver(w, head, err, now)
	s.flush(w)
	s.finish(BadFraming)
}

// flush writes the gathered answers, and does what must follow them.
func (s *stream) flush(w *lent) {
	if len(w.out) > 0 {
		_ = s.send(w.out) // what fails ends the flow, which the reader finds out
		w.out = w.out[:0]
	}
	w.then = s.l.t.follow(s.id, w.then)
}

// closedByPeer tells the usual ends of a connection from errors worth counting.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// unreadable takes an error of reading that is no deadline. A WebSocket cuts its messages
// itself, so what is wrong with them comes here.
func (s *stream) unreadable(err error) {
	t := s.l.t
	switch {
	case unframed(err):
		t.count.broken(err)
		t.journal.event(troubleFraming).Stringer("peer", s.remote).Stringer("flow", s.id).Err(err).
			Msg("message on a WebSocket cannot be cut; the connection is closed")
		s.finish(BadFraming)
	case !closedByPeer(err):
		t.count.readErrors.Add(1)
	}
}

// unframed tells that what was read cannot be cut into messages.
func unframed(err error) bool {
	for _, one := range []error{ErrFrames, ErrHeaderTooLarge, ErrBodyTooLarge, ErrNoContentLength, ErrContentLength} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
