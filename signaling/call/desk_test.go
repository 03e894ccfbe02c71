package call

import (
	"fmt"
	"slices"
	"time"

	"roost/registrar"
)

// failer is what testing.T, testing.B and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// desk is a small switchboard: it carries effects out and checks what must be true
// of every call, whatever the legs do.
type desk struct {
	t       failer
	now     time.Time
	router  *book
	limits  Limits
	lastLeg LegID
	calls   []*deskCall
	legs    map[LegID]*deskLeg
	pairs   map[[2]LegID]bool
	busy    map[LegID]registrar.Number
	// said takes what happened, in words; nil: nobody listens.
	said func(string)
	// find decides FindDialog: the leg whose dialog it is, and 0 for none.
	find func(d DialogID) LegID
	// later takes what is to be done at another time; nil: it is done at once.
	later *[]func()
	// refuseMedia decides whether media takes the body of a Do.
	refuseMedia func(Do) (Cause, bool)
}

type deskCall struct {
	*Call
	id       string
	finished int
	over     bool
	given    bool // by HandOver
	finding  bool // FindDialog has no answer yet
}

// deskLeg is what is known of a leg: what it was told, what it told, what is owed.
type deskLeg struct {
	id    LegID
	name  string
	call  *deskCall
	out   bool
	began bool // Dial came, or it was Invited
	gone  bool // its far end ended it
	// stillborn: media refused its Dial.
	stillborn bool
	closed    bool // LegOver came
	final     bool // Refuse, End or Cancel was told
	up        bool // answered
	// owed replies, by ID.
	offered, referred, told map[uint32]bool
	subscribed              map[uint32]bool
	// asked are our Offers without an answer yet, true for those with an empty body;
	// ack says that a Connect is owed.
	asked map[uint32]bool
	tells map[uint32]bool
	ack   bool
	// delayed: its INVITE had no offer, so that its 2xx is answered in the ACK.
	delayed bool
	// wished are the Offered that want an offer; waits: it got one, and its ACK with
	// the answer is to come. quiet are the Referred that want no news.
	wished, quiet map[uint32]bool
	waits         bool
	used          map[uint32]bool
}

// first demands that an ID was not used for the leg before.
func (l *deskLeg) first(t failer, id uint32) {
	if l.used[id] {
		t.Fatalf("leg %s has two questions with ID %d", l.name, id)
	}
	l.used[id] = true
}

func newDesk(t failer, start time.Time) *desk {
	return &desk{t: t, now: start, router: newBook(), legs: map[LegID]*deskLeg{}, pairs: map[[2]LegID]bool{}, busy: map[LegID]registrar.Number{}}
}

func (d *desk) config(id string) Config {
	return Config{ID: id, System: "london", Router: d.router, NewLegID: d.newLeg, Limits: d.limits}
}

func (d *desk) newLeg() LegID {
	d.lastLeg++
	return d.lastLeg
}

func (d *desk) addLeg(id LegID, name string, c *deskCall, out bool) *deskLeg {
	if d.legs[id] != nil {
		d.t.Fatalf("leg %d is used twice", id)
	}
	l := &deskLeg{
		id: id, name: name, call: c, out: out, offered: map[uint32]bool{}, referred: map[uint32]bool{}, told: map[uint32]bool{},
		wished: map[uint32]bool{}, quiet: map[uint32]bool{}, used: map[uint32]bool{}, subscribed: map[uint32]bool{}, asked: map[uint32]bool{}, tells: map[uint32]bool{},
	}
	d.legs[id] = l
	return l
}

// invite makes a call of a new leg.
func (d *desk) invite(name string, ev Invited) *deskLeg {
	id := fmt.Sprintf("c%d", len(d.calls)+1)
	c := &deskCall{Call: New(d.config(id)), id: id}
	d.calls = append(d.calls, c)
	ev.Leg = d.newLeg()
	l := d.addLeg(ev.Leg, name, c, false)
	l.began = true
	d.step(c, ev)
	return l
}

