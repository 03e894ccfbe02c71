package sip

import (
	"roost/registrar/credentials"
)

// Requests within a call carry no credentials: who knows the dialog's name is its far
// end. Over UDP and TCP that name can be read on the way, so a phone that is heard from
// another host than before, and is not registered there, has to prove who it is (RFC 3261
// §22.1). Phones that move do; somebody who listens cannot.

// atHome tells whether a request may go to its leg, and answers it where not. Carriers
// and other systems are not asked: the former have many hosts, the latter certificates.
func (w *work) atHome(l *leg) bool {
	if l.number == "" || w.m.Method == "ACK" || w.m.Method == "CANCEL" || w.m.To.Tag() == "" {
		return true // nobody can be asked by an ACK, and the others are known by their source
	}
	from := w.in.Remote.Addr().Unmap()
	if at := l.host.Load(); at == nil || *at == from {
		return true
	}
	if d := l.known.Load(); d == nil || d.CallID != w.m.CallID || d.FromTag != w.m.From.Tag() {
		return true // it is of no dialog, which the leg says
	}
	for _, r := range w.e.o.Office.Lookup(l.number, w.now) {
		if r.Source.Addr().Unmap() == from {
			l.host.Store(&from)
			return true
		}
	}
	w.number = l.number
	v, ok, replayed := w.verify(credentials.Used{})
	switch {
	case !ok:
		w.elsewhere(l)
		return false
	case replayed:
		w.elsewhere(l)
		w.challenge(true)
		return false
	case v.User != string(l.number):
		w.elsewhere(l)
		w.reply(403, "Not Your Call")
		return false
	}
	l.host.Store(&from)
	return true
}

func (w *work) elsewhere(l *leg) {
	w.e.count.add(cLegElsewhere)
	w.e.quiet.warn(cLegElsewhere).Stringer("source", w.in.Remote).Stringer("known", *l.host.Load()).
		Str("number", string(l.number)).Str("method", cut(w.m.Method)).
		Msg("a request within a phone's call came from a host where the phone was never heard: it has to prove who it is")
}
