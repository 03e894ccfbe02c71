package relay

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"roost/media"
)

func TestPorts_PairsAtRandomAndQuarantine(t *testing.T) {
	for _, c := range []struct {
		first, last uint16
		pairs       int
	}{{2000, 2001, 1}, {2001, 2003, 1}, {2000, 2002, 1}, {2001, 2002, 0}, {10000, 19999, 5000}, {65534, 65535, 1}, {1024, 65535, 32256}} {
		if got := pairsIn(c.first, c.last); got != c.pairs {
			t.Errorf("%d to %d: %d pairs, not %d", c.first, c.last, got, c.pairs)
		}
	}
	now := time.Unix(1, 0)
	p := newPorts(4000, 4999)
	var order []uint16
	seen := map[uint16]bool{}
	for range 500 {
		port, ok := p.take(now)
		if !ok || port%2 != 0 || port < 4000 || port > 4998 || seen[port] {
			t.Fatalf("pair %d, %v", port, ok)
		}
		seen[port] = true
		order = append(order, port)
	}
	if _, ok := p.take(now); ok {
		t.Error("a pair out of nothing")
	}
	following := 0
	for i := range order[1:] {
		if order[i+1] == order[i]+2 {
			following++
		}
	}
	if following > 25 {
		t.Errorf("%d of 500 pairs followed the one before: not random", following)
	}
	p.rest(order[0], now.Add(10*time.Second))
	if _, ok := p.take(now.Add(10*time.Second - 1)); ok {
		t.Error("a resting pair was taken")
	}
	if port, ok := p.take(now.Add(10 * time.Second)); !ok || port != order[0] {
		t.Errorf("after the quarantine: %d, %v", port, ok)
	}
}

func TestPorts_ScarceWithHysteresis(t *testing.T) {
	p := newPorts(4000, 4199) // 100 pairs
	now := time.Unix(1, 0)
	var changes []int
	var taken []uint16
	for i := range 1000 {
		if port, ok := p.take(now); ok && rand.IntN(3) > 0 {
			taken = append(taken, port)
		} else if ok {
			p.rest(port, now)
			p.wake(now)
		}
		if p.crossed() {
			changes = append(changes, p.used())
		}
		_ = i
	}
	for _, port := range taken {
		p.rest(port, now)
		p.wake(now)
		if p.crossed() {
			changes = append(changes, p.used())
		}
	}
	if len(changes) != 2 || changes[0] != 90 || changes[1] != 79 {
		t.Errorf("told at %v in use, not at 90 and 79", changes)
	}
}

func TestPorts_ExhaustionIsRefused(t *testing.T) {
	var mu sync.Mutex
	var told []bool
	r := newRelay(t, func(c *Config) {
		c.First, c.Last, c.Quarantine = 24000, 24019, time.Hour // 10 pairs: 5 streams
		c.Scarce = func(scarce bool, used, total int) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, scarce)
			if used < 9 || total != 10 {
				t.Errorf("%d of %d", used, total)
			}
		}
	})
	var streams []media.Stream
	for range 5 {
		streams = append(streams, open(t, r, media.OpenStream{}))
	}
	if _, err := r.Open(media.OpenStream{}); !errors.Is(err, media.ErrNoPorts) {
		t.Fatalf("an eleventh pair: %v", err)
	}
	streams[0].Close()
	if _, err := r.Open(media.OpenStream{}); !errors.Is(err, media.ErrNoPorts) {
		t.Fatalf("a resting pair: %v", err)
	}
	c := r.Counters()
	if c.Refused != 2 || c.PairsTaken != 8 || c.PairsResting != 2 || c.PairsTotal != 20 || c.Streams != 4 {
		t.Errorf("%+v", c) // IPv6 has 10 more
	}
	open(t, r, media.OpenStream{IPv6: [2]bool{true, true}})
	r.Close()
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 || !told[0] {
		t.Errorf("told %v, not once that ports are scarce", told)
	}
}

func TestPorts_OtherProgramsHoldSome(t *testing.T) {
	r := newRelay(t, func(c *Config) { c.First, c.Last = 24100, 24111 })
	for port := uint16(24101); port < 24106; port += 2 { // the RTCP ports of three of six pairs
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback(), port)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	s := open(t, r, media.OpenStream{})
	for _, side := range []media.Side{media.A, media.B} {
		if a, control := s.Local(side); a.Port() < 24106 || control.Port() != a.Port()+1 || a.Port()%2 != 0 {
			t.Errorf("pair %s, %s", a, control)
		}
	}
	if s, err := r.Open(media.OpenStream{}); err == nil || !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("one pair is left, two are needed: %v, %v", s, err)
	}
}

func TestPorts_Ephemeral(t *testing.T) {
	for _, c := range []struct {
		first, last uint16
		kernel      string
		reserved    string
		low, high   uint16
		n           int
	}{
		{10000, 20000, "32768\t60999\n", "\n", 0, 0, 0},
		{30000, 40000, "32768\t60999\n", "\n", 32768, 40000, 7233},
		{30000, 40000, "32768 60999", "32768-39999", 40000, 40000, 1},
		{32768, 32770, "32768 60999", "8080,32769", 32768, 32770, 2},
		{32768, 32769, "32768 60999", "32000-33000\n", 0, 0, 0},
	} {
		low, high, n, err := overlap(c.first, c.last, c.kernel, c.reserved)
		if err != nil || low != c.low || high != c.high || n != c.n {
			t.Errorf("%+v: %d to %d, %d, %v", c, low, high, n, err)
		}
	}
	for _, bad := range [][2]string{{"", ""}, {"1 2 3", ""}, {"a b", ""}, {"1 99999", ""}, {"1 2", "x"}, {"1 2", "1-x"}} {
		if _, _, _, err := overlap(1, 2, bad[0], bad[1]); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
	if _, _, _, err := Ephemeral(1024, 65535); err != nil {
		t.Errorf("this machine's: %v", err)
	}
}

// TestOpen_GivesAllBack: descriptors, goroutines (TestMain) and ports.
func TestOpen_GivesAllBack(t *testing.T) {
	before := descriptors(t)
	r, err := New(Config{Address: loopback(), First: 24200, Last: 24999, Quarantine: -1})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var streams []media.Stream
		for range 100 {
			s, err := r.Open(media.OpenStream{})
			if err != nil {
				t.Fatal(err)
			}
			streams = append(streams, s)
		}
		var wg sync.WaitGroup
		for _, s := range streams[:90] {
			wg.Go(func() {
				s.Stats()
				s.Close()
			})
		}
		wg.Wait()
		for _, s := range streams[90:] {
			defer s.Close() // again, after the relay's end
		}
	}
	if c := r.Counters(); c.Streams != 30 || c.Opened != 300 || c.PairsTaken != 60 {
		t.Errorf("%+v", c)
	}
	r.Close()
	if _, err := r.Open(media.OpenStream{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Scarcity is over when the ports have rested, also where no call comes or goes.
func TestPorts_ScarcityEndsByItself(t *testing.T) {
	told := make(chan bool, 4)
	r := newRelay(t, func(c *Config) {
		c.First, c.Last, c.Quarantine = 24200, 24203, 50*time.Millisecond // 2 pairs
		c.Scarce = func(scarce bool, _, _ int) { told <- scarce }
	})
	open(t, r, media.OpenStream{}).Close()
	for _, want := range []bool{true, false} {
		select {
		case scarce := <-told:
			if scarce != want {
				t.Errorf("told %v, want %v", scarce, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("never told %v", want)
		}
	}
}
