package sip

import (
	"strconv"
	"strings"
	"time"

	"roost/signaling/sip/message"
)

// Expiry of subscriptions to reg in seconds. The default is RFC 3680 4.5's.
const (
	subscribeDefault = 3761
	subscribeLeast   = 60
	subscribeMost    = 3761
)

// dialogRequest is what the requests of ours in a dialog are built from.
type dialogRequest struct {
	target string   // Request-URI: the phone's Contact
	routes []string // from Record-Route, as they came
	from   string   // our address with our tag
	to     string   // the phone's address with its tag
	callID string
	event  string // with its id parameter, if any
	cseq   uint32
	// remoteCSeq is the phone's last.
	remoteCSeq uint32
}

// subscribe answers an authorised SUBSCRIBE, in a dialog or not (RFC 6665,
// RFC 3680). The NOTIFY follows the answer.
func (w *work) subscribe() (after func()) {
	event, _ := w.m.Get(message.HEvent)
	name, params, _ := strings.Cut(event, ";")
	name = strings.TrimSpace(name)
	if name != "reg" {
		w.e.count.add(cBadEvent)
		w.line("Allow-Events", events)
		w.reply(489, "")
		return nil
	}
	seconds, ok := w.m.Expires()
	switch {
	case !ok:
		seconds = subscribeDefault
	case seconds > subscribeMost:
		seconds = subscribeMost
	case seconds > 0 && seconds < subscribeLeast:
		w.line("Min-Expires", strconv.Itoa(subscribeLeast))
		w.reply(423, "")
		return nil
	}
	if id, ok := message.Params(";" + params).Get("id"); ok && id != "" && !strings.ContainsAny(id, " \t\",;<>") {
		name += ";id=" + id
	}
	if w.m.To.Tag() != "" {
		return w.resubscribe(seconds)
	}
	return w.newSubscription(name, seconds)
}

func (w *work) newSubscription(event string, seconds uint32) (after func()) {
	target, ok := w.remoteTarget()
	if !ok {
		return nil
	}
	tag := newToken()
	one := &subscription{
		e: w.e, key: dialogKey{w.m.CallID, tag, w.m.From.Tag()}, number: w.number, agent: w.agent,
		flow: w.in.Flow, peer: w.peer, local: localOf(w.in),
		expires: w.now.Add(time.Duration(seconds) * time.Second),
	}
	from, _ := w.m.Get(message.HFrom)
	to, _ := w.m.Get(message.HTo)
	one.request = dialogRequest{
		target: target, from: to + ";tag=" + tag, to: from, callID: w.m.CallID, event: event, remoteCSeq: w.m.CSeq,
	}
	for r := range w.m.List(message.HRecordRoute) {
		one.request.routes = append(one.request.routes, r)
	}
	if seconds > 0 && !w.e.subs.add(one) {
		w.e.count.add(cSubscriptionsFull)
		w.e.quiet.warn(cSubscriptionsFull).Str("number", string(w.number)).Int("limit", w.e.subs.most).
			Msg("too many subscriptions: refused")
		w.reply(503, "Too Many Subscriptions")
		return nil
	}
	if !w.in.Proven {
		w.e.flows.Prove(w.in.Flow)
	}
	w.accepted(one, tag, seconds)
	return func() { one.tell(&notice{ends: endsAt(seconds)}) }
}

// endsAt: a subscription of no duration is answered once and is over.
func endsAt(seconds uint32) string {
	if seconds == 0 {
		return "timeout"
	}
	return ""
}

// remoteTarget is where the phone wants the NOTIFYs addressed; they go out on
// the flow that the SUBSCRIBE came on, wherever it says.
func (w *work) remoteTarget() (string, bool) {
	contacts, star, fault := w.m.Contacts(1)
	switch {
	case fault != nil:
		w.reply(fault.Status, fault.Reason)
		return "", false
	case star || len(contacts) != 1:
		w.reply(400, "SUBSCRIBE Needs One Contact")
		return "", false
	}
	text := withoutHeaders(contacts[0].Address)
	if reason := w.unusable(&contacts[0], text); reason != "" {
		w.badContact(reason)
		return "", false
	}
	return text, true
}

func (w *work) resubscribe(seconds uint32) (after func()) {
	one := w.e.subs.find(w)
	if one == nil || one.number != w.number {
		w.unknownDialog()
		return nil
	}
	one.mu.Lock()
	if w.m.CSeq <= one.request.remoteCSeq {
		one.mu.Unlock()
		w.e.count.add(cOutOfOrder)
		w.reply(500, "CSeq Out Of Order")
		return nil
	}
	one.request.remoteCSeq = w.m.CSeq
	one.expires = w.now.Add(time.Duration(seconds) * time.Second)
	one.mu.Unlock()
	w.e.subs.move(one, w)
	w.accepted(one, "", seconds)
	return func() { one.tell(&notice{ends: endsAt(seconds)}) }
}

func (w *work) accepted(one *subscription, tag string, seconds uint32) {
	w.e.count.add(cSubscribed)
	w.line("Expires", strconv.FormatUint(uint64(seconds), 10))
	one.mu.Lock()
	w.line("Contact", one.contact())
	one.mu.Unlock()
	w.line("Allow-Events", events)
	if tag != "" {
		w.replyTagged(200, "", tag)
		return
	}
	w.reply(200, "")
}
