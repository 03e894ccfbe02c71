package relay

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"roost/media"
)

// TestBleed_ThirdHostDuringTheCall: somebody sprays well-formed RTP and RTCP at all four
// ports of a call, from another port and another host. Nothing of it is carried, nothing
// of the call goes to him, all of it is counted (CVE-2025-53399, Asterisk 2017).
func TestBleed_ThirdHostDuringTheCall(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	neighbour, stranger := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.9:0")
	c := talk(a.addr)
	c.Latch = true
	mustSet(t, s, media.A, c)
	c = talk(b.addr)
	c.Latch = true
	mustSet(t, s, media.B, c)
	aLocal, aControl := s.Local(media.A)
	bLocal, bControl := s.Local(media.B)
	a.send(aLocal, rtp(1, 1, 0))
	b.receive()
	b.send(bLocal, rtp(2, 1, 0))
	a.receive()
	sent := uint64(0)
	for i := range uint16(100) {
		for _, at := range []netip.AddrPort{aLocal, bLocal} {
			neighbour.send(at, rtp(1, 2+i, 0))
			stranger.send(at, rtp(2, 2+i, 0))
			sent += 2
		}
		for _, at := range []netip.AddrPort{aControl, bControl} {
			stranger.send(at, rtcp(1))
			sent++
		}
		until(t, s, "all counted", func(m media.StreamStats) bool { return m.Sides[0].Strange+m.Sides[1].Strange == sent })
	}
	a.send(aLocal, rtp(1, 2, 0))
	if got, _ := b.receive(); !bytes.Equal(got, rtp(1, 2, 0)) {
		t.Errorf("B heard %x", got)
	}
	b.send(bLocal, rtp(2, 2, 0))
	if got, _ := a.receive(); !bytes.Equal(got, rtp(2, 2, 0)) {
		t.Errorf("A heard %x", got)
	}
	for _, e := range []*end{a, b, neighbour, stranger} {
		e.nothing()
	}
	stats := s.Close()
	if stats.Sides[0].Packets != 2 || stats.Sides[1].Packets != 2 || stats.Sides[0].RTCP+stats.Sides[1].RTCP != 0 {
		t.Errorf("%+v", stats)
	}
	if got := r.Counters().Strange; got != sent {
		t.Errorf("%d strange packets over all, %d sent", got, sent)
	}
}

// TestBadPackets_AreDroppedAndCounted: wrong version, wrong size, wrong type.
func TestBadPackets_AreDroppedAndCounted(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	c := talk(a.addr)
	c.Payloads = []uint8{0, 101}
	mustSet(t, s, media.A, c)
	mustSet(t, s, media.B, talk(b.addr))
	local, _ := s.Local(media.A)
	version1 := rtp(1, 1, 0)
	version1[0] = 0x40
	extension := rtp(1, 1, 0)
	extension[0] |= 0x10
	extension[14], extension[15] = 0xff, 0xff
	sources := rtp(1, 1, 0)[:20]
	sources[0] |= 15
	padding := rtp(1, 1, 0)
	padding[0] |= 0x20
	padding[len(padding)-1] = 200
	bad := [][]byte{version1, extension, sources, padding, rtp(1, 1, 0)[:11], {0x80}, {}, make([]byte, maxPacket+1), bytes.Repeat([]byte{0xff}, 100), bytes.Repeat([]byte{0x50}, 100)}
	for _, packet := range bad {
		a.send(local, packet)
	}
	a.send(local, rtp(1, 1, 8))
	stats := until(t, s, "all counted", func(m media.StreamStats) bool {
		return m.Sides[0].Bad == uint64(len(bad)) && m.Sides[0].Unagreed == 1
	})
	if stats.Sides[0].Packets != 0 {
		t.Errorf("%+v", stats.Sides[0])
	}
	b.nothing()
	a.send(local, rtp(1, 1, 101))
	if got, _ := b.receive(); !bytes.Equal(got, rtp(1, 1, 101)) {
		t.Errorf("DTMF came as %x", got)
	}
}

// TestRaw_T38: UDPTL is no RTP and passes as it is, from its own source only.
func TestRaw_T38(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{Raw: true})
	a, b, stranger := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.9:0")
	c := talk(a.addr)
	c.Latch = true
	mustSet(t, s, media.A, c)
	mustSet(t, s, media.B, talk(b.addr))
	local, _ := s.Local(media.A)
	udptl := []byte{0, 1, 6, 2, 0x30, 0, 0}
	stranger.send(local, udptl)
	a.send(local, udptl)
	if got, _ := b.receive(); !bytes.Equal(got, udptl) {
		t.Errorf("%x", got)
	}
	stranger.send(local, udptl)
	until(t, s, "the stranger counted", func(m media.StreamStats) bool { return m.Sides[0].Strange == 2 })
	b.nothing()
}

