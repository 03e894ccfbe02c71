package call

import (
	"time"
)

// State is how a call stands.
type State uint8

// The states.
const (
	// Setup: nothing rings yet.
	Setup State = iota
	// Alerting: somebody rings.
	Alerting
	// Talking: two legs are connected, and neither holds.
	Talking
	// Held: one side or both hold.
	Held
	// Transferring: a transfer is under way.
	Transferring
	// Done: the conversation is over.
	Done
)

// String gives the state in a word.
func (s State) String() string {
	return [...]string{"setup", "alerting", "talking", "held", "transferring", "done", "", ""}[s&7]
}

// View is how a call stands, for status and for the mirror.
type View struct {
	ID        string
	State     State
	Start     time.Time
	Answer    time.Time // zero: not answered
	From, To  RecordParty
	Dialled   string
	Emergency bool
	// HeldBy are the legs whose far end holds.
	HeldBy []LegID
	// Talk are the two legs that talk to each other; zero before that.
	Talk [2]LegID
	Legs []LegView
}

// Stable: connected, not held, and both ends are phones here (VP3).
func (v View) Stable() bool {
	return v.State == Talking && v.From.Kind == "phone" && v.To.Kind == "phone"
}

// LegView is one leg.
type LegView struct {
	ID LegID
	// Out: we dialled it.
	Out    bool
	Target Target // of an outgoing leg; its Kind, Name and Number are of any
	// State is "invited", "dialling", "ringing", "answered", "up", "cancelling".
	State string
	Since time.Time
}

// View is how the call stands. It shares nothing with the call.
func (c *Call) View() View {
	v := View{
		ID: c.cfg.ID, State: c.state, Start: c.start, Answer: c.answer,
		From: c.rec.From, To: c.rec.To, Dialled: c.dialled, Emergency: c.emergency, Talk: c.talk,
		Legs: make([]LegView, 0, len(c.legs)),
	}
	for _, l := range c.legs {
		if l.holds {
			v.HeldBy = append(v.HeldBy, l.id)
		}
		v.Legs = append(v.Legs, LegView{ID: l.id, Out: l.out, Target: l.target, State: l.state.String(), Since: l.since})
	}
	return v
}
