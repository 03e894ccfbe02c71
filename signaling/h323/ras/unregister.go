package ras

import (
	"slices"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
)

// unregister handles URQ of an endpoint (H.225.0 7.10.1).
func (g *Gatekeeper) unregister(r *request, m *h225.UnregistrationRequest) {
	aliases, ok := readAliases(m.EndpointAlias)
	if !ok || !g.ours(m.GatekeeperIdentifier) {
		g.refuseUnregister(r, m, h225.UnregRejectReasonUndefinedReason)
		return
	}
	e := g.found(m, aliases)
	if e == nil {
		g.unregisterElsewhere(r, m, aliases)
		return
	}
	if by, _, ok := g.prove(r, m.CryptoTokens, claim{e.Number, e.ID, e.Aliases}); !ok || by < e.Security ||
		by == Unproven && !e.sameDevice(r.from.Addr) {
		g.refuseUnregister(r, m, h225.UnregRejectReasonSecurityDenial)
		return
	}
	if left := remaining(e, aliases); len(left) > 0 && len(aliases) > 0 {
		g.endpoints.setAliases(e, left)
		g.confirmUnregister(r, m)
		return
	}
	g.office.Ask(&Question{Kind: KindUnregister, Number: e.Number, Source: r.from.Addr, Agent: e.Agent, Now: r.now})
	g.remove(e)
	r.out.Events = append(r.out.Events, Gone{Number: e.Number, ID: e.ID, Why: Unregistered})
	g.confirmUnregister(r, m)
}

// found is the endpoint that a URQ is of: by its identifier, else by an alias.
func (g *Gatekeeper) found(m *h225.UnregistrationRequest, aliases []Alias) *endpoint {
	if len(m.EndpointIdentifier) > 0 {
		return g.endpoints.byID[text(m.EndpointIdentifier, maxIdentifier)]
	}
	for _, a := range aliases {
		if e := g.endpoints.byAlias[a.key()]; e != nil {
			return e
		}
	}
	return nil
}

// remaining are the aliases that an endpoint keeps; none if it loses that of its
// number, and so its registration.
func remaining(e *endpoint, without []Alias) []Alias {
	left := slices.DeleteFunc(slices.Clone(e.Aliases), func(a Alias) bool { return slices.Contains(without, a) })
	if slices.ContainsFunc(left, func(a Alias) bool { return a.number() == e.Number }) {
		return left
	}
	return nil
}

// unregisterElsewhere answers a URQ of an endpoint that is not registered here. It may
// be registered at another system and take leave of its first gatekeeper: that is
// confirmed, and changes nothing. One whom nobody knows is told so.
func (g *Gatekeeper) unregisterElsewhere(r *request, m *h225.UnregistrationRequest, aliases []Alias) {
	shared, ok := g.office.Shared(text(m.EndpointIdentifier, maxIdentifier))
	number := shared.Number
	if !ok {
		number = g.identify(aliases)
	}
	if number == "" {
		g.count.UnknownEndpoint++
		g.refuseUnregister(r, m, h225.UnregRejectReasonNotCurrentlyRegistered)
		return
	}
	g.confirmUnregister(r, m)
}

func (g *Gatekeeper) confirmUnregister(r *request, m *h225.UnregistrationRequest) {
	g.reply(r, &h225.RasMessage{
		Choice:                h225.RasMessageUnregistrationConfirm,
		UnregistrationConfirm: &h225.UnregistrationConfirm{RequestSeqNum: m.RequestSeqNum},
	})
}

func (g *Gatekeeper) refuseUnregister(r *request, m *h225.UnregistrationRequest, why h225.UnregRejectReasonChoice) {
	g.reply(r, &h225.RasMessage{
		Choice: h225.RasMessageUnregistrationReject,
		UnregistrationReject: &h225.UnregistrationReject{
			RequestSeqNum: m.RequestSeqNum, RejectReason: h225.UnregRejectReason{Choice: why},
		},
	})
}

func (g *Gatekeeper) remove(e *endpoint) {
	g.endpoints.remove(e)
	g.unwatch(e)
	g.answers.forget(e.last)
}

// Drop ends a registration that is not newer than a time, without a word to the
// endpoint, which learns it from the answer to its next request.
func (g *Gatekeeper) Drop(n registrar.Number, notAfter time.Time) bool {
	e, ok := g.endpoints.byNumber[n]
	if !ok || e.Registered.After(notAfter) {
		return false
	}
	g.remove(e)
	return true
}
