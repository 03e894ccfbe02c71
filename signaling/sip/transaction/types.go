package transaction

import "time"

// State is where a transaction stands. The zero State is before Start.
type State uint8

// The states of RFC 3261 §17 and RFC 6026 §7.
const (
	Initial    State = iota
	Calling          // INVITE client: no response yet
	Trying           // non-INVITE: no response yet
	Proceeding       // provisional responses only
	Accepted         // INVITE: 2xx seen or sent (RFC 6026)
	Completed        // a final response that is no 2xx of an INVITE
	Confirmed        // INVITE server: the ACK came
	Terminated
)

// String gives the name that the RFC uses.
func (s State) String() string {
	names := [...]string{"Initial", "Calling", "Trying", "Proceeding", "Accepted", "Completed", "Confirmed", "Terminated"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Effects is what is to be done after a step. The order is that of the fields.
type Effects struct {
	// Send is a message to write now; nil for none. It is kept for repetition: it
	// must not be changed.
	Send []byte
	// Deliver: hand the message that came to the transaction's user.
	Deliver bool
	// TimedOut: no final response (client), no ACK (INVITE server) came in time.
	TimedOut bool
	// Failed: the transport could not send.
	Failed bool
	// Ended: the transaction is over and may be forgotten.
	Ended bool
}

// Timers are the base values of RFC 3261 §17.1.1.1. The zero value means
// DefaultTimers.
type Timers struct {
	// T1 is the round-trip estimate, 500 ms; T2 the most between repetitions of a
	// non-INVITE request or an INVITE's response, 4 s; T4 how long a message may
	// stay in the network, 5 s.
	T1, T2, T4 time.Duration
}

// DefaultTimers are those of the RFC.
func DefaultTimers() Timers {
	return Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second, T4: 5 * time.Second}
}

// OrDefault fills in what was not set.
func (t Timers) OrDefault() Timers {
	d := DefaultTimers()
	if t.T1 <= 0 {
		t.T1 = d.T1
	}
	if t.T2 <= 0 {
		t.T2 = d.T2
	}
	if t.T4 <= 0 {
		t.T4 = d.T4
	}
	return t
}

// Span is 64*T1: timers B, F, H, J, L, M, and how long a 2xx is repeated.
func (t Timers) Span() time.Duration { return 64 * t.T1 }

// completedD is Timer D over UDP: more than 32 s (RFC 3261 §17.1.1.2).
func (t Timers) completedD() time.Duration { return max(t.Span(), 32*time.Second) }

// Repeat is a message that is sent again and again until it is answered: first
// after T1, then after twice the time before, at most after T2 where capped, until
// the end. The zero Repeat is at rest.
type Repeat struct {
	at, end time.Time
	wait    time.Duration
	most    time.Duration
}

// Begin starts the repetition of what was sent at now. Without repetition
// (reliable) only the end is waited for.
func (r *Repeat) Begin(now time.Time, first, most, span time.Duration, repeats bool) {
	*r = Repeat{end: now.Add(span), wait: first, most: most}
	if repeats {
		r.at = now.Add(first)
	}
}

// Stop ends it.
func (r *Repeat) Stop() { *r = Repeat{} }

// Running tells whether it was begun and not stopped.
func (r *Repeat) Running() bool { return !r.end.IsZero() }

// Slow goes on with the longest wait (RFC 3261 §17.1.2.2, Proceeding).
func (r *Repeat) Slow() {
	if r.most > 0 {
		r.wait = r.most
	}
}

// Due tells whether to send again, and whether the end has come.
func (r *Repeat) Due(now time.Time) (again, over bool) {
	if !r.Running() {
		return false, false
	}
	if !now.Before(r.end) {
		return false, true
	}
	if r.at.IsZero() || now.Before(r.at) {
		return false, false
	}
	r.wait *= 2
	if r.most > 0 && r.wait > r.most {
		r.wait = r.most
	}
	r.at = now.Add(r.wait)
	return true, false
}

// Next gives when Due is due, the zero time for never.
func (r *Repeat) Next() time.Time {
	if !r.at.IsZero() && r.at.Before(r.end) {
		return r.at
	}
	return r.end
}
