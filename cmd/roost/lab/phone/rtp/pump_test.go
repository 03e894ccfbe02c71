package rtp

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/cmd/roost/lab/phone/tone"
	"roost/cmd/roost/lab/phone/voice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// bench is a pump with what it told.
type bench struct {
	t      *testing.T
	pump   *Pump
	events chan Event
	passed []Event // taken, and not waited for yet
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{events: make(chan Event, 10_000)}
	if t, ok := t.(*testing.T); ok {
		b.t = t
	}
	var err error
	if b.pump, err = NewPump(func(e Event) { b.events <- e }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pump.Close)
	return b
}

func (b *bench) open(hz int) *Stream {
	b.t.Helper()
	s, err := b.pump.Open(loopback, hz)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// wait waits for an event of a stream.
func (b *bench) wait(s *Stream, what string, is func(Event) bool) Event {
	b.t.Helper()
	for i, e := range b.passed {
		if e.Stream == s && is(e) {
			b.passed = append(b.passed[:i], b.passed[i+1:]...)
			return e
		}
	}
	limit := time.After(10 * time.Second)
	for {
		select {
		case e := <-b.events:
			if e.Stream == s && is(e) {
				return e
			}
			b.passed = append(b.passed, e)
		case <-limit:
			b.t.Fatalf("%s did not come; %+v", what, s.Report())
		}
	}
}

func (b *bench) heard(s *Stream, hz int) {
	b.t.Helper()
	b.wait(s, fmt.Sprint("a voice of ", hz, " Hz"), func(e Event) bool { return e.Change.Kind == voice.Began && tone.Same(e.Change.Tone, hz) })
}

func (b *bench) set(s *Stream, c Config) {
	b.t.Helper()
	if err := s.Set(c); err != nil {
		b.t.Fatal(err)
	}
}

func key(suite Suite, seed byte) *Key {
	k, salt := suite.Sizes()
	master := make([]byte, k+salt)
	for i := range master {
		master[i] = seed + byte(i)
	}
	return &Key{suite, master}
}

// RFC 3711, RFC 7714: two phones hear each other's tone, in the clear and with
// each suite.
func TestTwoHearEachOther(t *testing.T) {
	for _, suite := range append([]Suite{""}, Suites()...) {
		t.Run(string("plain "+suite), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			one, two := b.open(700), b.open(950)
			first := Config{Remote: two.Local(), Send: true, Receive: true, Events: 101}
			second := Config{Remote: one.Local(), Send: true, Receive: true, Events: 101}
			if suite != "" {
				first.Seal, first.Open = key(suite, 1), key(suite, 100)
				second.Seal, second.Open = first.Open, first.Seal
			}
			b.set(one, first)
			b.set(two, second)
			b.heard(one, 950)
			b.heard(two, 700)
			one.Dial("1#")
			for _, want := range "1#" {
				if e := b.wait(two, "a digit", func(e Event) bool { return e.Digit != 0 }); e.Digit != want {
					t.Errorf("digit %c, want %c", e.Digit, want)
				}
			}
			one.Close()
			lost := b.wait(two, "the loss", func(e Event) bool { return e.Change.Kind == voice.Lost })
			report := two.Close()
			if report.Good < 4 || report.Forged+report.Bad+report.Repeated+report.Missing > 0 || report.Digits != "1#" ||
				!report.LostAt.Equal(lost.Change.At) || len(report.Tones) != 1 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// What is not protected by the right key is not listened to, and plain RTP to a
// phone that expects SRTP neither, nor SRTP to one that expects RTP.
func TestWrongKeysAreNotHeard(t *testing.T) {
	for name, test := range map[string]struct{ seal, open *Key }{
		"another key": {key(AES128CM80, 1), key(AES128CM80, 2)},
		"no key":      {nil, key(AES128CM80, 2)},
		"no SRTP":     {key(AES128CM80, 1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			one, two := b.open(700), b.open(950)
			b.set(one, Config{Remote: two.Local(), Send: true, Seal: test.seal})
			b.set(two, Config{Receive: true, Open: test.open})
			b.wait(two, "the loss", func(e Event) bool { return e.Change.Kind == voice.Lost })
			report := two.Report()
			if report.Good != 0 || (test.open != nil && report.Forged < 10) || (test.open == nil && report.Silent < 10) {
				t.Errorf("%+v", report)
			}
		})
	}
}

// Garbage on a media port is counted and harms nobody.
func TestGarbage(t *testing.T) {
	b := newBench(t)
	s := b.open(700)
	b.set(s, Config{Receive: true})
	conn, err := net.Dial("udp", s.Local().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	wire := make([]byte, headerSize)
	packet{payloadType: 8}.put(wire)
	for _, data := range [][]byte{{1}, make([]byte, 12), wire, append([]byte{0x8f}, make([]byte, 20)...), make([]byte, 3000)} {
		if _, err := conn.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	b.wait(s, "the loss", func(e Event) bool { return e.Change.Kind == voice.Lost })
	if report := s.Report(); report.Bad != 5 || report.Received != 0 {
		t.Errorf("%+v", report)
	}
}

func TestBadKeyLength(t *testing.T) {
	b := newBench(t)
	s := b.open(700)
	if err := s.Set(Config{Seal: &Key{AES128CM80, make([]byte, 29)}}); err == nil {
		t.Error("a key of 29 octets was taken")
	}
	if _, err := b.pump.Open(loopback, 20); err == nil {
		t.Error("a tone of 20 Hz was taken")
	}
}

// RFC 3550 A.3: losses by sequence number, over the wrap, with repeats and
// packets out of order, and over a change of source.
func TestLossesAreCounted(t *testing.T) {
	var c counter
	for i, sequence := range []uint16{65533, 65534, 0, 65535, 2, 2, 5} {
		if fresh := c.take(1, sequence); fresh != (i != 5) {
			t.Errorf("packet %d, sequence number %d: taken %t", i, sequence, fresh)
		}
	}
	if c.total() != 3 || c.received != 6 { // 1, 3 and 4 are missing
		t.Errorf("%+v, %d missing", c, c.total())
	}
	c.take(2, 100)
	c.take(2, 102)
	if c.total() != 4 {
		t.Errorf("%+v, %d missing", c, c.total())
	}
}

func FuzzParse(f *testing.F) {
	wire := make([]byte, headerSize+160)
	packet{payloadType: 0, sequence: 1}.put(wire)
	f.Add(wire)
	f.Add([]byte{0xb1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0, 0, 0, 0, 1, 2, 3, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse(data)
		if err == nil && len(p.payload) > len(data)-headerSize {
			t.Errorf("%d octets of payload out of %d", len(p.payload), len(data))
		}
	})
}

// BenchmarkStream is one packet of one call: made, sealed, sent, received,
// opened, listened to and booked.
func BenchmarkStream(b *testing.B) {
	for _, suite := range []Suite{"", AES128CM80} {
		b.Run("suite "+string(suite), func(b *testing.B) {
			bench := newBench(b)
			s, err := bench.pump.Open(loopback, 700)
			if err != nil {
				b.Fatal(err)
			}
			other, err := bench.pump.Open(loopback, 950)
			if err != nil {
				b.Fatal(err)
			}
			c := Config{Receive: true}
			d := Config{Remote: netip.AddrPortFrom(loopback, 9), Send: true}
			if suite != "" {
				c.Open, d.Seal = key(suite, 1), key(suite, 1)
			}
			if err := errorsOf(s.Set(c), other.Set(d)); err != nil {
				b.Fatal(err)
			}
			bench.pump.mutex.Lock() // the pump's own goroutine stands still
			defer bench.pump.mutex.Unlock()
			buffer := make([]byte, maxPacket)
			now := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				data := other.next(buffer)
				other.target.send(other.fd, data)
				s.take(data, now, func(Event) {})
				now = now.Add(voice.Frame)
			}
		})
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
