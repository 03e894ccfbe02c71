package relay

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"roost/media"
	"roost/media/srtp"
)

// stream implements media.Stream. The lane is its worker's; the rest is its own.
type stream struct {
	relay      *Relay
	worker     *worker
	call       string
	onSilent   func()
	generation uint32
	slot       uint32
	opened     int64
	ports      [2]uint16
	ips        [2]netip.Addr
	lane       lane
	warned     bool                 // the worker's
	aims       [2][2]netip.AddrPort // where each side's media goes; relay.mu guards it

	mu     sync.Mutex
	said   [2]media.SideConfig
	keys   [2]sideKeys
	shakes [2]*handshake
	closed bool
	final  media.StreamStats
}

// Local implements media.Stream.
func (s *stream) Local(side media.Side) (rtp, rtcp netip.AddrPort) {
	ip := s.relay.advertised(s.ips[side&1])
	port := s.ports[side&1]
	return netip.AddrPortFrom(ip, port), netip.AddrPortFrom(ip, port+1)
}

// Stats implements media.Stream.
func (s *stream) Stats() media.StreamStats {
	var r media.StreamStats
	if !s.worker.call(func(int64) { r = s.report() }) {
		return s.last()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.final
	}
	return r
}

func (s *stream) last() media.StreamStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.final
}

// report is called on the worker.
func (s *stream) report() media.StreamStats {
	at := s.relay.at
	return media.StreamStats{
		Sides:  [2]media.SideStats{s.lane.sides[0].report(at), s.lane.sides[1].report(at)},
		Opened: at(s.opened),
	}
}

// Close implements media.Stream. A second call gives the same statistics.
func (s *stream) Close() media.StreamStats {
	s.mu.Lock()
	if s.closed {
		defer s.mu.Unlock()
		return s.final
	}
	s.closed = true
	for _, h := range s.shakes {
		if h != nil {
			h.cancel()
		}
	}
	s.mu.Unlock()
	return s.end()
}

// end is called once.
func (s *stream) end() media.StreamStats {
	var r media.StreamStats
	var sums [2]tally
	s.worker.call(func(now int64) {
		r = s.report()
		r.Closed = s.relay.at(now)
		sums = [2]tally{s.lane.sides[0].stats, s.lane.sides[1].stats}
		s.worker.remove(s)
	})
	s.relay.closed(s, sums)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.final = r
	return r
}

