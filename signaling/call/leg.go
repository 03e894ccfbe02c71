package call

import (
	"slices"
	"time"

	"roost/registrar"
)

// legState is how a leg stands, seen from the call.
type legState uint8

const (
	legInvited    legState = iota + 1 // in: it waits for our answer
	legDialling                       // out: nothing came yet
	legRinging                        // out: a provisional answer came
	legAnswered                       // in: our 200 waits for its ACK; out: its 2xx for our Connect
	legUp                             // both ways
	legCancelling                     // out: we gave it up, and it has not said that it is over
	legOver
)

func (s legState) String() string {
	return [...]string{"", "invited", "dialling", "ringing", "answered", "up", "cancelling", "over"}[s&7]
}

// leg is one leg of the call.
type leg struct {
	id     LegID
	out    bool
	target Target // of an incoming leg as well: Kind, Name and Number
	party  Party  // as the other end is to see it
	guest  bool
	agent  string
	state  legState
	since  time.Time
	// deadline is when the leg has failed to do what it must; zero: none.
	deadline time.Time
	// leaf is its place in the hunt, while it is tried.
	leaf *node
	// early is the last body that came before the answer.
	early Body
	// why it is cancelled.
	why Cause
	// holds: its far end holds the other.
	holds bool
	// estate: the leg came by Adopt and is not joined yet.
	estate bool

	// What its far end still waits for, 0: nothing.
	offered, referred uint32
}

func (l *leg) phone() registrar.Number {
	if l.target.Kind == Phone {
		return l.target.Number
	}
	return ""
}

// incoming makes the leg of an Invited.
func (c *Call) incoming(ev Invited) *leg {
	l := &leg{
		id: ev.Leg, target: Target{Kind: ev.Peer, Name: ev.PeerName, Number: ev.From.Number},
		party: ev.From, guest: ev.Guest, agent: ev.Agent, state: legInvited, since: c.now,
	}
	c.enter(l)
	return l
}

func (c *Call) enter(l *leg) {
	c.legs = append(c.legs, l)
	if n := l.phone(); n != "" {
		c.do(Busy{Phone: n, Leg: l.id})
	}
}

func (c *Call) leg(id LegID) *leg {
	for _, l := range c.legs {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (c *Call) do(e Effect) { c.effects = append(c.effects, e) }

// tell tells a leg something whose body, if any, needs no media session.
func (c *Call) tell(l *leg, a LegAction) { c.do(Do{Leg: l.id, Action: a}) }

// pass tells a leg something whose body came from another one.
func (c *Call) pass(l *leg, a LegAction, p Pass, from *leg) {
	c.do(Do{Leg: l.id, Action: a, Pass: p, From: from.id})
}

func (l *leg) become(s legState, now, deadline time.Time) {
	l.state, l.since, l.deadline = s, now, deadline
}

// end makes a leg go away, by whatever its state asks for. What its far end
// still waits for is answered first.
func (c *Call) end(l *leg, cause Cause) {
	switch l.state {
	case legInvited:
		c.settle(l)
		c.tell(l, Refuse{Cause: refusal(cause)})
		c.legOver(l)
	case legDialling, legRinging:
		c.settle(l)
		c.tell(l, Cancel{Cause: cause})
		c.unpairAll(l)
		l.leaf, l.why = nil, Cause{Phrase: cause.why()}
		l.become(legCancelling, c.now, c.now.Add(c.cfg.Limits.Exchange))
	case legAnswered, legUp:
		c.settle(l)
		c.tell(l, End{Cause: cause})
		c.legOver(l)
	}
}

// settle answers what a leg's far end still waits for, before the leg is ended.
func (c *Call) settle(l *leg) {
	if l.offered != 0 {
		c.reply(l, Cause{Status: 487, Phrase: "the call ends"})
	}
	if l.referred != 0 {
		c.tell(l, ReferReply{ID: l.referred, Cause: Cause{Status: 487, Phrase: "the call ends"}})
		l.referred = 0
	}
	c.settleTold(l)
}

// legOver: nothing is asked of the leg any more.
func (c *Call) legOver(l *leg) {
	if l.state == legOver {
		return
	}
	c.unpairAll(l)
	c.forgetTold(l)
	c.exchangeLost(l)
	l.become(legOver, c.now, time.Time{})
	l.leaf, l.offered, l.referred = nil, 0, 0
	c.legs = slices.DeleteFunc(c.legs, func(o *leg) bool { return o == l })
	c.do(LegOver{Leg: l.id})
	if n := l.phone(); n != "" {
		c.do(Free{Phone: n, Leg: l.id})
	}
}

// reply refuses what a leg offered.
func (c *Call) reply(l *leg, cause Cause) {
	c.tell(l, Reply{ID: l.offered, Cause: cause})
	l.offered = 0
}

// pair opens the media session of two legs, once.
func (c *Call) pair(a, b *leg) {
	if slices.Contains(c.pairs, [2]LegID{a.id, b.id}) || slices.Contains(c.pairs, [2]LegID{b.id, a.id}) {
		return
	}
	c.pairs = append(c.pairs, [2]LegID{a.id, b.id})
	c.do(Pair{A: a.id, B: b.id, Emergency: c.emergency})
}

func (c *Call) unpairAll(l *leg) {
	c.unpairIf(func(p [2]LegID) bool { return p[0] == l.id || p[1] == l.id })
}

func (c *Call) unpairIf(match func([2]LegID) bool) {
	c.pairs = slices.DeleteFunc(c.pairs, func(p [2]LegID) bool {
		if !match(p) {
			return false
		}
		c.do(Unpair{A: p[0], B: p[1]})
		return true
	})
}

func (l *leg) record(system string) RecordParty {
	p := RecordParty{Number: l.party.Number, Name: l.party.Name, Kind: l.target.Kind.String(), System: system, Guest: l.guest, Agent: l.agent}
	if l.target.Kind != Phone {
		p.System = l.target.Name
	}
	return p
}
