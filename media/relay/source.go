package relay

// The bounds of RFC 3550 appendix A.1 on what is still the same sequence.
const (
	maxDropout  = 3000
	maxMisorder = 100
	sequences   = 1 << 16
)

// source is what is known of one SSRC that a side sends with.
type source struct {
	ssrc  uint32
	clock uint32 // Hz of kind
	kind  uint8  // payload type that the clock is of
	begun bool
	timed bool // transit is known
	fresh bool // the sequence began with this packet

	top    uint16 // highest sequence number
	shift  uint16 // added to the sequence number on the way out
	sent   uint16 // highest sequence number that went out
	hasOut bool
	cycles uint32
	base   uint32
	bad    uint32 // the sequence number after a jump, where a next one proves it

	measured     uint8 // payload type whose clock is being measured
	measureStamp uint32
	measureFrom  int64 // 0: not begun

	received uint32
	transit  int32
	stamp    uint32
	jitter   uint32 // RFC 3550 A.8: in units of the clock, times 16
}

func (s *source) restart(seq uint16) {
	s.base, s.top, s.cycles, s.received = uint32(seq), seq, 0, 0
	s.bad = sequences + 1
}

// count takes a sequence number into the counts of RFC 3550 A.1; restarted is true
// where the sender began anew, and lost what is missing of the sequence before.
func (s *source) count(seq uint16) (restarted bool, lost int64) {
	if !s.begun {
		s.begun = true
		s.restart(seq)
		s.received, s.fresh = 1, true
		return false, 0
	}
	s.fresh = false
	switch ahead := seq - s.top; {
	case ahead < maxDropout:
		if seq < s.top {
			s.cycles += sequences
		}
		s.top = seq
	case int(ahead) <= sequences-maxMisorder:
		if uint32(seq) != s.bad {
			s.bad = uint32(seq+1) & (sequences - 1)
			s.received++ // it is carried all the same
			return false, 0
		}
		lost = s.lost() + 1 // the one before is the new sequence's
		s.restart(seq)
		s.base, s.received, s.fresh = uint32(seq-1), 2, true
		if seq == 0 {
			s.cycles = sequences
		}
		return true, lost
	}
	s.received++
	return false, 0
}

// newest tells whether a sequence number is ahead of all that came.
func (s *source) newest(seq uint16) bool { return !s.begun || int16(seq-s.top) > 0 }

// lost is RFC 3550 A.3's cumulative number of packets lost; doubled ones make it less.
func (s *source) lost() int64 {
	if !s.begun {
		return 0
	}
	return int64(s.cycles) + int64(s.top) - int64(s.base) + 1 - int64(s.received)
}

// time takes a packet's arrival, in nanoseconds, into the jitter of RFC 3550 A.8.
// Packets of one timestamp (a video frame, a DTMF event) count once.
func (s *source) time(kind uint8, clock, stamp uint32, now int64) {
	if clock == 0 {
		if clock = s.measure(kind, stamp, now); clock == 0 {
			return
		}
	}
	arrival := uint32(now/1e9)*clock + uint32(now%1e9*int64(clock)/1e9)
	transit := int32(arrival - stamp)
	switch {
	case !s.timed || kind != s.kind && clock != s.clock:
		s.timed = true
	case stamp == s.stamp:
		return
	default:
		d := transit - s.transit
		if d < 0 {
			d = -d
		}
		// A jump of more than ten seconds is a sender's new clock, not the network.
		if d >= 0 && uint32(d) < 10*clock {
			s.jitter += uint32(d) - (s.jitter+8)>>4
		}
	}
	s.kind, s.clock, s.stamp, s.transit = kind, clock, stamp, transit
}

// clocks are the rates that codecs have, in Hz.
var clocks = [...]uint32{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 90000}

// measure finds the clock of a dynamic payload type that nobody told us: of the known
// ones the one that the timestamps of a second went by; 0: not known yet.
func (s *source) measure(kind uint8, stamp uint32, now int64) uint32 {
	took := now - s.measureFrom
	if s.measureFrom == 0 || kind != s.measured || took > 5e9 {
		s.measured, s.measureStamp, s.measureFrom = kind, stamp, now
		return 0
	}
	if took < 1e9 {
		return 0
	}
	rate := int64(stamp-s.measureStamp) * 1e9 / took
	s.measureFrom = 0
	for _, c := range clocks {
		if off := rate - int64(c); max(off, -off) < int64(c)/25 { // 22050 and 24000 are the nearest
			return c
		}
	}
	return 0
}

// milliseconds is the jitter.
func (s *source) milliseconds() float64 {
	if s.clock == 0 {
		return 0
	}
	return float64(s.jitter) / 16 * 1000 / float64(s.clock)
}

// staticClock is the clock rate of a payload type of RFC 3551 §6, 0 of a dynamic one.
func staticClock(kind uint8) uint32 {
	if kind >= 96 {
		return 0
	}
	switch kind {
	case 6:
		return 16000
	case 10, 11:
		return 44100
	case 14, 25, 26, 28, 31, 32, 33, 34:
		return 90000
	case 16:
		return 11025
	case 17:
		return 22050
	}
	return 8000
}
