package voice

import (
	"time"
)

// What counts as what, wall-clock time.
const (
	// Frame is how much voice a frame carries.
	Frame = 20 * time.Millisecond
	// GapFrom is the shortest silence between two frames that is listed as a gap:
	// above what jitter of a busy machine makes.
	GapFrom = 60 * time.Millisecond
	// LostAfter is how long nothing is heard until the voice counts as lost.
	LostAfter = 500 * time.Millisecond
	// BeginsWithin is how long the first frame may take after listening began, until
	// the voice counts as lost: the answer has to reach the far end, which a lost
	// datagram alone puts off by 500 ms.
	BeginsWithin = 2 * time.Second
)

// Bounds of an account.
const (
	maxGaps  = 64
	maxTones = 8
)

// Change is what a Path says when something is different from before.
type Change struct {
	Kind Kind
	// At is when it began to be so: for Lost when the last frame had been heard.
	At time.Time
	// Tone is what is heard, or was, in Hz.
	Tone float64
	// For is how long: of Began after listening began (or after it was lost), of Gap
	// its length.
	For time.Duration
}

// Kind is a kind of Change.
type Kind string

// The kinds of Change.
const (
	None  Kind = ""
	Began Kind = "began" // a voice is heard, or another one than before
	Gap   Kind = "gap"   // it was interrupted, and goes on
	Lost  Kind = "lost"  // nothing for LostAfter, or for BeginsWithin at the beginning
)

// Path is the account of one direction. The zero Path expects no voice.
type Path struct {
	// Own is the listener's own tone, in Hz: hearing it is an echo, no voice.
	Own func(hz float64) bool

	listening bool
	since     time.Time // listening since
	last      time.Time // the last good frame since then, zero for none
	tone      float64
	lost      bool
	lostAt    time.Time
	account   Account
}

// Account is what was heard in all.
type Account struct {
	// Tones in the order of their first frame, at most 8.
	Tones []Tone
	// Frames with a tone, without one, and with the listener's own.
	Good, Silent, Echoed int
	// Gaps are the first 64; Count, Longest and Sum are of all.
	Gaps         []Interval
	Count        int
	Longest, Sum time.Duration
	// Losses is how often the voice was lost; LostAt when it was last heard before
	// the loss that lasts still, zero if there is none.
	Losses int
	LostAt time.Time
	// First and Last good frame.
	First, Last time.Time
}

// Tone is one tone that was heard.
type Tone struct {
	Hz     float64
	Frames int
}

// Interval is a gap: its beginning is the last frame before it.
type Interval struct {
	At  time.Time
	For time.Duration
}

// Listen begins to expect a voice, Pause ceases (hold): silence in between is
// no gap.
func (p *Path) Listen(now time.Time) {
	if !p.listening {
		p.listening, p.since, p.last, p.lost, p.lostAt = true, now, time.Time{}, false, time.Time{}
	}
}

// Pause ceases to expect a voice.
func (p *Path) Pause() { p.listening, p.lost, p.tone = false, false, 0 }

// Hear takes a frame with the tone that was heard in it, 0 for none.
func (p *Path) Hear(now time.Time, hz float64) Change {
	switch {
	case hz <= 0:
		p.account.Silent++
		return Change{}
	case p.Own != nil && p.Own(hz):
		p.account.Echoed++
		return Change{}
	}
	p.count(now, hz)
	if !p.listening {
		return Change{}
	}
	began := p.last
	if began.IsZero() {
		began = p.since
	}
	quiet := now.Sub(began)
	fresh, was := p.last.IsZero() || p.lost, p.tone
	p.last, p.lost, p.tone = now, false, hz
	switch {
	case fresh:
		if !p.lostAt.IsZero() {
			p.gap(began, quiet-Frame)
		}
		p.lostAt = time.Time{}
		return Change{Began, now, hz, quiet}
	case was != 0 && !near(was, hz):
		return Change{Began, now, hz, quiet}
	case quiet-Frame >= GapFrom:
		p.gap(began, quiet-Frame)
		return Change{Gap, began, hz, quiet - Frame}
	}
	return Change{}
}

// Other takes what came in the voice's place for the time of a frame, such as a
// digit (RFC 4733): a voice that is heard goes on behind it.
func (p *Path) Other(now time.Time) {
	if p.listening && !p.lost && !p.last.IsZero() {
		p.last = now
	}
}

func (p *Path) count(now time.Time, hz float64) {
	a := &p.account
	a.Good++
	if a.First.IsZero() {
		a.First = now
	}
	a.Last = now
	for i := range a.Tones {
		if near(a.Tones[i].Hz, hz) {
			a.Tones[i].Frames++
			return
		}
	}
	if len(a.Tones) < maxTones {
		a.Tones = append(a.Tones, Tone{hz, 1})
	}
}

func (p *Path) gap(at time.Time, length time.Duration) {
	a := &p.account
	a.Count++
	a.Sum += length
	a.Longest = max(a.Longest, length)
	if len(a.Gaps) < maxGaps {
		a.Gaps = append(a.Gaps, Interval{at, length})
	}
}

// Look says whether the voice was lost since the last look. It is called now and
// then, such as for each frame time.
func (p *Path) Look(now time.Time) Change {
	from, limit := p.last, LostAfter
	if from.IsZero() {
		from, limit = p.since, BeginsWithin
	}
	if !p.listening || p.lost || now.Sub(from) < limit {
		return Change{}
	}
	p.lost, p.lostAt = true, from
	p.account.Losses++
	return Change{Lost, from, p.tone, now.Sub(from)}
}

// Hears says whether a voice is heard at present, and its tone.
func (p *Path) Hears() (float64, bool) {
	return p.tone, p.listening && !p.lost && !p.last.IsZero()
}

// Account is the account so far.
func (p *Path) Account() Account {
	account := p.account
	account.Gaps = append([]Interval(nil), p.account.Gaps...)
	account.Tones = append([]Tone(nil), p.account.Tones...)
	if p.lost {
		account.LostAt = p.lostAt
	}
	return account
}

// near: two frames of one tone; phones' tones are 50 Hz apart.
func near(a, b float64) bool { return a-b < 20 && b-a < 20 }
