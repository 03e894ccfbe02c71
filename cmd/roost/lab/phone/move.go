package phone

import (
	"strconv"
	"strings"
	"time"
)

// Causes of leaving a server, as they stand in Report.Why.
const (
	whyNoAnswer = "no answer"
	whyClosed   = "connection closed"
	whyRefused  = "refused"
	whyNotify   = "reg-event NOTIFY"
	whyItself   = "by itself"
)

// refused is a REGISTER answered with 3xx to 6xx.
func (m *Machine) refused(leg *leg, response *Message) {
	m.counts.Refused++
	m.report(Report{Event: Refused, Server: leg.server.Name, Code: response.Status, Text: response.Reason})
	was := leg.registered
	if m.probeFailed(leg) {
		return
	}
	if m.deaf && leg.index > 0 {
		m.report(Report{Event: Ignored, Server: leg.server.Name, Text: "a refusal"})
		m.aim(leg, "stays where it is", stubborn)
		return
	}
	m.lose(leg, whyRefused)
	if seconds, err := strconv.Atoi(firstToken(response.Get("Retry-After"))); err == nil && m.Profile.ParksOnRetryAfter && seconds >= 0 && seconds < 86400 {
		m.report(Report{Event: Waits, Server: leg.server.Name, Text: "Retry-After: " + strconv.Itoa(seconds)})
		m.aim(leg, whyRefused, time.Duration(seconds)*m.WireSecond)
		return
	}
	if phrase := m.Profile.MovesOnPhrase; phrase != "" && !strings.Contains(strings.ToLower(response.Reason), phrase) {
		m.aim(leg, whyRefused, m.pick(m.Profile.CycleWait))
		return
	}
	m.moveOn(leg, whyRefused, was)
}

// unanswered is a request that nobody answered in time.
func (m *Machine) unanswered(tx *transaction) {
	leg := tx.leg
	switch tx.kind {
	case kindSubscribe:
		leg.sub = subscription{}
		return
	case kindPoll:
		leg.answering = time.Time{}
		if !leg.registered {
			return
		}
	case kindRegister:
		if tx.asked == 0 {
			return
		}
	}
	m.counts.Unanswered++
	m.report(Report{Event: Unanswered, Server: leg.server.Name})
	if tx.reliable { // a connection on which nothing answers is given up
		m.drop(leg)
		m.effect(Hangup{leg.index})
	}
	m.gone(leg, whyNoAnswer)
}

// linkDown is a connection that broke or could not be made.
func (m *Machine) linkDown(leg *leg, why string) {
	if !m.on {
		return
	}
	registering := m.busyWith(leg, kindRegister)
	m.drop(leg)
	m.failRequests(leg)
	leg.answering = time.Time{}
	if !leg.registered && !registering {
		return
	}
	if registering {
		m.report(Report{Event: Unanswered, Server: leg.server.Name, Text: why})
	}
	m.gone(leg, whyClosed)
}

// gone is a server that does not answer or hung up.
func (m *Machine) gone(leg *leg, why string) {
	was := leg.registered
	if m.probeFailed(leg) {
		return
	}
	if m.deaf && leg.index > 0 && was {
		m.report(Report{Event: Ignored, Server: leg.server.Name, Text: why})
		m.aim(leg, "stays where it is", stubborn)
		return
	}
	m.lose(leg, why)
	m.moveOn(leg, why, was)
}

// probeFailed is the end of an attempt to return by itself: the phone stays
// where it is registered.
func (m *Machine) probeFailed(leg *leg) bool {
	if m.Profile.Dual || m.at < 0 || m.at == leg.index {
		return false
	}
	if here := m.legs[m.at]; here.refresh.IsZero() && !m.busyWith(here, kindRegister) {
		m.sendRegister(here) // the refresh that the probe took the place of
	}
	leg.dirty = m.now.Add(m.Profile.DirtyFor)
	return true
}

// moveOn plans the next REGISTER after a server failed: after a registration was
// lost from the top of the list, the failed one passed over; else the next one.
func (m *Machine) moveOn(failed *leg, why string, wasRegistered bool) {
	failed.dirty = m.now.Add(m.Profile.DirtyFor)
	if m.Profile.Dual {
		m.aim(failed, whyItself, m.pick(m.Profile.CycleWait))
		return
	}
	if m.Spec.Calls.CallsOnly {
		m.aim(m.legs[0], why, m.pick(m.Profile.CycleWait))
		return
	}
	var wait time.Duration
	next := (failed.index + 1) % len(m.legs)
	if wasRegistered {
		m.round = 0
		wait = m.pick(m.Profile.LossWait)
		if failed.index > 0 {
			next = 0
		}
	}
	if m.round++; m.round >= len(m.legs) {
		m.round = 0
		wait = max(wait, m.pick(m.Profile.CycleWait))
	}
	for range m.legs { // pass over the dirty ones, unless all are
		if !m.now.Add(wait).Before(m.legs[next].dirty) || m.legs[next] == failed {
			break
		}
		next = (next + 1) % len(m.legs)
	}
	if m.Profile.OnLoss == StaysForCall && len(m.calls) > 0 {
		wait = stayAtMost
		m.legs[next].waits = true
	}
	m.aim(m.legs[next], why, wait)
}

// told is a server's word that the phone shall register anew (RFC 3680 5.1,
// event "deactivated"): from the top of the list.
func (m *Machine) told(leg *leg, trigger string) {
	if m.deaf {
		m.report(Report{Event: Ignored, Server: leg.server.Name, Text: trigger})
		return
	}
	m.report(Report{Event: Told, Server: leg.server.Name, Why: trigger})
	if m.Profile.Dual || !leg.registered {
		return
	}
	m.lose(leg, trigger)
	m.round = 0
	m.aim(m.legs[0], trigger, 0)
}

// lose ends a registration.
func (m *Machine) lose(leg *leg, why string) {
	if !leg.registered {
		return
	}
	leg.registered, leg.refresh, leg.sub = false, time.Time{}, subscription{}
	if m.at = -1; m.Profile.Dual {
		m.at = m.firstRegistered()
	}
	m.back = time.Time{}
	m.report(Report{Event: Lost, Server: leg.server.Name, Text: why})
	m.loseCalls(leg, why)
}

// polled is an answer to Cisco's keep-alive: a first server that has answered
// long enough is returned to.
func (m *Machine) polled(leg *leg, serves bool) {
	if !serves {
		leg.answering = time.Time{}
		return
	}
	if leg.answering.IsZero() {
		leg.answering = m.now
	}
	rule := m.Profile.Return
	if leg.index == 0 && rule.How == Poll && m.now.Sub(leg.answering) >= rule.Stable {
		m.tryReturn()
	}
}

func firstToken(value string) string {
	token, _, _ := strings.Cut(value, " ")
	token, _, _ = strings.Cut(token, ";")
	return token
}
