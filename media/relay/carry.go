package relay

import (
	"encoding/binary"
	"errors"
	"slices"

	"roost/media"
	"roost/media/srtp"
)

// lane is a stream as its worker sees it: the two sides and the rules by which a
// packet passes from one to the other. It knows no sockets and no clock. Times are
// nanoseconds since the relay's start, above zero.
type lane struct {
	sides    [2]side
	own      func(*address) bool // is an address one of the relay's own ports?
	expected int64               // since when media should come; 0: it should not
	silent   bool                // it was told
}

// packet is a datagram in its buffer: b[:n], with srtp.Overhead octets of room behind.
type packet struct {
	b       []byte
	n       int
	from    address
	side    media.Side
	control bool // it came to the RTCP port
	now     int64
}

// Which socket of the other side a packet leaves by; drop: none.
const (
	drop    = -1
	viaRTP  = 0
	viaRTCP = 1
	back    = 2 // to the side that it came from
)

// carry does all that is done with a packet, and says by which of the other side's
// sockets p.b[:p.n] leaves for which address.
func (l *lane) carry(p *packet) (via int, to *address) {
	s := &l.sides[p.side]
	if s.raw {
		return l.carryRaw(s, p)
	}
	switch kindOf(p.b[:p.n]) {
	case kindRTP:
		if !p.control {
			return l.carryRTP(s, p)
		}
	case kindRTCP:
		if p.control || s.mux {
			return l.carryRTCP(s, p)
		}
	case kindSTUN:
		return l.stun(s, p)
	case kindDTLS:
		return l.dtls(s, p)
	case kindBad:
	}
	s.stats.bad++
	return drop, nil
}

func (l *lane) carryRTP(s *side, p *packet) (int, *address) {
	known := p.from.is(&s.rtp.to) && s.rtp.to.n != 0
	if !known && !l.mayLearn(s, p) {
		s.stats.strange++
		return drop, nil
	}
	b := p.b[:p.n]
	if !validRTP(b, s.secure) {
		s.stats.bad++
		return drop, nil
	}
	payload := b[1] & 127
	if !s.agrees(payload) {
		s.stats.unagreed++
		return drop, nil
	}
	if s.secure && !s.unseal(p) {
		return drop, nil
	}
	b = p.b[:p.n]
	ssrc, seq := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])
	o, at := s.find(ssrc)
	if !known {
		c := claim{
			from: &p.from, ssrc: ssrc, seq: seq, now: p.now, named: p.from.sameHost(&s.named),
			proof: s.secure, newer: o == nil || o.newest(seq),
		}
		if !s.rtp.learn(&c) && !s.secure {
			s.stats.strange++
			return drop, nil
		}
	} else if !s.rtp.held {
		s.rtp.held = true
	}
	if o == nil {
		if o, at = s.admit(ssrc, p.now); o == nil {
			s.stats.unagreed++
			return drop, nil
		}
	}
	s.heard[at] = p.now
	l.count(s, o, payload, seq, p)
	return l.leave(s, o, p)
}

// mayLearn tells whether a packet from an unknown source is worth more than a look.
func (l *lane) mayLearn(s *side, p *packet) bool {
	if !s.set || !s.latch || !s.give && !s.secure {
		return false
	}
	if l.own != nil && l.own(&p.from) {
		return false // two of our own ports would play ball for ever
	}
	return s.rtp.open(&p.from, p.from.sameHost(&s.named), s.secure && s.unprotect != nil, p.now)
}

// unseal authenticates and decrypts RTP; what fails is counted.
func (s *side) unseal(p *packet) bool {
	if s.unprotect == nil {
		s.stats.held++
		return false
	}
	var spare []byte
	if s.former != nil {
		spare = slices.Clone(p.b[:p.n])
	}
	n, err := s.unprotect.RTP(p.b[:p.n])
	if s.former != nil {
		n, err = s.underFormer(p, spare, n, err)
	}
	if err == nil && !validRTP(p.b[:n], false) {
		err = srtp.ErrShort
	}
	if err != nil {
		s.blame(err)
		return false
	}
	p.n = n
	return true
}

