package sip

import (
	"strings"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/dialog"
	"roost/signaling/sip/flow"
	"roost/signaling/sip/message"
)

// callRequest gives a request to the leg that it belongs to; false: to none.
func (w *work) callRequest() bool {
	s := w.e.legs
	l := s.tagged(w.m.To.Tag())
	if l == nil && (w.m.Method == "CANCEL" || w.m.Method == "ACK" || w.m.Method == "INVITE" && w.m.To.Tag() == "") {
		l = s.invited(w.serverKey("INVITE"))
	}
	if l == nil {
		return false
	}
	if !w.atHome(l) {
		return true
	}
	w.proven = true // it knows a tag or branch that only its peer was told
	s.run(l, w.step())
	return true
}

// callResponse gives a response to the leg whose tag is in From; false: to none.
func (w *work) callResponse() bool {
	l := w.e.legs.tagged(w.m.From.Tag())
	if l == nil {
		return false
	}
	w.e.legs.run(l, w.step())
	return true
}

func (w *work) step() step {
	return step{message: &w.m, arrival: w.arrivalOf(), local: w.in.Local, now: w.now}
}

// invite begins a leg, once the caller has proved who it is.
func (w *work) invite(key string) {
	e := w.e
	if e.o.Calls == nil {
		if w.authorized() {
			w.transact(key, w.noCalls)
		}
		return
	}
	if w.turnedAwayBefore(key) || w.overrun(key) {
		return
	}
	merge := mergeKey{w.m.CallID, w.m.From.Tag(), w.m.CSeq}
	if e.legs.merged(merge) {
		e.count.add(cMerged)
		w.reply(482, "Merged Request")
		return
	}
	in, ok := w.caller()
	if !ok {
		return
	}
	if !e.legs.room(in.Number, w.emergency()) {
		e.count.add(cLegsFull)
		e.quiet.warn(cLegsFull).Int("limit", e.legs.most).Int("per_number", e.o.Limits.LegsPerNumber).
			Stringer("source", w.in.Remote).Str("number", cut(string(in.Number))).
			Msg("too many legs of calls, in all or of this number: INVITE refused")
		w.turnAway(key, "Too Many Calls", retryFull)
		return
	}
	if w.tooFast(key, in.Number) {
		return
	}
	e.count.add(cCallsIn)
	e.flows.Prove(w.in.Flow)
	in.ID = e.o.Calls.NewLeg()
	l := &leg{
		id: in.ID, inviteKey: key, number: in.Number, origin: w.origin(in.Number),
		merge:   mergeKey{strings.Clone(merge.callID), strings.Clone(merge.from), merge.cseq},
		running: true, place: -1, local: w.in.Local, remote: w.in.Remote,
	}
	l.heardAt(w.in.Remote)
	w.status, w.proven = 100, true
	fx := effectsPool.Get().(*dialog.Effects)
	l.dialog = dialog.NewIncoming(&e.legs.config, in, &w.m, w.arrivalOf(), w.now, fx)
	e.begin(l, step{now: w.now}, fx)
}

// noCalls is the answer of an endpoint without a switchboard.
func (w *work) noCalls() (after func()) {
	w.e.count.add(cCallsRefused)
	w.reply(501, "Calls Are Not Served Here")
	return nil
}

// strayCall answers a request within a dialog that no leg here has: that of a call
// whose system is gone, or of nothing (VP2, VP4).
func (w *work) strayCall(key string) {
	d := call.DialogID{
		CallID: strings.Clone(w.m.CallID), ToTag: strings.Clone(w.m.To.Tag()), FromTag: strings.Clone(w.m.From.Tag()),
	}
	if w.e.o.Calls == nil || !w.e.o.Calls.Stray(d, strings.Clone(w.m.Method)) {
		w.unknownDialog()
		return
	}
	w.e.count.add(cPreserved)
	w.transact(key, func() (after func()) {
		w.reply(200, "")
		return nil
	})
}

// caller finds out who calls, and answers if it is not to be served.
func (w *work) caller() (dialog.Incoming, bool) {
	peer := FlowPeer{Peer: w.peer, Local: w.in.Local}
	if user, ok := w.m.Target.Number(); ok {
		peer.User = strings.Clone(user)
	}
	if w.in.Transport == flow.TLS || w.in.Transport == flow.WSS {
		if info, ok := w.e.flows.Info(w.in.Flow); ok {
			peer.TLS = info.TLS
		}
	}
	if n, ok := w.e.o.Calls.Neighbour(peer); ok {
		in := dialog.Incoming{Peer: n.Kind, PeerName: n.Name}
		if n.Line {
			in.Dialled = w.called()
		}
		return in, true
	}
	if !w.authorized() {
		return dialog.Incoming{}, false
	}
	return dialog.Incoming{Peer: call.Phone, Number: registrar.Number(strings.Clone(string(w.number)))}, true
}

// emergency: the call is for a number that no limit stands in the way of (GU6).
func (w *work) emergency() bool {
	n, ok := w.m.Target.Number()
	return ok && w.e.o.Calls != nil && w.e.o.Calls.Emergency(n)
}

// called is whom an INVITE is for that came to the contact of a registration of ours.
func (w *work) called() string {
	for _, f := range w.m.Fields {
		if !strings.EqualFold(f.Name, "P-Called-Party-ID") {
			continue
		}
		if a, err := message.ParseAddress(f.Value); err == nil {
			if n, ok := a.URI.Number(); ok {
				return strings.Clone(n)
			}
		}
	}
	n, _ := w.m.To.URI.Number()
	return strings.Clone(n)
}

// origin is where this INVITE came from.
func (w *work) origin(n registrar.Number) *Origin {
	o := &Origin{
		Peer: w.peer, Number: n, Local: w.in.Local, Secure: w.in.Transport == flow.TLS || w.in.Transport == flow.WSS,
		Agent: strings.Clone(w.userAgent()), CallID: strings.Clone(w.m.CallID),
	}
	for v := range w.m.List(message.HContact) {
		if a, err := message.ParseAddress(v); err == nil {
			o.Contact = strings.Clone(a.Text)
		}
		break
	}
	return o
}