// Set implements media.Stream. Errors wrap ErrSide, srtp.ErrKey, ErrKeyReused or ErrClosed;
// nothing is changed then.
func (s *stream) Set(which media.Side, c media.SideConfig) error {
	if which > media.B {
		return fmt.Errorf("side %d: %w", which, ErrSide)
	}
	if err := s.check(which, &c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	restore, err := s.relay.aim(s, which, c.RTP, c.RTCP)
	if err != nil {
		return err
	}
	change, err := s.rekey(which, &c)
	if err != nil {
		restore()
		return err
	}
	change.config = c
	change.from = addressOf(netip.AddrPortFrom(c.From, 0))
	change.moved = c.RTP != s.said[which].RTP || c.Latch != s.said[which].Latch || c.From != s.said[which].From
	change.movedRTCP = change.moved || c.RTCP != s.said[which].RTCP || c.Mux != s.said[which].Mux
	change.shake = s.shakeAnew(which, c.DTLS)
	s.said[which] = c
	if !s.worker.call(func(now int64) {
		s.lane.apply(which, &change, now)
		if h := change.shake; h != nil && h.want.Client && c.ICE == nil && s.lane.sides[which].rtp.to.sends() {
			h.begin()
		}
	}) {
		return ErrClosed
	}
	return nil
}

// shakeAnew makes a handshake where there is none for what the far end's must be, and
// ends the one that is not wanted any more.
func (s *stream) shakeAnew(which media.Side, want *media.DTLS) *handshake {
	old := s.shakes[which]
	if want != nil && old != nil && old.want == *want {
		return nil
	}
	if old != nil {
		old.cancel()
	}
	s.shakes[which] = nil
	if want != nil {
		s.shakes[which] = newHandshake(s, which, *want)
	}
	return s.shakes[which]
}

// check says what a side cannot be.
func (s *stream) check(which media.Side, c *media.SideConfig) error {
	c.RTP, c.RTCP = unmapped(c.RTP), unmapped(c.RTCP)
	c.From = c.From.Unmap()
	if c.RTP.IsValid() && !c.RTCP.IsValid() && !c.Mux && c.RTP.Port() > 0 && c.RTP.Port() < 65535 {
		c.RTCP = netip.AddrPortFrom(c.RTP.Addr(), c.RTP.Port()+1) // RFC 3550 §11
	}
	for _, a := range []*netip.AddrPort{&c.RTP, &c.RTCP} {
		switch ip := a.Addr(); {
		case !a.IsValid():
		case ip.IsUnspecified(): // the old way to hold: nobody to send to
			*a = netip.AddrPort{}
		case ip.IsMulticast():
			return fmt.Errorf("media to %s, a multicast address: %w", a, ErrSide)
		case ip.Is4() != s.ips[which].Is4():
			return fmt.Errorf("media to %s on a side that was opened at %s: %w", a, s.ips[which], ErrSide)
		}
	}
	for _, payload := range c.Payloads {
		if payload > 127 {
			return fmt.Errorf("payload type %d: %w", payload, ErrSide)
		}
	}
	return nil
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// change is a Set on its way to the worker.
type change struct {
	config           media.SideConfig
	from             address
	moved, movedRTCP bool
	protect          *srtp.Protector
	unprotect        *srtp.Unprotector
	shake            *handshake // a new one; nil: none, or the old goes on
}

// apply is Set on the worker.
func (l *lane) apply(which media.Side, c *change, now int64) {
	s, k := &l.sides[which], &c.config
	if (c.moved || !s.set) && !(k.ICE != nil && s.rtp.held) {
		s.rtp.set(addressOf(k.RTP)) // with ICE the old pair holds until another is nominated
	}
	if c.movedRTCP || !s.set {
		s.rtcp.set(addressOf(k.RTCP))
	}
	s.set, s.mux, s.latch, s.give, s.take = true, k.Mux, k.Latch, k.Receive, k.Send
	s.named = c.from
	s.secure = k.Protect != nil || k.Unprotect != nil || k.DTLS != nil
	l.tie(s, c, now)
	s.all, s.agreed = len(k.Payloads) == 0, [2]uint64{}
	for _, payload := range k.Payloads {
		s.agreed[payload>>6] |= 1 << (payload & 63)
	}
	s.payloads, s.clocks = k.Payloads, k.Clocks
	s.allowance = sourceAllowance
	l.expect(now)
}

// tie gives a side its keys, or the handshake that they come from.
func (l *lane) tie(s *side, c *change, now int64) {
	k := &c.config
	if k.DTLS == nil || c.shake != nil {
		if s.unprotect != c.unprotect {
			s.former, s.formerUntil = s.unprotect, now+formerFor
		}
		if c.unprotect == nil {
			s.former = nil
		}
		s.protect, s.unprotect = c.protect, c.unprotect
	}
	if k.DTLS == nil && k.ICE == nil {
		s.lock = nil
		return
	}
	if s.lock == nil {
		s.lock = &secret{}
	}
	s.lock.withICE(k.ICE)
	switch {
	case k.DTLS == nil:
		s.lock.records, s.lock.ready = nil, nil
	case c.shake != nil:
		s.lock.records, s.lock.ready = c.shake.record, nil
		if c.shake.want.Client {
			s.lock.ready = c.shake.begin
		}
	}
}

// at turns the relay's time into the clock's.
func (r *Relay) at(now int64) time.Time {
	if now == 0 {
		return time.Time{}
	}
	return r.began.Add(time.Duration(now))
}
