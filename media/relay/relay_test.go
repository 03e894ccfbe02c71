package relay

import (
	"bytes"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

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

// TestRelay_AFaultCostsOnePacket: a panic while a packet is carried is caught, said, and
// the next packet passes.
func TestRelay_AFaultCostsOnePacket(t *testing.T) {
	var log bytes.Buffer
	r := newRelay(t, func(c *Config) { c.Log = zerolog.New(&log) })
	s := open(t, r, media.OpenStream{Call: "c7"})
	a, b, stranger := newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.1:0"), newEnd(t, "127.0.0.9:0")
	c := talk(a.addr)
	c.Latch = true
	mustSet(t, s, media.A, c)
	mustSet(t, s, media.B, talk(b.addr))
	inner := s.(*stream)
	inner.worker.call(func(int64) { inner.lane.own = func(*address) bool { panic("a fault for the test") } })
	local, _ := s.Local(media.A)
	stranger.send(local, rtp(1, 1, 0))
	a.send(local, rtp(1, 2, 0))
	if got, _ := b.receive(); !bytes.Equal(got, rtp(1, 2, 0)) {
		t.Errorf("%x", got)
	}
	r.Close()
	if !strings.Contains(log.String(), "a fault for the test") || !strings.Contains(log.String(), `"call":"c7"`) {
		t.Errorf("the log says %s", log.String())
	}
}

// TestRelay_ShotsAreSaidOnce: what is dropped in masses is in the log once a call.
func TestRelay_ShotsAreSaidOnce(t *testing.T) {
	var log bytes.Buffer
	r := newRelay(t, func(c *Config) { c.Log = zerolog.New(&log) })
	s := open(t, r, media.OpenStream{Call: "c8"})
	mustSet(t, s, media.A, talk(saidA))
	inner := s.(*stream)
	inner.worker.call(func(int64) { inner.lane.sides[0].stats.strange = warnAfter })
	for range 3 {
		inner.worker.call(func(now int64) { inner.worker.sweep(now) })
	}
	r.Close()
	if n := strings.Count(log.String(), "were dropped"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}

// TestRelay_DSCP: EF on both families unless another is wished.
func TestRelay_DSCP(t *testing.T) {
	for _, c := range []struct{ config, want int }{{0, 46}, {34, 34}, {-1, 0}} {
		r := newRelay(t, func(k *Config) { k.DSCP = c.config })
		s := open(t, r, media.OpenStream{IPv6: [2]bool{false, true}}).(*stream)
		for side, option := range [][2]int{{unix.IPPROTO_IP, unix.IP_TOS}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS}} {
			for _, fd := range s.lane.sides[side].fds {
				got, err := unix.GetsockoptInt(int(fd), option[0], option[1])
				if err != nil || got != c.want<<2 {
					t.Errorf("DSCP %d, side %d: %d, %v", c.config, side, got>>2, err)
				}
			}
		}
	}
}

func TestConfig_Refusals(t *testing.T) {
	good := Config{Address: netip.MustParseAddr("127.0.0.1"), First: 25000, Last: 25100}
	for what, change := range map[string]func(*Config){
		"no address":       func(c *Config) { c.Address = netip.Addr{} },
		"IPv6 as IPv4":     func(c *Config) { c.Address = netip.IPv6Loopback() },
		"IPv4 as IPv6":     func(c *Config) { c.Address6 = c.Address },
		"privileged ports": func(c *Config) { c.First = 80 },
		"no pair":          func(c *Config) { c.Last = c.First },
		"backwards":        func(c *Config) { c.First, c.Last = c.Last, c.First },
		"DSCP 64":          func(c *Config) { c.DSCP = 64 },
		"workers":          func(c *Config) { c.Workers = -1 },
	} {
		c := good
		change(&c)
		if r, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v, %v", what, r, err)
		}
	}
}
