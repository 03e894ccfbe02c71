package relay

import (
	"bytes"
	"runtime"
	"testing"

	"roost/media"
)

func TestRelay_RTPBothWays(t *testing.T) {
	for _, six := range [][2]bool{{}, {true, true}, {false, true}, {true, false}} {
		r := newRelay(t, nil)
		s := open(t, r, media.OpenStream{Call: "1", IPv6: six})
		var ends [2]*end
		for side, v6 := range six {
			at := "127.0.0.1:0"
			if v6 {
				at = "[::1]:0"
			}
			ends[side] = newEnd(t, at)
			mustSet(t, s, media.Side(side), talk(ends[side].addr))
		}
		for side := range ends {
			from, to := media.Side(side), media.Side(side).Other()
			local, _ := s.Local(from)
			want := rtp(7, 100, 0)
			ends[from].send(local, want)
			got, source := ends[to].receive()
			if !bytes.Equal(got, want) {
				t.Errorf("%v: %x came, not %x", six, got, want)
			}
			if across, _ := s.Local(to); source != across {
				t.Errorf("%v: from %s, not %s: not symmetric", six, source, across)
			}
		}
		stats := s.Close()
		for side := range ends {
			if got := stats.Sides[side]; got.Packets != 1 || got.Sent != 1 || got.Octets != 172 || got.Remote != ends[side].addr || got.First.IsZero() {
				t.Errorf("%v: side %d: %+v", six, side, got)
			}
		}
		if stats.Closed.IsZero() || s.Close() != stats || s.Stats() != stats {
			t.Error("the last statistics do not stay")
		}
	}
}

func TestRelay_RTCP(t *testing.T) {
	r := newRelay(t, nil)
	s := open(t, r, media.OpenStream{})
	a, aControl, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	c := talk(a.addr)
	c.RTCP = aControl.addr
	mustSet(t, s, media.A, c)
	c = talk(b.addr)
	c.Mux = true
	mustSet(t, s, media.B, c)
	_, aLocal := s.Local(media.A)
	bLocal, _ := s.Local(media.B)
	aControl.send(aLocal, rtcp(5))
	if got, from := b.receive(); !bytes.Equal(got, rtcp(5)) || from != bLocal {
		t.Errorf("%x from %s: RTCP to a mixed port", got, from)
	}
	b.send(bLocal, rtcp(6))
	if got, from := aControl.receive(); !bytes.Equal(got, rtcp(6)) || from != aLocal {
		t.Errorf("%x from %s: RTCP from a mixed port", got, from)
	}
	if stats := s.Stats(); stats.Sides[0].RTCP != 1 || stats.Sides[1].RTCP != 1 || stats.Sides[1].Packets != 0 {
		t.Errorf("%+v", stats)
	}
}

// TestRelay_Eager: a worker that waits without the scheduler still obeys, carries, rests
// and ends.
func TestRelay_Eager(t *testing.T) {
	before := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	defer runtime.GOMAXPROCS(before)
	r := newRelay(t, func(c *Config) { c.Eager = true })
	s := open(t, r, media.OpenStream{})
	a, b := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0")
	mustSet(t, s, media.A, talk(a.addr))
	mustSet(t, s, media.B, talk(b.addr))
	local, _ := s.Local(media.A)
	for i := range uint16(100) {
		a.send(local, rtp(1, i, 0))
		b.receive()
		if i%10 == 0 && s.Stats().Sides[0].Packets != uint64(i)+1 {
			t.Fatalf("packet %d is not counted", i)
		}
	}
	if stats := s.Close(); stats.Sides[0].Packets != 100 || stats.Sides[0].Lost != 0 {
		t.Errorf("%+v", stats.Sides[0])
	}
}
