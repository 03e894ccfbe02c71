package call

import (
	"time"
)

// Call is one call: its legs, what is tried, who talks to whom. It is used by one
// goroutine at a time.
type Call struct {
	cfg     Config
	now     time.Time
	effects []Effect
}

// New makes a call that knows nothing yet. Its first event is Invited.
func New(cfg Config) *Call {
	cfg.Limits = cfg.Limits.withDefaults()
	return &Call{cfg: cfg}
}

// Step takes one event in and gives what is to be done. The slice is the call's
// own and valid until its next Step.
func (c *Call) Step(ev Event, now time.Time) []Effect {
	_ = ev
	c.now = now
	return c.effects
}

// Next is when the call wants a Tick; false if it waits for no time.
func (c *Call) Next() (time.Time, bool) { return time.Time{}, false }

// HandOver gives all legs of the call away, to the call that asked by FindDialog
// for the dialog of leg. The call is over then, without Finished and Over. It is
// refused with a Cause where the call is not connected or is in a change.
func (c *Call) HandOver(leg LegID, now time.Time) (*Estate, Cause) {
	_, _ = leg, now
	return nil, Cause{Status: 481}
}

// Resume makes a call again of an estate that came back (GiveBack).
func Resume(cfg Config, e *Estate) *Call {
	_ = e
	return New(cfg)
}

// Estate is a call on its way from one Call to another. It is used once.
type Estate struct{}

// Legs are the legs in it; their events belong to the call that takes it.
func (e *Estate) Legs() []LegID { return nil }
