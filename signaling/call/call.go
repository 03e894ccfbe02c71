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

	legs  []*leg // those that are not over
	pairs [][2]LegID
	// a and b talk to each other; before the answer a is the caller and b nil.
	a, b *leg

	hunt     *hunt
	exchange *exchange
	transfer *transfer
	join     *join
	reoffer  bool // wanted, once both are up
	told     []told
	// find is the FindDialog that has no answer yet, 0: none.
	find         uint32
	findDeadline time.Time
	lastID       uint32
	tries        int
	lookups      int

	start, answer time.Time
	dialled       string
	diverted      []string
	emergency     bool
	rec           Record // From, To and Transfers as they are now

	done, over bool
	state      State
	talk       [2]LegID
}

// New makes a call that knows nothing yet. Its first event is Invited.
func New(cfg Config) *Call {
	cfg.Limits = cfg.Limits.withDefaults()
	return &Call{cfg: cfg}
}

// Step takes one event in and gives what is to be done. The slice is the call's
// own and valid until its next Step.
func (c *Call) Step(ev Event, now time.Time) []Effect {
	clear(c.effects)
	c.now, c.effects = now, c.effects[:0]
	switch ev := ev.(type) {
	case Tick:
		c.tick()
	case Invited:
		c.invited(ev)
	case MediaRefused:
		c.mediaRefused(ev)
	case MediaSilent:
		c.mediaSilent(ev)
	case Reoffer:
		c.reofferAsked(ev)
	case HangUp:
		c.finish(bySystem, ev.Cause)
	case Adopt:
		c.adopt(ev)
	case NotFound:
		c.notFound(ev)
	case Replace:
		c.replace(ev)
	case LegEvent:
		// What a leg tells after it is over came too late to matter.
		if l := c.leg(LegOf(ev)); l != nil {
			c.legEvent(l, ev)
		}
	}
	c.reofferNow()
	c.settleState()
	return c.effects
}

func (c *Call) legEvent(l *leg, ev LegEvent) {
	switch ev := ev.(type) {
	case Ringing:
		c.ringing(l, ev)
	case Answered:
		c.answered(l, ev)
	case Connected:
		c.connected(l, ev)
	case Refused:
		c.refused(l, ev)
	case Cancelled:
		c.cancelled(l, ev)
	case Offered:
		c.offered(l, ev)
	case Agreed:
		c.agreed(l, ev)
	case Ended:
		c.ended(l, ev)
	case Referred:
		c.referred(l, ev)
	case Told:
		c.tolds(l, ev)
	case ToldReply:
		c.toldReply(l, ev)
	}
}

// settleState tells what changed, and that all is over once it is.
func (c *Call) settleState() {
	if c.over {
		return
	}
	state, talk := c.currentState(), [2]LegID{}
	if c.a != nil && c.b != nil && !c.done {
		talk = [2]LegID{c.a.id, c.b.id}
	}
	if state != c.state || talk != c.talk {
		c.state, c.talk = state, talk
		c.do(Changed{State: state, At: c.now})
	}
	if c.done && len(c.legs) == 0 && c.find == 0 {
		c.over = true
		c.do(Over{})
	}
}

func (c *Call) currentState() State {
	switch {
	case c.done:
		return Done
	case c.transfer != nil || c.join != nil && c.join.kind != joinReoffer:
		return Transferring
	case c.a != nil && c.b != nil && (c.a.holds || c.b.holds):
		return Held
	case c.a != nil && c.b != nil:
		return Talking
	case c.hunt != nil && c.hunt.rang.Status != 0:
		return Alerting
	default:
		return Setup
	}
}

// Done tells that the conversation is over, though a leg may still have to end.
func (c *Call) Done() bool { return c.done }