// underFormer tries the key before, until a packet came under the new one.
func (s *side) underFormer(p *packet, spare []byte, n int, err error) (int, error) {
	switch {
	case err == nil, p.now > s.formerUntil:
		s.former = nil
	case errors.Is(err, srtp.ErrForged):
		if m, formerErr := s.former.RTP(spare); formerErr == nil {
			return copy(p.b, spare[:m]), nil
		}
	}
	return n, err
}

func (s *side) blame(err error) {
	switch {
	case errors.Is(err, srtp.ErrForged):
		s.stats.forged++
	case errors.Is(err, srtp.ErrReplayed):
		s.stats.replayed++
	case errors.Is(err, srtp.ErrSources):
		s.stats.unagreed++
	default:
		s.stats.bad++
	}
}

// count takes a packet that is the side's into its statistics.
func (l *lane) count(s *side, o *source, payload uint8, seq uint16, p *packet) {
	if s.first == 0 {
		s.first = p.now
	}
	s.last, s.alive = p.now, p.now
	restarted, lost := o.count(seq)
	if restarted {
		s.lost += lost
		s.expected += lost
	}
	clock := o.clock
	if payload != o.kind || clock == 0 {
		if said := s.clockOf(payload); said != 0 {
			clock = said // else an event or comfort noise goes by its stream's clock
		}
	}
	o.time(payload, clock, binary.BigEndian.Uint32(p.b[4:]), p.now)
}

// leave sends RTP on to the other side, protected where that wants it.
func (l *lane) leave(s *side, o *source, p *packet) (int, *address) {
	t := &l.sides[p.side.Other()]
	if !s.give || !t.take || !t.rtp.to.sends() || t.secure && t.protect == nil {
		s.stats.held++
		return drop, nil
	}
	octets := uint64(p.n)
	if t.protect != nil {
		n, err := l.seal(t, o, p)
		switch {
		case errors.Is(err, srtp.ErrIndexUsed):
			s.stats.replayed++
			return drop, nil
		case err != nil:
			t.stats.unsent++
			return drop, nil
		}
		p.n = n
	}
	s.stats.packets++
	s.stats.octets += octets
	return viaRTP, &t.rtp.to
}

// seal protects RTP. A sender that starts its sequence again would make us use an
// index twice: its packets get sequence numbers that follow the ones before.
func (l *lane) seal(t *side, o *source, p *packet) (int, error) {
	b := p.b
	seq := binary.BigEndian.Uint16(b[2:])
	if !o.hasOut {
		if last, used := t.protect.Last(o.ssrc); used {
			o.sent, o.hasOut = last, true
			if o.fresh && int16(seq+o.shift-last) <= 0 {
				o.shift = last + 1 - seq
			}
		}
	} else if o.fresh && int16(seq+o.shift-o.sent) <= 0 {
		o.shift = o.sent + 1 - seq
	}
	out := seq + o.shift
	binary.BigEndian.PutUint16(b[2:], out)
	n, err := t.protect.RTP(b, p.n)
	if err == nil && (!o.hasOut || int16(out-o.sent) > 0) {
		o.sent, o.hasOut = out, true
	}
	return n, err
}

