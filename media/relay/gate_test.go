package relay

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"roost/media"
	"roost/media/srtp"
)

// stage is a lane in virtual time; what leaves is counted, nothing is sent.
type stage struct {
	t    *testing.T
	lane lane
	now  int64
	b    [maxPacket + srtp.Overhead]byte
	out  []byte
	to   netip.AddrPort
}

var (
	saidA    = netip.MustParseAddrPort("10.0.0.1:4000") // behind a NAT
	natted   = netip.MustParseAddrPort("198.51.100.7:61000")
	phoneB   = netip.MustParseAddrPort("192.0.2.2:5000")
	attacker = netip.MustParseAddrPort("203.0.113.66:6666")
)

func newStage(t *testing.T, a, b media.SideConfig) *stage {
	s := &stage{t: t, now: int64(time.Hour)}
	s.set(media.A, a)
	s.set(media.B, b)
	return s
}

func (s *stage) set(side media.Side, c media.SideConfig) {
	s.t.Helper()
	ch := change{config: c, moved: true, movedRTCP: true, from: addressOf(netip.AddrPortFrom(c.From, 0))}
	var err error
	if c.Unprotect != nil {
		if ch.unprotect, err = srtp.NewUnprotector(*c.Unprotect); err != nil {
			s.t.Fatal(err)
		}
	}
	if c.Protect != nil {
		if ch.protect, err = srtp.NewProtector(*c.Protect); err != nil {
			s.t.Fatal(err)
		}
	}
	s.lane.apply(side, &ch, s.now)
}

// send tells whether a packet from somewhere was carried; 20 ms pass.
func (s *stage) send(side media.Side, from netip.AddrPort, packet []byte) bool {
	return s.sendTo(side, false, from, packet)
}

func (s *stage) sendTo(side media.Side, control bool, from netip.AddrPort, packet []byte) bool {
	s.now += int64(20 * time.Millisecond)
	n := copy(s.b[:maxPacket], packet)
	p := packet0(s.b[:], n, from, side, control, s.now)
	via, to := s.lane.carry(p)
	if via == drop {
		return false
	}
	s.out, s.to = append([]byte(nil), p.b[:p.n]...), to.addrPort()
	return true
}

func packet0(b []byte, n int, from netip.AddrPort, side media.Side, control bool, now int64) *packet {
	return &packet{b: b, n: n, from: addressOf(from), side: side, control: control, now: now}
}

func (s *stage) wants(what string, got, want bool) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: carried %v, want %v (%+v)", what, got, want, s.lane.sides[0].stats)
	}
}

// toA tells where media for A goes.
func (s *stage) toA() netip.AddrPort { return s.lane.sides[0].rtp.to.addrPort() }

func latching(at netip.AddrPort) media.SideConfig {
	c := talk(at)
	c.Latch = true
	return c
}

func TestLatch_DescriptionFirst(t *testing.T) {
	s := newStage(t, latching(saidA), talk(phoneB))
	s.wants("from where it said", s.send(media.A, saidA, rtp(1, 1, 0)), true)
	for i := range 50 {
		s.wants("a stranger after the latch", s.send(media.A, attacker, rtp(1, uint16(2+i), 0)), false)
	}
	s.wants("the phone again", s.send(media.A, saidA, rtp(1, 2, 0)), true)
	if got := s.lane.sides[0].stats.strange; got != 50 {
		t.Errorf("%d strange packets counted, not 50", got)
	}
	if s.toA() != saidA {
		t.Errorf("media goes to %s: it bleeds", s.toA())
	}
}

func TestLatch_LearnsOnceThenStrict(t *testing.T) {
	s := newStage(t, latching(saidA), talk(phoneB))
	for i := range uint16(strayProbation - 1) {
		s.wants("an unproven source", s.send(media.A, natted, rtp(1, i, 0)), false)
		if s.toA() != saidA {
			t.Fatalf("media went to %s after %d packets", s.toA(), i+1)
		}
	}
	s.wants("the fifth in sequence", s.send(media.A, natted, rtp(1, 10, 0)), true)
	if s.toA() != natted {
		t.Fatalf("media goes to %s, not to where A sends from", s.toA())
	}
	for i := range uint16(100) {
		s.wants("a second source", s.send(media.A, attacker, rtp(1, 11+i, 0)), false)
	}
	if s.toA() != natted {
		t.Errorf("media was drawn to %s", s.toA())
	}
}

func TestLatch_SignallingsHostAtOnce(t *testing.T) {
	c := latching(saidA)
	c.From = natted.Addr()
	s := newStage(t, c, talk(phoneB))
	s.now += int64(time.Hour) // muted for an hour: still the same host
	s.wants("the signalling's host", s.send(media.A, natted, rtp(1, 1, 0)), true)
	s.wants("another port of it, later", s.send(media.A, netip.AddrPortFrom(natted.Addr(), 7), rtp(1, 2, 0)), false)
}

