package sip

import (
	"strconv"
	"sync"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// Trigger is a way to send a guest home (rule FB4) that the endpoint can start
// by itself. The other two, the refusal and the 302 at the next refresh, are
// the Office's answers.
type Trigger uint8

// The triggers.
const (
	// TriggerNotify: a reg-event NOTIFY (RFC 3680), contact terminated by the
	// event deactivated, to a phone that subscribed.
	TriggerNotify Trigger = iota + 1
	// TriggerCloseFlow: closing the phone's TCP or TLS flow.
	TriggerCloseFlow
)

// SentHome is what came of a trigger.
type SentHome struct {
	// Delivered: the phone answered the NOTIFY with a 2xx, or the flow was there
	// and has been closed.
	Delivered bool
	// Why says in words why it was not delivered: "no subscription", "no answer",
	// "answered 481", "flow is gone", "not a stream".
	Why string
}

// SendHome asks a registered guest to go home. done is called exactly once, not
// from SendHome itself but from another goroutine, about 32 s later at most.
func (e *Endpoint) SendHome(r registrar.Registration, by Trigger, done func(SentHome)) {
	told := done
	done = func(s SentHome) { e.guarded("what came of a trigger panicked", func() { told(s) }) }
	switch by {
	case TriggerNotify:
		e.notifyHome(r, done)
	case TriggerCloseFlow:
		go done(e.closeHome(r))
	default:
		go done(SentHome{Why: "no such trigger"})
	}
}

func (e *Endpoint) closeHome(r registrar.Registration) SentHome {
	switch {
	case !r.Transport.Stream():
		return SentHome{Why: "not a stream"}
	case !e.flows.Close(flow.ID(r.Flow)):
		return SentHome{Why: "flow is gone"}
	}
	e.count.add(cSentHome)
	return SentHome{Delivered: true}
}

// notifyHome tells every subscription of the phone; one that answers is enough.
func (e *Endpoint) notifyHome(r registrar.Registration, done func(SentHome)) {
	all := e.subs.of(r.Number)
	if len(all) == 0 {
		go done(SentHome{Why: "no subscription"})
		return
	}
	var mu sync.Mutex
	left, delivered, why := len(all), false, ""
	told := func(res result) {
		mu.Lock()
		left--
		if res.ok() {
			delivered = true
		} else if why == "" {
			why = wordsOf(res)
		}
		last, out := left == 0, SentHome{Delivered: delivered, Why: why}
		mu.Unlock()
		if !last {
			return
		}
		if out.Delivered {
			out.Why = ""
			e.count.add(cSentHome)
		}
		go done(out)
	}
	home := infoOf(&r)
	home.state, home.event = "terminated", eventDeactivated
	for _, one := range all {
		one.tell(&notice{goHome: &home, told: []func(result){told}})
	}
}

func wordsOf(r result) string {
	switch r.status {
	case 408, statusFlowFailed, 503:
		return r.why
	}
	return "answered " + strconv.Itoa(r.status)
}

// Subscribed says whether a phone has a reg-event subscription, so that
// TriggerNotify can reach it.
func (e *Endpoint) Subscribed(n registrar.Number) bool { return len(e.subs.of(n)) > 0 }

// Changed tells the endpoint of changes in the registrar, so that the reg-event
// subscribers hear of them. It may call Office.Lookup. A refresh that altered
// nothing is no news, and what Office.Register answered is known here already.
func (e *Endpoint) Changed(changes ...registrar.Change) {
	for i := range changes {
		c := &changes[i]
		if !isNews(*c) {
			continue
		}
		for _, one := range e.subs.of(c.Registration.Number) {
			n := &notice{}
			if c.Kind == registrar.Removed {
				gone := infoOf(&c.Registration)
				gone.state, gone.event = "terminated", eventOf(c.Reason)
				n.gone = []regInfoContact{gone}
			}
			one.tell(n)
		}
	}
}

func isNews(c registrar.Change) bool { return c.Kind != registrar.Refreshed || c.Altered }

// eventOf is RFC 3680's name for why a binding went. What the phone did itself
// by another registration is "unregistered": "deactivated" would have it
// register once more.
func eventOf(why registrar.Reason) string {
	if why == registrar.Expired || why == registrar.FlowEnded {
		return eventExpired
	}
	return eventUnregistered
}
