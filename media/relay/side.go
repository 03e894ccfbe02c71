package relay

import (
	"time"

	"roost/media"
	"roost/media/srtp"
)

const (
	// maxSources is how many SSRCs a side's statistics follow at once; a further
	// one takes the place of the one longest unheard.
	maxSources = 4
	// sourceAllowance is how many new SSRCs a side may show after signalling, and
	// sourceEvery after how long one more.
	sourceAllowance = 8
	sourceEvery     = int64(10 * time.Second)
)

// side is one of a stream's two ends.
type side struct {
	fds       [2]int32 // RTP, RTCP
	rtp, rtcp gate
	named     address // the signalling's host

	set, mux, latch, raw, give, take bool
	secure                           bool // SRTP, whether or not its keys are here yet
	all                              bool // every payload type is agreed on
	agreed                           [2]uint64
	payloads                         []uint8
	clocks                           []uint32
	protect                          *srtp.Protector
	unprotect                        *srtp.Unprotector
	former                           *srtp.Unprotector // the one before, for a while
	formerUntil                      int64
	lock                             *secret // ICE and DTLS, nil without

	sources   []source
	heard     [maxSources]int64 // when each source was heard last
	allowance uint8
	allowedAt int64

	first, last int64 // RTP that was carried or held; 0: never
	alive       int64 // any packet that was the side's
	lost        int64 // of sources that are gone
	expected    int64 // of them
	stats       tally
}

// tally is what media.SideStats counts.
type tally struct {
	packets, octets, rtcp                          uint64
	strange, forged, bad, replayed, unagreed, held uint64
	foreign                                        uint64
	sent, sentOctets, sentRTCP, unsent             uint64
}

func (t *tally) add(o *tally) {
	t.packets += o.packets
	t.octets += o.octets
	t.rtcp += o.rtcp
	t.strange += o.strange
	t.forged += o.forged
	t.bad += o.bad
	t.replayed += o.replayed
	t.unagreed += o.unagreed
	t.held += o.held
	t.foreign += o.foreign
	t.sent += o.sent
	t.sentOctets += o.sentOctets
	t.sentRTCP += o.sentRTCP
	t.unsent += o.unsent
}

func (s *side) agrees(payload uint8) bool {
	return s.all || s.agreed[payload>>6&1]>>(payload&63)&1 != 0
}

func (s *side) clockOf(payload uint8) uint32 {
	for i, p := range s.payloads {
		if p == payload && i < len(s.clocks) && s.clocks[i] > 0 {
			return s.clocks[i]
		}
	}
	return staticClock(payload)
}

// find gives the source of an SSRC and its place, nil where it is new.
func (s *side) find(ssrc uint32) (*source, int) {
	for i := range s.sources {
		if s.sources[i].ssrc == ssrc {
			return &s.sources[i], i
		}
	}
	return nil, 0
}

// admit takes in a new SSRC, unless there were more than a far end would have.
func (s *side) admit(ssrc uint32, now int64) (*source, int) {
	if s.allowance == 0 {
		if now-s.allowedAt < sourceEvery {
			return nil, 0
		}
		s.allowance = 1
	}
	s.allowance--
	s.allowedAt = now
	at := 0
	if len(s.sources) < maxSources {
		s.sources = append(s.sources, source{})
		at = len(s.sources) - 1
	} else {
		for i := range s.heard {
			if s.heard[i] < s.heard[at] {
				at = i
			}
		}
		s.retire(&s.sources[at])
	}
	s.sources[at] = source{ssrc: ssrc}
	return &s.sources[at], at
}

func (s *side) retire(o *source) {
	s.lost += o.lost()
	s.expected += o.lost() + int64(o.received)
}

// report says what came from a side. at turns the relay's time into the clock's.
func (s *side) report(at func(int64) time.Time) media.SideStats {
	t := &s.stats
	r := media.SideStats{
		Packets: t.packets, Octets: t.octets, RTCP: t.rtcp,
		Strange: t.strange, Forged: t.forged, Bad: t.bad, Replayed: t.replayed,
		Unagreed: t.unagreed, Held: t.held,
		Sent: t.sent, SentOctets: t.sentOctets, Unsent: t.unsent,
		First: at(s.first), Last: at(s.last), Lost: s.lost,
	}
	if s.rtp.held {
		r.Remote = s.rtp.to.addrPort()
	}
	expected, latest := s.expected, int64(-1)
	for i := range s.sources {
		o := &s.sources[i]
		r.Lost += o.lost()
		expected += o.lost() + int64(o.received)
		if s.heard[i] > latest {
			latest = s.heard[i]
			r.Jitter = o.milliseconds()
		}
	}
	if expected > 0 && t.packets > 0 {
		r.MOS = mos(r.Jitter, float64(r.Lost)/float64(expected))
	}
	return r
}