func TestLatch_WindowEnds(t *testing.T) {
	s := newStage(t, latching(saidA), talk(phoneB))
	s.send(media.A, attacker, rtp(1, 1, 0))
	s.now += learnFor
	for i := range uint16(20) {
		s.wants("a stranger after the window", s.send(media.A, natted, rtp(1, 2+i, 0)), false)
	}
	s.wants("the description's own", s.send(media.A, saidA, rtp(1, 30, 0)), true)

	s = newStage(t, latching(saidA), talk(phoneB))
	for i := range maxStrays { // each from another port: nobody proves himself
		at := netip.AddrPortFrom(attacker.Addr(), uint16(1000+i))
		s.now -= int64(20*time.Millisecond) - 1
		s.wants("a sprayer", s.send(media.A, at, rtp(1, uint16(i), 0)), false)
	}
	for i := range uint16(20) {
		s.wants("a stranger after too many strays", s.send(media.A, natted, rtp(1, 2+i, 0)), false)
	}
}

// TestLatch_DescriptionTakesBack: somebody was quicker than the phone; within the
// window the address of the description gets the media back, for good.
func TestLatch_DescriptionTakesBack(t *testing.T) {
	s := newStage(t, latching(saidA), talk(phoneB))
	for i := range uint16(strayProbation) {
		s.send(media.A, attacker, rtp(666, i, 0))
	}
	if s.toA() != attacker {
		t.Fatal("the test needs the attacker latched")
	}
	s.wants("the description's own", s.send(media.A, saidA, rtp(1, 1, 0)), true)
	s.wants("the attacker", s.send(media.A, attacker, rtp(666, 9, 0)), false)
	if s.toA() != saidA {
		t.Errorf("media goes to %s", s.toA())
	}
}

func TestLatch_StrictWithout(t *testing.T) {
	s := newStage(t, talk(saidA), talk(phoneB))
	for i := range uint16(20) {
		s.wants("another source", s.send(media.A, natted, rtp(1, i, 0)), false)
		s.wants("another port", s.send(media.A, netip.AddrPortFrom(saidA.Addr(), 4002), rtp(1, i, 0)), false)
	}
	s.wants("its own", s.send(media.A, saidA, rtp(1, 1, 0)), true)
}

// TestLatch_NeverAnOwnPort: two streams of ours that learned each other would play ball.
func TestLatch_NeverAnOwnPort(t *testing.T) {
	c := latching(saidA)
	c.From = natted.Addr()
	s := newStage(t, c, talk(phoneB))
	s.lane.own = func(a *address) bool { return a.addrPort() == natted }
	for i := range uint16(20) {
		s.wants("one of our own ports", s.send(media.A, natted, rtp(1, i, 0)), false)
	}
	s.wants("the port next to it", s.send(media.A, nextPort(natted), rtp(1, 1, 0)), true)
}

func TestLatch_SignallingOpensAgain(t *testing.T) {
	c := latching(saidA)
	c.From = natted.Addr()
	s := newStage(t, c, talk(phoneB))
	s.send(media.A, natted, rtp(1, 1, 0))
	moved := netip.MustParseAddrPort("198.51.100.99:7000")
	s.wants("before the signalling", s.send(media.A, moved, rtp(1, 2, 0)), false)
	c.From = moved.Addr()
	s.set(media.A, c)
	s.wants("after it", s.send(media.A, moved, rtp(1, 3, 0)), true)
	s.wants("the old one", s.send(media.A, natted, rtp(1, 4, 0)), false)
}

// TestLatch_SRTP: nothing is learned from what does not authenticate, and authenticated
// packets move a side whose NAT forgot it.
func TestLatch_SRTP(t *testing.T) {
	c := latching(saidA)
	c.Unprotect, c.Protect = key(media.AES128CM80, 1), key(media.AES128CM80, 2)
	s := newStage(t, c, talk(phoneB))
	p, err := srtp.NewProtector(*c.Unprotect)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(seq uint16) []byte {
		b := append(rtp(1, seq, 0), make([]byte, srtp.Overhead)...)
		n, err := p.RTP(b, len(b)-srtp.Overhead)
		if err != nil {
			t.Fatal(err)
		}
		return b[:n]
	}
	for i := range uint16(20) {
		s.wants("plain RTP", s.send(media.A, attacker, rtp(1, i, 0)), false)
		s.wants("plain RTP from the description's address", s.send(media.A, saidA, rtp(1, i, 0)), false)
	}
	side := &s.lane.sides[0]
	if side.rtp.held || side.stats.packets != 0 || side.first != 0 || len(side.sources) != 0 {
		t.Fatalf("unauthenticated packets left a trace: %+v", side)
	}
	s.wants("authenticated", s.send(media.A, natted, seal(1)), true)
	if s.toA() != natted {
		t.Fatalf("media goes to %s", s.toA())
	}
	old := seal(2)
	s.wants("carried", s.send(media.A, natted, append([]byte(nil), old...)), true)
	for range 10 {
		s.wants("replayed from elsewhere", s.send(media.A, attacker, append([]byte(nil), old...)), false)
	}
	moved := netip.MustParseAddrPort("198.51.100.7:62000")
	for i := range uint16(relatchProbation) {
		if s.toA() != natted {
			t.Fatalf("moved after %d packets", i)
		}
		s.wants("authenticated from a new port", s.send(media.A, moved, seal(3+i)), true)
	}
	if s.toA() != moved {
		t.Errorf("media goes to %s, not to %s", s.toA(), moved)
	}
	if side.stats.forged != 40 || side.stats.replayed != 10 {
		t.Errorf("%d forged, %d replayed, not 40 and 10", side.stats.forged, side.stats.replayed)
	}
}

