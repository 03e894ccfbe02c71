package call

import (
	"fmt"
)

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
