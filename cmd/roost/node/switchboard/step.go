package switchboard

import (
	"runtime/debug"
	"slices"
	"time"

	"roost/signaling/call"
)

func stack() []byte { return debug.Stack() }

// step lets one event into the call and carries out what it asks for. Bodies that the
// media refused are told right after, before anything else.
func (e *entry) step(ev call.Event, now time.Time) {
	e.b.count.events.Add(1)
	switch is := ev.(type) {
	case call.Agreed:
		if is.Cause.Status != 0 {
			e.rollbackAt(is.Leg)
		}
	case call.Refused:
		if e.again(is) {
			return
		}
	case call.Answered:
		delete(e.dials, is.Leg)
	case call.Ended:
		if e.orphaned(is, now) {
			return
		}
	}
	e.carry(e.call.Step(ev, now), now)
	for len(e.refused) > 0 && !e.over.Load() {
		refused := e.refused[0]
		e.refused = slices.Delete(e.refused, 0, 1)
		e.carry(e.call.Step(refused, now), now)
	}
	e.refused = nil
}

func (e *entry) carry(effects []call.Effect, now time.Time) {
	for _, effect := range effects {
		e.effect(effect, now)
	}
}

func (e *entry) effect(effect call.Effect, now time.Time) {
	b := e.b
	switch fx := effect.(type) {
	case call.NewLeg:
		b.enter(e, &Leg{ID: fx.Leg, Kind: fx.Target.Kind, Name: fx.Target.Name, Number: fx.Target.Number, Target: fx.Target, Out: true, Emergency: fx.Emergency})
	case call.Do:
		e.do(fx)
	case call.Pair:
		e.pair(fx)
	case call.Unpair:
		e.unpair(fx.A, fx.B)
	case call.Busy:
		e.busy = append(e.busy, fx)
		b.busy.began(fx.Phone)
		b.o.Observer.Busy(fx.Phone)
	case call.Free:
		e.free(fx)
	case call.LegOver:
		delete(e.dials, fx.Leg)
		e.legOver(fx.Leg)
	case call.FindDialog:
		e.find(fx)
	case call.GiveBack:
		b.giveBack(e, fx.Estate, now)
	case call.Changed:
		e.altered = true
	case call.Noted:
		b.count.noted(fx.Counter)
		b.quiet.Info(string(fx.Counter)).Str("call", e.id).Str("what", string(fx.Counter)).Msg(fx.Text)
	case call.Finished:
		b.count.finished.Add(1)
		b.o.Observer.Finished(e.complete(fx.Record))
	case call.Over:
		e.finish()
	}
}

func (e *entry) free(fx call.Free) {
	i := slices.IndexFunc(e.busy, func(held call.Busy) bool { return held == call.Busy(fx) })
	if i < 0 {
		return
	}
	e.busy = slices.Delete(e.busy, i, i+1)
	e.b.busy.ended(fx.Phone, time.Now())
	e.b.o.Observer.Free(fx.Phone)
}

// do tells a leg what to do, with the body that the media made of the other's.
func (e *entry) do(d call.Do) {
	action := d.Action
	if d.Pass != call.PassNothing {
		body, err := e.pass(d)
		if err != nil {
			cause := causeOf(err)
			e.b.count.mediaRefused.Add(1)
			e.b.quiet.Info("body-refused").Str("call", e.id).Err(err).Int("status", cause.Status).Str("body", d.Pass.String()).Msg("a session description was refused")
			e.refused = append(e.refused, call.MediaRefused{Do: d, Cause: cause})
			return
		}
		action = withBody(action, body)
	}
	if e.unheard(d.Leg, action) {
		return
	}
	switch a := action.(type) {
	case call.Dial:
		leg := e.leg(d.Leg)
		if leg == nil {
			return
		}
		e.b.count.dialled.Add(1)
		e.dialled(d.Leg, a)
		e.b.o.Legs.Dial(leg, a)
		return
	case call.Reply:
		if a.Cause.Status != 0 {
			e.rollbackFrom(d.Leg)
		}
	}
	e.b.o.Legs.Do(d.Leg, action)
}

// bodyOf is the session description of an action.
func bodyOf(a call.LegAction) call.Body {
	switch a := a.(type) {
	case call.Ring:
		return a.Body
	case call.Answer:
		return a.Body
	case call.Dial:
		return a.Offer
	case call.Connect:
		return a.Body
	case call.Offer:
		return a.Body
	case call.Reply:
		return a.Body
	}
	return call.Body{}
}

func withBody(a call.LegAction, body call.Body) call.LegAction {
	switch a := a.(type) {
	case call.Ring:
		a.Body = body
		return a
	case call.Answer:
		a.Body = body
		return a
	case call.Dial:
		a.Offer = body
		return a
	case call.Connect:
		a.Body = body
		return a
	case call.Offer:
		a.Body = body
		return a
	case call.Reply:
		a.Body = body
		return a
	}
	return a
}