func TestLatch_RTCP(t *testing.T) {
	s := newStage(t, latching(saidA), func() media.SideConfig {
		c := talk(phoneB)
		c.RTCP = netip.AddrPortFrom(phoneB.Addr(), 5001)
		return c
	}())
	natRTCP := netip.AddrPortFrom(natted.Addr(), 61999)
	s.wants("RTCP before RTP", s.sendTo(media.A, true, natRTCP, rtcp(1)), false)
	for i := range uint16(strayProbation) {
		s.send(media.A, natted, rtp(1, i, 0))
	}
	s.wants("RTCP of an attacker", s.sendTo(media.A, true, attacker, rtcp(1)), false)
	s.wants("RTCP of the latched host", s.sendTo(media.A, true, natRTCP, rtcp(1)), true)
	s.wants("RTCP of another of its ports", s.sendTo(media.A, true, natted, rtcp(1)), false)
	if got := s.lane.sides[0].rtcp.to.addrPort(); got != natRTCP {
		t.Errorf("RTCP goes to %s", got)
	}
	s.wants("RTP on the RTCP port", s.sendTo(media.A, true, natRTCP, rtp(1, 1, 0)), false)
	s.wants("RTCP on the RTP port without mux", s.send(media.A, natted, rtcp(1)), false)
}

func TestSource_SSRCs(t *testing.T) {
	s := newStage(t, talk(saidA), talk(phoneB))
	for i := range uint32(100) {
		s.wants("a new SSRC", s.send(media.A, saidA, rtp(i, 1, 0)), i < sourceAllowance)
	}
	if got := s.lane.sides[0].stats.unagreed; got != 100-sourceAllowance {
		t.Errorf("%d refused", got)
	}
	s.wants("the one that is known", s.send(media.A, saidA, rtp(sourceAllowance-1, 2, 0)), true)
	s.now += sourceEvery
	s.wants("one more after a while", s.send(media.A, saidA, rtp(999, 1, 0)), true)
	s.wants("and no two", s.send(media.A, saidA, rtp(998, 1, 0)), false)
	s.set(media.A, talk(saidA))
	s.wants("after signalling", s.send(media.A, saidA, rtp(997, 1, 0)), true)
	if n := len(s.lane.sides[0].sources); n != maxSources {
		t.Errorf("%d SSRCs are followed", n)
	}
}

// TestSeal_RestartNeverReusesAnIndex: a plain sender begins its sequence anew under one
// SRTP key of ours. All that leaves has sequence numbers of its own and opens at the far end.
func TestSeal_RestartNeverReusesAnIndex(t *testing.T) {
	c := talk(phoneB)
	c.Protect, c.Unprotect = key(media.AES128GCM, 1), key(media.AES128GCM, 2)
	s := newStage(t, talk(saidA), c)
	u, err := srtp.NewUnprotector(*c.Protect)
	if err != nil {
		t.Fatal(err)
	}
	seen, carried := map[uint16]bool{}, 0
	for _, begin := range []uint16{40000, 100, 39000, 65530, 5, 40000} {
		for i := range uint16(200) {
			if !s.send(media.A, saidA, rtp(1, begin+i, 0)) {
				continue
			}
			seq := binary.BigEndian.Uint16(s.out[2:])
			if seen[seq] {
				t.Fatalf("sequence number %d left twice", seq)
			}
			seen[seq] = true
			if _, err := u.RTP(s.out); err != nil {
				t.Fatalf("begin %d, packet %d: the far end: %v", begin, i, err)
			}
			carried++
		}
	}
	if carried < 6*200-6 {
		t.Errorf("%d of 1200 packets were carried", carried)
	}
	s.wants("the same packet", s.send(media.A, saidA, rtp(1, 40199, 0)), false)
}
