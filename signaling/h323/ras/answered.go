package ras

import (
	"time"

	"roost/signaling/h323/h225"
)

// answered handles an answer: to a request of ours from whom that was sent to, or it is
// dropped.
func (g *Gatekeeper) answered(r *request, m *h225.RasMessage) {
	switch m.Choice {
	case h225.RasMessageUnregistrationConfirm:
		if p := g.answer(r, m.UnregistrationConfirm.RequestSeqNum, h225.RasMessageUnregistrationRequest); p != nil {
			g.unregistered(r, p, true)
		}
	case h225.RasMessageUnregistrationReject:
		if p := g.answer(r, m.UnregistrationReject.RequestSeqNum, h225.RasMessageUnregistrationRequest); p != nil {
			g.unregistered(r, p, m.UnregistrationReject.RejectReason.Choice == h225.UnregRejectReasonNotCurrentlyRegistered)
		}
	case h225.RasMessageLocationConfirm:
		if p := g.answer(r, m.LocationConfirm.RequestSeqNum, h225.RasMessageLocationRequest); p != nil {
			at := readAddress(&m.LocationConfirm.CallSignalAddress)
			r.out.Events = append(r.out.Events, Located{ID: p.id, Found: usable(at), Signalling: at})
		}
	case h225.RasMessageLocationReject:
		if p := g.answer(r, m.LocationReject.RequestSeqNum, h225.RasMessageLocationRequest); p != nil {
			r.out.Events = append(r.out.Events, Located{ID: p.id})
		}
	case h225.RasMessageDisengageConfirm:
		if p := g.answer(r, m.DisengageConfirm.RequestSeqNum, h225.RasMessageDisengageRequest); p != nil {
			r.out.Events = append(r.out.Events, Disengaged{Number: p.e.Number, CRV: p.crv, Confirmed: true})
		}
	case h225.RasMessageDisengageReject:
		if p := g.answer(r, m.DisengageReject.RequestSeqNum, h225.RasMessageDisengageRequest); p != nil {
			r.out.Events = append(r.out.Events, Disengaged{Number: p.e.Number, CRV: p.crv})
		}
	case h225.RasMessageRequestInProgress:
		g.inProgress(r, m.RequestInProgress)
	case h225.RasMessageUnknownMessageResponse:
		g.notUnderstood(r, m.UnknownMessageResponse)
	default:
		g.count.Unexpected++
	}
}

// answer finds the request that an answer is to, and ends it.
func (g *Gatekeeper) answer(r *request, seq uint16, to h225.RasMessageChoice) *pending {
	p, ok := g.pending[seq]
	if !ok || p.choice != to || p.to.Addr() != r.from.Addr.Addr() {
		g.count.Unexpected++
		return nil
	}
	g.finish(p)
	return p
}

// unregistered is the answer to Unregister. Who confirms is gone, unless it came back
// meanwhile.
func (g *Gatekeeper) unregistered(r *request, p *pending, confirmed bool) {
	r.out.Events = append(r.out.Events, UnregisterResult{Number: p.e.Number, Confirmed: confirmed})
	if confirmed && !p.e.gone {
		g.remove(p.e)
		r.out.Events = append(r.out.Events, Gone{Number: p.e.Number, ID: p.e.ID, Why: SentHome})
	}
}

// inProgress puts the repeat of a request of ours off (H.225.0 7.15).
func (g *Gatekeeper) inProgress(r *request, m *h225.RequestInProgress) {
	p, ok := g.pending[m.RequestSeqNum]
	if !ok || p.to.Addr() != r.from.Addr.Addr() {
		g.count.Unexpected++
		return
	}
	p.due = r.now.Add(min(time.Duration(m.Delay)*time.Millisecond, maxProgress))
}

// notUnderstood takes XRS for an answer: that of an endpoint shows that it lives.
func (g *Gatekeeper) notUnderstood(r *request, m *h225.UnknownMessageResponse) {
	p, ok := g.pending[m.RequestSeqNum]
	if !ok || p.to.Addr() != r.from.Addr.Addr() {
		g.count.Unexpected++
		return
	}
	g.finish(p)
	if p.choice == h225.RasMessageInfoRequest {
		g.alive(r, p.e)
		return
	}
	g.unanswered(p, r.now, r.out)
}

// informed handles IRR: the answer to our IRQ, or one that the endpoint sends by itself
// and may want to have acknowledged (H.225.0 7.14.2).
func (g *Gatekeeper) informed(r *request, m *h225.InfoRequestResponse) {
	if p, ok := g.pending[m.RequestSeqNum]; ok && p.choice == h225.RasMessageInfoRequest &&
		p.to.Addr() == r.from.Addr.Addr() && p.e.ID == text(m.EndpointIdentifier, maxIdentifier) {
		g.finish(p)
		g.alive(r, p.e)
		return
	}
	if !m.NeedResponse.V {
		return
	}
	e := g.endpoints.byID[text(m.EndpointIdentifier, maxIdentifier)]
	why := h225.InfoRequestNakReasonNotRegistered
	if e != nil {
		why = h225.InfoRequestNakReasonSecurityDenial
		if g.authentic(r, e, m.CryptoTokens) {
			g.reply(r, &h225.RasMessage{
				Choice: h225.RasMessageInfoRequestAck, InfoRequestAck: &h225.InfoRequestAck{RequestSeqNum: m.RequestSeqNum},
			})
			return
		}
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageInfoRequestNak, InfoRequestNak: &h225.InfoRequestNak{
		RequestSeqNum: m.RequestSeqNum, NakReason: h225.InfoRequestNakReason{Choice: why},
	}})
}

// alive gives an endpoint that answered IRQ another time to live, if the Office agrees.
func (g *Gatekeeper) alive(r *request, e *endpoint) {
	if e.gone {
		return
	}
	changed := e.Endpoint
	changed.Registered = r.now
	answer := g.office.Register(&Registering{
		Kind: KindRefresh, Endpoint: &changed, Asked: e.Granted, Slack: g.config.slack(), Now: r.now,
	})
	if answer.Verdict != Proceed || answer.Full {
		g.expire(e, r.now, r.out)
		return
	}
	if answer.Granted != 0 {
		changed.Granted = answer.Granted
	}
	e.Granted, e.Registered = changed.Granted, r.now
	e.Expires = r.now.Add(time.Duration(e.Granted) * time.Second)
	g.schedule(e)
}

// authentic says whether a request that names an endpoint is of that endpoint.
func (g *Gatekeeper) authentic(r *request, e *endpoint, tokens []h225.CryptoH323Token) bool {
	by, _, ok := g.prove(r, tokens, claim{e.Number, e.ID, e.Aliases})
	switch {
	case !ok:
		return false
	case by < e.Security:
		g.count.TokenMissing++
		return false
	}
	return by != Unproven || e.sameDevice(r.from.Addr)
}