// takePlace brings a new leg that wants the place of old.
func (d *desk) takePlace(name string, old *deskLeg, by Invited) *deskLeg {
	by.Leg = d.newLeg()
	by.Replaces = &DialogID{CallID: old.name}
	l := d.addLeg(by.Leg, name, old.call, false)
	l.began = true
	d.step(old.call, Replace{Leg: old.id, By: by})
	return l
}

// tell brings a leg's event in, and takes down what it means for what is owed.
func (d *desk) tell(ev LegEvent) {
	l := d.legs[LegOf(ev)]
	switch ev := ev.(type) {
	case Refused, Cancelled, Ended:
		l.gone = true
	case Answered:
		l.up = true
	case Connected:
		l.waits = false
	case Offered:
		l.offered[ev.ID], l.wished[ev.ID] = true, ev.Body.Empty()
	case Referred:
		l.referred[ev.ID], l.quiet[ev.ID] = true, ev.Quiet
	case Told:
		l.told[ev.ID] = true
	case Agreed:
		if wish, ok := l.asked[ev.ID]; ok {
			delete(l.asked, ev.ID)
			l.ack = wish && ev.Cause.Status == 0 && !ev.Body.Empty()
		}
	}
	if l.closed && !l.gone {
		// Nobody answers what comes after the end.
		clear(l.offered)
		clear(l.referred)
		clear(l.told)
	}
	d.step(l.call, ev)
}

// step brings an event in and carries out what it asks for, again and again.
func (d *desk) step(c *deskCall, ev Event) {
	var further []func()
	for _, e := range slices.Clone(c.Step(ev, d.now)) {
		if f := d.carryOut(c, e); f != nil {
			further = append(further, f)
		}
	}
	for _, f := range further {
		f()
	}
	if next, ok := c.Next(); ok && c.over {
		d.t.Fatalf("call %s is over and wants a tick at %s", c.id, next)
	}
}

func (d *desk) say(format string, args ...any) {
	if d.said != nil {
		d.said(fmt.Sprintf(format, args...))
	}
}

func (d *desk) name(id LegID) string {
	if l := d.legs[id]; l != nil {
		return l.name
	}
	return fmt.Sprintf("leg %d", id)
}

func (d *desk) carryOut(c *deskCall, e Effect) func() {
	if c.over && !turnsAway(e) {
		d.t.Fatalf("call %s: %T after Over", c.id, e)
	}
	switch e := e.(type) {
	case NewLeg:
		d.addLeg(e.Leg, d.legName(e.Target), c, true)
	case Do:
		return d.do(c, e)
	case Pair:
		d.pair(e)
	case Unpair:
		if !d.pairs[[2]LegID{e.A, e.B}] {
			d.t.Fatalf("no session of %s and %s to close", d.name(e.A), d.name(e.B))
		}
		delete(d.pairs, [2]LegID{e.A, e.B})
		d.say("  media of %s and %s closes", d.name(e.A), d.name(e.B))
	case Busy:
		if d.busy[e.Leg] != "" || e.Phone == "" {
			d.t.Fatalf("leg %s is busy twice", d.name(e.Leg))
		}
		d.busy[e.Leg] = e.Phone
		d.say("  %s is busy", e.Phone)
	case Free:
		if d.busy[e.Leg] != e.Phone {
			d.t.Fatalf("leg %s is freed and was not busy", d.name(e.Leg))
		}
		delete(d.busy, e.Leg)
		d.router.freed(e.Phone, d.now)
		d.say("  %s is free", e.Phone)
	case LegOver:
		d.legOver(e)
	case FindDialog:
		d.say("  whose dialog is %s?", e.Dialog.CallID)
		c.finding = true
		if d.later != nil {
			*d.later = append(*d.later, func() { d.findDialog(c, e) })
			return nil
		}
		return func() { d.findDialog(c, e) }
	case GiveBack:
		d.giveBack(e)
	case Changed:
		d.say("  call %s: %s", c.id, e.State)
	case Noted:
		d.say("  counted: %s (%s)", e.Counter, e.Text)
	case Finished:
		c2 := d.callNamed(e.Record.ID)
		c2.finished++
		if c2.finished > 1 {
			d.t.Fatalf("call %s has %d records", c2.id, c2.finished)
		}
		d.checkRecord(e.Record)
		d.say("  record %s: %s", c2.id, recordWords(e.Record))
	case Over:
		if c.finding {
			d.t.Fatalf("call %s is over, and has asked for a dialog", c.id)
		}
		c.over = true
		d.say("  call %s is over", c.id)
	}
	return nil
}

