package node

import (
	"strings"
	"time"

	"roost/registrar"
	"roost/resilience"
	"roost/signaling/sip"
)

// carry does one effect of the machine. The keeper's lock is held: nothing here
// waits, and what leads to another event runs in a goroutine of the node's.
func (n *Node) carry(effect resilience.Effect, now time.Time) {
	switch e := effect.(type) {
	case resilience.SendHome:
		n.sendHome(e, now)
	case resilience.EndGuest:
		n.spread(n.registrar.DropGuest(registrar.Number(e.Phone), registrar.Reason(e.Why), now), now)
		n.dropEndpoint(registrar.Number(e.Phone), now)
	case resilience.DropRegistration:
		n.spread(n.registrar.Drop(registrar.Number(e.Phone), registrar.Reason(e.Why), now), now)
		n.dropEndpoint(registrar.Number(e.Phone), now)
	case resilience.AskEvidence:
		n.spawn(func() { n.askEvidence(e) })
	case resilience.Announce:
		n.spawn(func() { n.mirror.Announce(e.BackWithin) })
	case resilience.RaiseAlarm:
		n.journal.raise(string(e.Kind), e.Subject, severity(e.Severity), e.Text, now)
	case resilience.ClearAlarm:
		n.journal.clear(string(e.Kind), e.Subject, e.Text, now)
	case resilience.Happened:
		n.history(e)
	}
}

// severity is the API's word for the machine's.
func severity(s resilience.Severity) string {
	if s == resilience.Warning {
		return "minor"
	}
	return strings.ToLower(string(s))
}

// history keeps what happened. Phones are many, so what concerns one is not in
// the log of a system that serves thousands.
func (n *Node) history(e resilience.Happened) {
	if e.Kind == resilience.PhaseChanged {
		n.homes.changedState(string(e.Home), e.At)
		n.voice.standing.moved.Store(true)
	}
	if e.Phone != "" {
		n.journal.phone(string(e.Kind), string(e.Phone), e.Text, e.At)
		return
	}
	subject := string(e.Home)
	if subject == "" {
		subject = n.name
	}
	n.journal.happened(string(e.Kind), subject, e.Text, e.At)
}

// sendHome uses the triggers that the front-end starts by itself (FB4); the others
// are answers to the phone's next refresh.
func (n *Node) sendHome(e resilience.SendHome, now time.Time) {
	if e.Trigger == resilience.TriggerURQ {
		n.sendEndpointHome(e)
		return
	}
	trigger := sip.TriggerNotify
	if e.Trigger == resilience.TriggerClose {
		trigger = sip.TriggerCloseFlow
	}
	bindings := n.registrar.Lookup(registrar.Number(e.Phone), now)
	report := func(delivered bool) {
		n.keeper.step(resilience.TriggerResult{Phone: e.Phone, Trigger: e.Trigger, Delivered: delivered})
	}
	if len(bindings) == 0 {
		n.spawn(func() { report(false) })
		return
	}
	n.endpoint.SendHome(bindings[0], trigger, func(s sip.SentHome) { report(s.Delivered) })
}
