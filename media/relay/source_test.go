package relay

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"roost/media"
)

// TestRFC3550_A3_Loss: lost, doubled and reordered packets over a roll of the sequence.
func TestRFC3550_A3_Loss(t *testing.T) {
	for _, c := range []struct {
		what string
		seqs func(yield func(uint16))
		lost int64
	}{
		{"none", func(y func(uint16)) {
			for i := range uint16(500) {
				y(65300 + i)
			}
		}, 0},
		{"each tenth", func(y func(uint16)) {
			for i := range uint16(500) {
				if i%10 != 5 {
					y(65300 + i)
				}
			}
		}, 50},
		{"pairs the wrong way round", func(y func(uint16)) {
			for i := uint16(0); i < 500; i += 2 {
				y(65301 + i)
				y(65300 + i)
			}
		}, -1}, // the first one lies before the base: RFC 3550 counts it as one too many
		{"each doubled", func(y func(uint16)) {
			for i := range uint16(100) {
				y(i)
				y(i)
			}
		}, -100},
		{"a sender that began anew", func(y func(uint16)) {
			for i := range uint16(100) {
				if i != 50 {
					y(i)
				}
			}
			for i := range uint16(100) {
				if i != 50 {
					y(30000 + i)
				}
			}
		}, 2},
	} {
		s := newStage(t, talk(saidA), talk(phoneB))
		c.seqs(func(seq uint16) { s.send(media.A, saidA, rtp(1, seq, 0)) })
		got := s.lane.sides[0].report(func(int64) time.Time { return time.Time{} })
		if got.Lost != c.lost {
			t.Errorf("%s: %d lost, not %d", c.what, got.Lost, c.lost)
		}
	}
}

// TestRFC3550_A8_Jitter against the formula in floating point.
func TestRFC3550_A8_Jitter(t *testing.T) {
	for _, clock := range []uint32{8000, 48000, 90000} {
		var s source
		now, want, last := int64(time.Hour), 0.0, math.NaN()
		for i := range 2000 {
			late := int64(time.Duration(i*7919%13) * time.Millisecond) // 0 to 12 ms
			stamp := uint32(i) * clock / 50
			arrival := now + int64(i)*20e6 + late
			transit := float64(arrival)/1e9 - float64(stamp)/float64(clock)
			if !math.IsNaN(last) {
				want += (math.Abs(transit-last) - want) / 16
			}
			last = transit
			s.time(96, clock, stamp, arrival)
		}
		if got := s.milliseconds(); math.Abs(got-want*1000) > 0.15 {
			t.Errorf("%d Hz: %.3f ms, not %.3f", clock, got, want*1000)
		}
	}
	var s source
	for i := range 100 { // one event, one timestamp: not jitter
		s.time(101, 8000, 4711, int64(time.Hour)+int64(i)*20e6)
	}
	if s.milliseconds() != 0 {
		t.Errorf("a DTMF event is %.1f ms of jitter", s.milliseconds())
	}
}

// TestClocks_Measured: an Opus stream of which nobody said the clock, with 5 ms of
// jitter, DTMF in between, and video at 90 kHz.
func TestClocks_Measured(t *testing.T) {
	for _, clock := range clocks {
		s := newStage(t, talk(saidA), talk(phoneB))
		for i := range uint32(500) {
			late := int64(i*7919%11) * int64(time.Millisecond) / 2
			s.now += late
			packet := rtp(1, uint16(i), 111)
			if i%100 == 99 {
				packet[1] = 101
			}
			binary.BigEndian.PutUint32(packet[4:], 4e9+i*clock/50)
			s.wants("a packet", s.send(media.A, saidA, packet), true)
			s.now -= late
		}
		o := &s.lane.sides[0].sources[0]
		if o.clock != clock || o.milliseconds() > 5 || o.milliseconds() < 0.5 {
			t.Errorf("%d Hz: measured %d, jitter %.2f ms", clock, o.clock, o.milliseconds())
		}
	}
}

func TestClocks_OfPayloads(t *testing.T) {
	c := talk(saidA)
	c.Payloads, c.Clocks = []uint8{96, 97, 0}, []uint32{48000}
	s := newStage(t, c, talk(phoneB))
	side := &s.lane.sides[0]
	for payload, want := range map[uint8]uint32{96: 48000, 97: 0, 0: 8000, 34: 90000} {
		if got := side.clockOf(payload); got != want {
			t.Errorf("%d: %d Hz, not %d", payload, got, want)
		}
	}
	for payload := range uint8(128) {
		if got := side.agrees(payload); got != (payload == 96 || payload == 97 || payload == 0) {
			t.Errorf("payload type %d: %v", payload, got)
		}
	}
}

func TestMOS(t *testing.T) {
	for _, c := range []struct{ jitter, lost, low, high float64 }{
		{0, 0, 4.35, 4.5}, {5, 0, 4.3, 4.45}, {0, 0.01, 4.2, 4.4}, {0, 0.05, 3.5, 4}, {20, 0.1, 2.5, 3.4}, {0, 1, 1, 1.3}, {500, 0, 1, 3}, {0, -1, 4.35, 4.5},
	} {
		if got := mos(c.jitter, c.lost); got < c.low || got > c.high {
			t.Errorf("%v ms, %v lost: %v, not %v to %v", c.jitter, c.lost, got, c.low, c.high)
		}
	}
	last := 5.0
	for lost := 0.0; lost < 1; lost += 0.01 {
		if got := mos(10, lost); got > last {
			t.Errorf("more loss sounds better at %v", lost)
		} else {
			last = got
		}
	}
}

func TestValid_RTCPCompounds(t *testing.T) {
	packet := func(kind byte, words uint16, padded bool) []byte {
		b := make([]byte, 4+4*int(words))
		b[0], b[1] = 0x80, kind
		if padded {
			b[0] |= 0x20
		}
		binary.BigEndian.PutUint16(b[2:], words)
		return b
	}
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	many := packet(200, 1, false)
	for range maxCompound {
		many = join(many, packet(203, 1, false))
	}
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"a report and a name", rtcp(1), true},
		{"feedback alone (RFC 5506)", packet(206, 2, false), true},
		{"padded last", join(packet(201, 1, false), packet(202, 2, true)), true},
		{"padded first", join(packet(201, 1, true), packet(202, 2, false)), false},
		{"longer than it is", packet(201, 1, false)[:7], false},
		{"octets behind", append(rtcp(1), 0), false},
		{"a second of version 1", join(packet(201, 1, false), []byte{0x40, 202, 0, 0}), false},
		{"a second that is no RTCP", join(packet(201, 1, false), []byte{0x80, 0, 0, 0}), false},
		{"too many", many, false},
		{"RTP", rtp(1, 1, 0), false},
		{"nothing", nil, false},
	} {
		if got := validRTCP(c.b, false); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