// turnsAway are the effects that a call may still have once it is over.
func turnsAway(e Effect) bool {
	if do, ok := e.(Do); ok {
		_, ok = do.Action.(Refuse)
		return ok
	}
	switch e.(type) {
	case LegOver, GiveBack, Noted:
		return true
	}
	return false
}

func (d *desk) callNamed(id string) *deskCall {
	for _, c := range d.calls {
		if c.id == id {
			return c
		}
	}
	d.t.Fatalf("no call %s", id)
	return nil
}

func (d *desk) pair(e Pair) {
	if d.pairs[[2]LegID{e.A, e.B}] || d.pairs[[2]LegID{e.B, e.A}] {
		d.t.Fatalf("%s and %s have a session already", d.name(e.A), d.name(e.B))
	}
	d.pairs[[2]LegID{e.A, e.B}] = true
	d.say("  media for %s and %s%s", d.name(e.A), d.name(e.B), map[bool]string{true: ", emergency"}[e.Emergency])
}

func (d *desk) legOver(e LegOver) {
	l := d.legs[e.Leg]
	if l.closed {
		d.t.Fatalf("leg %s is over twice", l.name)
	}
	l.closed = true
	if !l.gone && !l.final && l.began {
		d.t.Fatalf("leg %s is over, and neither it nor we ended it", l.name)
	}
	for what, owed := range map[string]map[uint32]bool{"offer": l.offered, "REFER": l.referred, "message": l.told, "transfer": l.subscribed} {
		if len(owed) > 0 && !l.gone {
			d.t.Fatalf("leg %s is ended, and its %s has no answer", l.name, what)
		}
	}
}

// named is the leg of that name that is not over, or the last one that was.
func (d *desk) named(name string) (found *deskLeg) {
	for id := LegID(1); id <= d.lastLeg; id++ {
		if l := d.legs[id]; l != nil && l.name == name {
			found = l
		}
	}
	return found
}

// run lets the time pass until end, with every tick that is asked for.
func (d *desk) run(end time.Time) {
	for {
		var at time.Time
		var who *deskCall
		for _, c := range d.calls {
			if next, ok := c.Next(); ok && !c.given && !next.After(end) && (who == nil || next.Before(at)) {
				at, who = next, c
			}
		}
		if who == nil {
			break
		}
		d.now = at
		d.say("time passes")
		d.step(who, Tick{})
		if next, ok := who.Next(); ok && !next.After(at) {
			d.t.Fatalf("call %s wants a tick at %s again", who.id, at)
		}
	}
	d.now = end
}

// checkOver demands that nothing is left of any call.
func (d *desk) checkOver() {
	for _, c := range d.calls {
		if !c.over && !c.given {
			d.t.Fatalf("call %s has no end: %+v", c.id, c.View())
		}
		if c.finished != 1 {
			d.t.Fatalf("call %s has %d records", c.id, c.finished)
		}
	}
	for _, l := range d.legs {
		if !l.closed && l.began {
			d.t.Fatalf("leg %s is left over", l.name)
		}
		if l.up && !l.final && !l.gone {
			d.t.Fatalf("leg %s was answered and never ended", l.name)
		}
		if l.ack && !l.final && !l.gone {
			d.t.Fatalf("leg %s waits for a Connect", l.name)
		}
	}
	if len(d.busy) > 0 || len(d.pairs) > 0 {
		d.t.Fatalf("left over: busy %v, sessions %v", d.busy, d.pairs)
	}
}
