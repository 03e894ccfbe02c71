package call

import (
	"fmt"
	"slices"
	"strings"
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

func (d *desk) checkRecord(r Record) {
	if r.Start.IsZero() || r.End.Before(r.Start.Time) || r.EndedBy == "" || r.Why == "" || r.Seconds < 0 {
		d.t.Fatalf("a record that says too little: %+v", r)
	}
	if r.Answer.IsZero() != (r.Status != 0) {
		d.t.Fatalf("a record with answer %s and status %d", r.Answer, r.Status)
	}
}

// do checks that an action fits its leg, and carries it out.
func (d *desk) do(c *deskCall, e Do) func() {
	l := d.legs[e.Leg]
	if l == nil {
		d.t.Fatalf("%T for leg %d, which nobody knows", e.Action, e.Leg)
	}
	if l.stillborn && !l.closed {
		return nil // MediaRefused is on its way
	}
	if l.closed || l.gone {
		d.t.Fatalf("%T for leg %s, which is over", e.Action, l.name)
	}
	if l.call != c {
		d.t.Fatalf("%T for leg %s, which is of call %s, by call %s", e.Action, l.name, l.call.id, c.id)
	}
	if _, dial := e.Action.(Dial); !l.began && !dial {
		d.t.Fatalf("%T for leg %s before it was dialled", e.Action, l.name)
	}
	if e.Pass != PassNothing && !d.pairs[[2]LegID{e.From, e.Leg}] && !d.pairs[[2]LegID{e.Leg, e.From}] {
		d.t.Fatalf("a body passes from %s to %s, and there is no session", d.name(e.From), l.name)
	}
	d.say("  %s: %s", l.name, actionWords(e, d))
	if e.Pass != PassNothing && d.refuseMedia != nil {
		if cause, no := d.refuseMedia(e); no {
			d.say("  media refuses that: %d %s", cause.Status, cause.Phrase)
			d.notDone(l, e.Action)
			return func() { d.step(l.call, MediaRefused{Do: e, Cause: cause}) }
		}
	}
	d.account(l, e.Action)
	return nil
}

// notDone: media stopped an action; what it would have settled stays owed.
func (d *desk) notDone(l *deskLeg, a LegAction) {
	if _, ok := a.(Dial); ok {
		l.gone, l.stillborn = true, true
	}
	if _, ok := a.(Connect); ok {
		l.ack = false // the call ends by MediaRefused, whatever is told before that
	}
}

// account takes down what an action settles, and what it makes the leg owe.
func (d *desk) account(l *deskLeg, a LegAction) {
	settle := func(owed map[uint32]bool, id uint32, what string) {
		if !owed[id] {
			d.t.Fatalf("leg %s: %s %d is answered, and nothing was asked", l.name, what, id)
		}
		delete(owed, id)
	}
	switch a := a.(type) {
	case Dial:
		if l.began {
			d.t.Fatalf("leg %s is dialled twice", l.name)
		}
		l.began, l.delayed = true, a.Offer.Empty()
	case Answer:
		if l.up || l.out || l.final {
			d.t.Fatalf("leg %s is answered twice, or never asked", l.name)
		}
		l.up = true
	case Ring:
		if l.up || l.out || l.final {
			d.t.Fatalf("leg %s rings, but it was answered or is no caller", l.name)
		}
	case Refuse:
		if l.up || l.out || l.final || a.Cause.Status < 300 || a.Cause.Status > 699 {
			d.t.Fatalf("leg %s is refused with %v", l.name, a.Cause)
		}
		l.final = true
	case Cancel:
		if l.up || !l.out || l.final {
			d.t.Fatalf("leg %s is cancelled, but it was answered or is a caller", l.name)
		}
		l.final = true
	case End:
		if !l.up {
			d.t.Fatalf("leg %s is ended, and was never answered", l.name)
		}
		l.final = true
	case Offer:
		if len(l.asked) > 0 || l.ack || l.waits {
			d.t.Fatalf("leg %s has an offer while another one is under way", l.name)
		}
		l.first(d.t, a.ID)
		l.asked[a.ID] = a.Body.Empty()
	case Connect:
		if !l.ack && !l.delayed {
			d.t.Fatalf("leg %s is told to send an ACK that it does not owe", l.name)
		}
		l.ack, l.delayed = false, false
	case Reply:
		settle(l.offered, a.ID, "offer")
		l.waits = a.Cause.Status == 0 && l.wished[a.ID]
	case ReferReply:
		settle(l.referred, a.ID, "REFER")
		if a.Cause.Status == 0 && !l.quiet[a.ID] {
			l.subscribed[a.ID] = true
		}
	case ReferNews:
		if !l.subscribed[a.ID] {
			d.t.Fatalf("leg %s is told of transfer %d, which was not accepted or is over", l.name, a.ID)
		}
		if a.Status >= 200 {
			delete(l.subscribed, a.ID)
		}
	case Tell:
		l.first(d.t, a.ID)
		l.tells[a.ID] = true
	case TellReply:
		settle(l.told, a.ID, "message")
	}
}

func (d *desk) findDialog(c *deskCall, e FindDialog) {
	c.finding = false
	var id LegID
	if d.find != nil {
		id = d.find(e.Dialog)
	}
	l := d.legs[id]
	if l == nil || l.call == c || l.call.given || l.call.over {
		d.say("nobody's")
		d.step(c, NotFound{ID: e.ID, Cause: Cause{Status: 481}})
		return
	}
	from := l.call
	estate, cause := from.HandOver(id, d.now)
	if estate == nil {
		d.say("call %s is not handed over: %d %s", from.id, cause.Status, cause.Phrase)
		d.step(c, NotFound{ID: e.ID, Cause: cause})
		return
	}
	from.given = true
	d.say("call %s is handed over", from.id)
	for _, id := range estate.Legs() {
		d.legs[id].call = c
	}
	d.step(c, Adopt{ID: e.ID, Estate: estate})
}

func (d *desk) giveBack(e GiveBack) {
	c := d.callNamed(e.Estate.call.cfg.ID)
	if !c.given {
		d.t.Fatalf("call %s comes back and was never given", c.id)
	}
	c.Call, c.given = Resume(d.config(c.id), e.Estate), false
	for _, l := range e.Estate.Legs() {
		d.legs[l].call = c
	}
	d.say("  call %s is given back", c.id)
}

// legName is a target in a word that no other leg has.
func (d *desk) legName(t Target) string {
	base := string(t.Number)
	if t.Kind != Phone {
		base += "@" + t.Name
	} else if t.Binding.Contact != "" {
		base += t.Binding.Contact
	}
	name := base
	for i := 2; d.named(name) != nil; i++ {
		name = fmt.Sprintf("%s~%d", base, i)
	}
	return name
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

func recordWords(r Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s", partyWords(r.From), partyWords(r.To))
	if r.Dialled != "" {
		fmt.Fprintf(&b, " (dialled %s)", r.Dialled)
	}
	if len(r.Diverted) > 0 {
		fmt.Fprintf(&b, ", forwarded by %s", strings.Join(r.Diverted, ", "))
	}
	if len(r.Transfers) > 0 {
		fmt.Fprintf(&b, ", transferred by %s", strings.Join(r.Transfers, ", "))
	}
	if r.Emergency {
		b.WriteString(", emergency")
	}
	if r.Answer.IsZero() {
		fmt.Fprintf(&b, ", not answered: %d %s", r.Status, r.Why)
	} else {
		fmt.Fprintf(&b, ", %gs: %s", r.Seconds, r.Why)
	}
	fmt.Fprintf(&b, ", ended by %s", r.EndedBy)
	return b.String()
}

func partyWords(p RecordParty) string {
	s := strings.TrimSpace(p.Kind + " " + string(p.Number))
	if p.Kind == "system" || p.Kind == "trunk" {
		s += "@" + p.System
	}
	if p.Guest {
		s += " (guest)"
	}
	return s
}

func bodyWords(e Do, b Body, d *desk) string {
	if b.Empty() {
		return ""
	}
	if e.Pass == PassNothing {
		return " [" + string(b.Data) + "]"
	}
	return fmt.Sprintf(" [%s %s of %s]", e.Pass, b.Data, d.name(e.From))
}

func causeWords(c Cause) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", c.Status, c.Phrase))
}

// actionWords is an action as an engineer would write it down.
func actionWords(e Do, d *desk) string {
	switch a := e.Action.(type) {
	case Ring:
		to := ""
		if a.To != (Party{}) {
			to = " of " + string(a.To.Number)
		}
		return fmt.Sprintf("%d%s%s", a.Status, to, bodyWords(e, a.Body, d))
	case Answer:
		return fmt.Sprintf("200 by %s%s", a.To.Number, bodyWords(e, a.Body, d))
	case Refuse:
		return causeWords(a.Cause)
	case Dial:
		return "INVITE " + dialWords(a) + bodyWords(e, a.Offer, d)
	case Cancel:
		return "CANCEL " + causeWords(a.Cause)
	case Connect:
		return "ACK" + bodyWords(e, a.Body, d)
	case Offer:
		if a.Body.Empty() {
			return fmt.Sprintf("re-INVITE %d without offer", a.ID)
		}
		return fmt.Sprintf("re-INVITE %d%s", a.ID, bodyWords(e, a.Body, d))
	case Reply:
		if a.Cause.Status != 0 {
			return fmt.Sprintf("its offer %d: %s", a.ID, causeWords(a.Cause))
		}
		return fmt.Sprintf("its offer %d: 200%s", a.ID, bodyWords(e, a.Body, d))
	case End:
		return strings.TrimSpace("BYE " + strings.TrimPrefix(causeWords(a.Cause), "0"))
	case ReferReply:
		if a.Cause.Status != 0 {
			return "its REFER: " + causeWords(a.Cause)
		}
		return "its REFER: 202"
	case ReferNews:
		return fmt.Sprintf("NOTIFY %d %s", a.Status, a.Phrase)
	case Tell:
		return fmt.Sprintf("%s %d%s", a.Method, a.ID, bodyWords(e, a.Body, d))
	case TellReply:
		return fmt.Sprintf("its message %d: %d", a.ID, a.Status)
	}
	return fmt.Sprintf("%#v", e.Action)
}

func dialWords(a Dial) string {
	s := fmt.Sprintf("%s from %s", a.To, a.From.Number)
	if len(a.Diverted) > 0 {
		s += " via " + strings.Join(a.Diverted, ", ")
	}
	if len(a.Visited) > 0 {
		s += " marks " + strings.Join(a.Visited, " ") + fmt.Sprintf(" hops %d", a.Hops)
	}
	if a.Patience > 0 {
		s += " patience " + a.Patience.String()
	}
	if a.Emergency {
		s += " emergency"
	}
	return s
}