func TestSet_Refusals(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	for what, c := range map[string]media.SideConfig{
		"IPv6 on an IPv4 side": talk(netip.MustParseAddrPort("[2001:db8::1]:4000")),
		"multicast":            talk(netip.MustParseAddrPort("239.1.2.3:4000")),
		"payload type 128":     {RTP: phoneB, Payloads: []uint8{128}},
	} {
		if err := s.Set(media.A, c); !errors.Is(err, ErrSide) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Set(2, talk(phoneB)); !errors.Is(err, ErrSide) {
		t.Errorf("a third side: %v", err)
	}
	mustSet(t, s, media.A, talk(netip.MustParseAddrPort("0.0.0.0:4000")))
	mustSet(t, s, media.B, talk(netip.MustParseAddrPort("[::ffff:192.0.2.1]:4000")))
	s.Close()
	if err := s.Set(media.A, talk(phoneB)); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	only4 := newRelay(t, func(c *Config) { c.Address6 = netip.Addr{} })
	if _, err := only4.Open(media.OpenStream{IPv6: [2]bool{true, false}}); !errors.Is(err, ErrSide) {
		t.Errorf("IPv6 without an address: %v", err)
	}
}

// TestCircle: media that would come back to its own stream is refused; media through
// two streams of one relay is not.
func TestCircle(t *testing.T) {
	r := newRelay(t, func(c *Config) { c.Advertised = netip.MustParseAddr("198.51.100.1") })
	one, other := open(t, r, media.OpenStream{}), open(t, r, media.OpenStream{})
	local := func(s media.Stream, side media.Side) netip.AddrPort { l, _ := s.Local(side); return l }
	if got := local(one, media.A).Addr(); got != r.config.Advertised {
		t.Fatalf("told %s, not the advertised address", got)
	}
	if err := one.Set(media.A, talk(local(one, media.B))); !errors.Is(err, ErrLoop) {
		t.Errorf("a stream to itself: %v", err)
	}
	if err := one.Set(media.A, talk(netip.AddrPortFrom(r.config.Address, local(one, media.B).Port()))); !errors.Is(err, ErrLoop) {
		t.Errorf("a stream to itself by its inner address: %v", err)
	}
	mustSet(t, one, media.B, talk(local(other, media.A)))
	mustSet(t, other, media.A, talk(local(one, media.B)))
	mustSet(t, one, media.A, talk(saidA))
	mustSet(t, other, media.B, talk(phoneB)) // through both: not a circle
	if err := other.Set(media.B, talk(local(one, media.A))); !errors.Is(err, ErrLoop) {
		t.Errorf("a circle of two: %v", err)
	}
	c := talk(phoneB)
	c.RTCP = nextPort(local(one, media.A))
	if err := other.Set(media.B, c); !errors.Is(err, ErrLoop) {
		t.Errorf("a circle of RTCP: %v", err)
	}
	mustSet(t, other, media.B, talk(phoneB))
}

func TestSilent_ToldOnceFromItsOwnGoroutine(t *testing.T) {
	r := newRelay(t, func(c *Config) { c.Timeout = 1 })
	told := make(chan media.StreamStats, 2)
	var s media.Stream
	var mu sync.Mutex
	mu.Lock()
	s = open(t, r, media.OpenStream{Silent: func() {
		mu.Lock()
		defer mu.Unlock()
		told <- s.Close() // may be called here
	}})
	mu.Unlock()
	mustSet(t, s, media.A, talk(saidA))
	mustSet(t, s, media.B, talk(phoneB))
	select {
	case stats := <-told:
		if stats.Closed.IsZero() {
			t.Error("not closed")
		}
	case <-time.After(patience):
		t.Fatal("silence was not told")
	}
	if got := r.Counters().Silent; got != 1 {
		t.Errorf("%d", got)
	}
}

// TestSet_WhilePacketsPass: changes, statistics and packets at once, for the race detector.
func TestSet_WhilePacketsPass(t *testing.T) {
	r := newRelay(t, func(c *Config) { c.Workers = 2 })
	var wg sync.WaitGroup
	for range 4 {
		s := open(t, r, media.OpenStream{})
		a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
		mustSet(t, s, media.A, talk(a.addr))
		mustSet(t, s, media.B, talk(b.addr))
		local, _ := s.Local(media.A)
		wg.Go(func() {
			for i := range uint16(200) {
				a.send(local, rtp(1, i, 0))
				b.receive()
			}
		})
		wg.Go(func() {
			for i := range 100 {
				c := talk(b.addr)
				c.Payloads = []uint8{0, uint8(i)}
				if err := s.Set(media.B, c); err != nil {
					t.Error(err)
				}
				s.Stats()
				r.Counters()
			}
		})
	}
	wg.Wait()
}