func (l *lane) carryRTCP(s *side, p *packet) (int, *address) {
	g := &s.rtcp
	if s.mux {
		g = &s.rtp
	}
	known := p.from.is(&g.to) && g.to.n != 0
	if !known && !l.mayLearnRTCP(s, g, p) {
		s.stats.strange++
		return drop, nil
	}
	if s.secure && s.unprotect == nil {
		s.stats.held++
		return drop, nil
	}
	if !validRTCP(p.b[:p.n], s.sealsRTCP()) {
		s.stats.bad++
		return drop, nil
	}
	if s.secure {
		n, err := s.unprotect.RTCP(p.b[:p.n])
		if err == nil && !validRTCP(p.b[:n], false) {
			err = srtp.ErrShort
		}
		if err != nil {
			s.blame(err)
			return drop, nil
		}
		p.n = n
	}
	switch {
	case g == &s.rtp: // a mixed port is latched by RTP
	case known:
		g.held = true
	default:
		g.to, g.held, g.learned = p.from, true, true
	}
	s.alive = p.now
	return l.leaveRTCP(s, p)
}

// mayLearnRTCP: RTCP has no sequence by which a stranger could prove himself, so its
// source is learned only from a host that is the side's already, once.
func (l *lane) mayLearnRTCP(s *side, g *gate, p *packet) bool {
	if !s.set || !s.latch || g == &s.rtp && !s.secure || l.own != nil && l.own(&p.from) {
		return false
	}
	if s.sealsRTCP() {
		return true
	}
	if g.held {
		return false
	}
	if s.rtp.held {
		return p.from.sameHost(&s.rtp.to)
	}
	return p.from.sameHost(&g.said) || p.from.sameHost(&s.named)
}

// sealsRTCP tells whether RTCP of this side authenticates.
func (s *side) sealsRTCP() bool {
	return s.secure && s.unprotect != nil && s.unprotect.AuthenticatesRTCP()
}

func (l *lane) leaveRTCP(s *side, p *packet) (int, *address) {
	t := &l.sides[p.side.Other()]
	via, to := viaRTCP, &t.rtcp.to
	if t.mux {
		via, to = viaRTP, &t.rtp.to
	}
	if !t.set || !to.sends() || t.secure && t.protect == nil {
		s.stats.held++
		return drop, nil
	}
	if t.protect != nil {
		n, err := t.protect.RTCP(p.b, p.n)
		if err != nil {
			t.stats.unsent++
			return drop, nil
		}
		p.n = n
	}
	s.stats.rtcp++
	return via, to
}

// carryRaw passes on what is not RTP. Its source is learned from the named hosts only.
func (l *lane) carryRaw(s *side, p *packet) (int, *address) {
	g := &s.rtp
	if p.control {
		g = &s.rtcp
	}
	if known := p.from.is(&g.to) && g.to.n != 0; !known {
		named := p.from.sameHost(&g.said) || p.from.sameHost(&s.named)
		if g.held || !named || !s.set || !s.latch || l.own != nil && l.own(&p.from) {
			s.stats.strange++
			return drop, nil
		}
		g.to, g.learned = p.from, true
	}
	g.held = true
	if s.first == 0 {
		s.first = p.now
	}
	s.last, s.alive = p.now, p.now
	t := &l.sides[p.side.Other()]
	via, to := viaRTP, &t.rtp.to
	if p.control {
		via, to = viaRTCP, &t.rtcp.to
	}
	if !s.give || !t.take || !t.raw || !to.sends() {
		s.stats.held++
		return drop, nil
	}
	s.stats.packets++
	s.stats.octets += uint64(p.n)
	return via, to
}

// expect says whether media should come: the time-out runs only while it should.
func (l *lane) expect(now int64) {
	a, b := &l.sides[0], &l.sides[1]
	switch should := a.set && b.set && (a.give || b.give); {
	case !should:
		l.expected = 0
	case l.expected == 0:
		l.expected = now
	}
}

// wentSilent is true once: nothing came from either side for the time-out, although
// it should (a call on hold on both sides may be silent).
func (l *lane) wentSilent(now, timeout int64) bool {
	if timeout <= 0 || l.silent || l.expected == 0 {
		return false
	}
	if now-max(l.expected, l.sides[0].alive, l.sides[1].alive) < timeout {
		return false
	}
	l.silent = true
	return true
}
