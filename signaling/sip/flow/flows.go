package flow

import (
	"net/netip"
	"time"
)

// Send writes one message to a flow, in the order of the calls. It does not wait for
// a peer that does not read: bytes queue up to Limits.Queue. b is copied or written
// before Send returns. Errors: ErrGone, ErrQueueFull, ErrTooLarge.
func (t *Table) Send(id ID, b []byte) error { return t.SendTo(id, netip.AddrPort{}, b) }

// SendTo writes a datagram from the flow's socket to another address than the
// flow's (RFC 3261 §18.2.2); the zero address is the flow's. On a stream it is Send.
func (t *Table) SendTo(id ID, to netip.AddrPort, b []byte) error {
	if u := t.socket(id); u != nil {
		return u.send(id, to, b)
	}
	s := t.stream(id)
	if s == nil {
		return ErrGone
	}
	if err := s.send(b); err != nil {
		return err
	}
	t.count.messagesOut.Add(1)
	t.count.bytesOut.Add(uint64(len(b)))
	return nil
}

// Close ends a flow: what is queued is written (within Limits.Write), the connection
// is closed, and FlowClosed(id, Asked) follows. False: it was gone already.
func (t *Table) Close(id ID) bool {
	if u := t.socket(id); u != nil {
		return u.forget(id, Asked)
	}
	s := t.stream(id)
	return s != nil && s.finish(Asked)
}

// Prove marks a flow as belonging to a registered phone: it is kept while it is not
// idle, is not subject to Limits.Rate, and does not give way to others. False: the flow
// is gone.
func (t *Table) Prove(id ID) bool { return t.setProven(id, true) }

// Unprove takes the mark away, when the flow's last registration has gone.
func (t *Table) Unprove(id ID) bool { return t.setProven(id, false) }

func (t *Table) setProven(id ID, proven bool) bool {
	if u := t.socket(id); u != nil {
		return u.setProven(id, proven)
	}
	s := t.stream(id)
	if s == nil {
		return false
	}
	changed, ok := t.unproven.prove(s, proven)
	if !ok {
		return false
	}
	if changed {
		if proven {
			t.count.proven.Add(1)
		} else {
			t.count.proven.Add(-1)
		}
		s.arm()
	}
	return true
}

// SetIdle says how long the flow may be silent: for a phone with RFC 5626 keep-alives
// the Flow-Timer and some seconds, for another its registration's time. d ≤ 0 means
// Limits.IdleProven (or Limits.Idle while unproven). False: the flow is gone.
func (t *Table) SetIdle(id ID, d time.Duration) bool {
	d = max(d, 0)
	if u := t.socket(id); u != nil {
		return u.setIdle(id, d)
	}
	s := t.stream(id)
	if s == nil {
		return false
	}
	s.mu.Lock()
	s.idle = d
	s.mu.Unlock()
	s.arm()
	return true
}

// Info tells what is known of a flow.
func (t *Table) Info(id ID) (Info, bool) {
	if u := t.socket(id); u != nil {
		return u.info(id)
	}
	s := t.stream(id)
	if s == nil {
		return Info{}, false
	}
	info := Info{
		ID: id, Transport: s.l.transport, Local: s.local, Remote: s.remote,
		LastSeen: time.Unix(0, s.seen.Load()), Proven: s.proven.Load(),
	}
	s.mu.Lock()
	info.Opened = time.Unix(0, s.opened)
	s.mu.Unlock()
	if s.l.transport == TLS {
		state := s.tls.ConnectionState()
		info.TLS = &state
	}
	return info, true
}
