package call

import "time"

// Config is what a call is made with.
type Config struct {
	// ID is the call's name in logs and records.
	ID string
	// System is our name: it stands in records and, with the number, in loop marks.
	System string
	Router Router
	// NewLegID gives a name that no leg had before.
	NewLegID func() LegID
	Limits   Limits
}

// Limits are the bounds of a call. A zero field is its default.
type Limits struct {
	// RingFor is how long a phone rings, 60 s.
	RingFor time.Duration
	// MemberRingFor is how long a group's member rings, 15 s.
	MemberRingFor time.Duration
	// TimerC is how long after its last provisional answer a leg is given up (RFC
	// 3261 §16.8): 181 s, more than three minutes.
	TimerC time.Duration
	// TrunkPatience is how long a trunk may be wholly silent before the next one is
	// tried, 6 s.
	TrunkPatience time.Duration
	// Exchange is how long a leg may take to answer an offer, a message, or to end
	// after Cancel: 70 s, more than any SIP transaction with its retries.
	Exchange time.Duration
	// Branches is how many legs may ring at once, 16.
	Branches int
	// Tries is how many legs a call may dial in all, 64.
	Tries int
	// Forwards is how often a call may be forwarded, 5.
	Forwards int
}

func (l Limits) withDefaults() Limits {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	orInt := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	or(&l.RingFor, time.Minute)
	or(&l.MemberRingFor, 15*time.Second)
	or(&l.TimerC, 181*time.Second)
	or(&l.TrunkPatience, 6*time.Second)
	or(&l.Exchange, 70*time.Second)
	orInt(&l.Branches, 16)
	orInt(&l.Tries, 64)
	orInt(&l.Forwards, 5)
	return l
}
