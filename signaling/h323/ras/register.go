package ras

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// register handles RRQ (H.225.0 7.9.1): full, additive or lightweight.
func (g *Gatekeeper) register(r *request, m *h225.RegistrationRequest) {
	switch {
	case !revision(m.ProtocolIdentifier):
		g.refuse(r, m, h225.RegistrationRejectReasonInvalidRevision)
	case !g.ours(m.GatekeeperIdentifier):
		g.refuse(r, m, h225.RegistrationRejectReasonDiscoveryRequired)
	case m.KeepAlive.OK && m.KeepAlive.V:
		g.refresh(r, m)
	default:
		g.registerFully(r, m)
	}
}

// refresh handles a lightweight RRQ (H.323 7.2.2.1): only the identifiers count.
func (g *Gatekeeper) refresh(r *request, m *h225.RegistrationRequest) {
	id := text(m.EndpointIdentifier, maxIdentifier)
	e, known := g.endpoints.byID[id]
	if !known {
		g.refreshElsewhere(r, m, id)
		return
	}
	if !g.asked(r, m, KindRefresh, e.Number, e.Agent) {
		return
	}
	by, used, ok := g.prove(r, m.CryptoTokens, claim{e.Number, e.ID, e.Aliases})
	if !ok || by < e.Security {
		g.denied(r, m, ok)
		return
	}
	if by == Unproven && !e.sameDevice(r.from.Addr) {
		g.refuse(r, m, h225.RegistrationRejectReasonFullRegistrationRequired)
		return
	}
	changed := e.Endpoint
	changed.Source, changed.Registered = r.from.Addr, r.now
	if by != Unproven {
		changed.Security, changed.Used = by, used
	}
	g.record(r, m, KindRefresh, e, &changed)
}

// refreshElsewhere handles a keep-alive of an endpoint that is not registered here. One
// that its home shared with us becomes a guest at once, if it proves itself or keeps
// its address; any other has to tell all of itself (H.323 7.2.2.1).
func (g *Gatekeeper) refreshElsewhere(r *request, m *h225.RegistrationRequest, id string) {
	shared, ok := g.office.Shared(id)
	if id == "" || !ok || g.endpoints.byNumber[shared.Number] != nil {
		g.count.UnknownEndpoint++
		g.refuse(r, m, h225.RegistrationRejectReasonFullRegistrationRequired)
		return
	}
	if !g.asked(r, m, KindRefresh, shared.Number, shared.Agent) {
		return
	}
	by, used, ok := g.prove(r, m.CryptoTokens, claim{shared.Number, id, shared.Aliases})
	open := within(g.config.Open, r.from.Addr.Addr()) && shared.Source.Addr() == r.from.Addr.Addr() && shared.Security == Unproven
	switch {
	case !ok:
		g.denied(r, m, ok)
		return
	case by == Unproven && !open, g.claimed(shared.Aliases, &shared) != nil:
		g.refuse(r, m, h225.RegistrationRejectReasonFullRegistrationRequired)
		return
	}
	shared.ID, shared.Source, shared.Registered, shared.Since = id, r.from.Addr, r.now, r.now
	shared.Security, shared.Used = by, used
	g.record(r, m, KindRefresh, nil, &shared)
}

// registerFully handles a full RRQ, and an additive one, which adds its aliases to an
// endpoint's (H.225.0 7.9.1, additiveRegistration).
func (g *Gatekeeper) registerFully(r *request, m *h225.RegistrationRequest) {
	made, reason := g.read(r, m)
	if reason != 0 {
		g.refuse(r, m, reason)
		return
	}
	if made.Number == "" {
		if !g.asked(r, m, KindRegister, candidate(made.Aliases), made.Agent) {
			return
		}
		if within(g.config.Open, r.from.Addr.Addr()) && len(m.CryptoTokens) == 0 {
			g.refuse(r, m, h225.RegistrationRejectReasonInvalidAlias)
			return
		}
		g.prove(r, m.CryptoTokens, claim{}) // takes the time that a known number takes
		g.denied(r, m, true)
		return
	}
	if !g.asked(r, m, KindRegister, made.Number, made.Agent) {
		return
	}
	by, used, ok := g.prove(r, m.CryptoTokens, claim{made.Number, text(m.EndpointIdentifier, maxIdentifier), made.Aliases})
	if !ok || by == Unproven && !within(g.config.Open, r.from.Addr.Addr()) {
		g.denied(r, m, ok)
		return
	}
	made.Security, made.Used = by, used
	e := g.endpoints.byNumber[made.Number]
	if e != nil && !mayReplace(e, made) {
		g.duplicate(r, m, []Alias{{Digits, string(made.Number)}})
		return
	}
	if claimed := g.claimed(made.Aliases, made); claimed != nil {
		g.duplicate(r, m, claimed)
		return
	}
	g.name(m, e, made)
	g.record(r, m, KindRegister, e, made)
}

// read makes an endpoint of a full RRQ, or gives why that cannot be. The number is
// empty where no alias is an extension's.
func (g *Gatekeeper) read(r *request, m *h225.RegistrationRequest) (*Endpoint, h225.RegistrationRejectReasonChoice) {
	e := &Endpoint{
		Signalling: firstAddress(m.CallSignalAddress), RAS: firstAddress(m.RasAddress),
		Source: r.from.Addr, Agent: agent(&m.EndpointVendor), Since: r.now, Registered: r.now,
	}
	aliases, ok := readAliases(m.TerminalAlias)
	switch {
	case !usable(e.Signalling):
		return nil, h225.RegistrationRejectReasonInvalidCallSignalAddress
	case !usable(e.RAS):
		return nil, h225.RegistrationRejectReasonInvalidRASAddress
	case m.TerminalType.Gatekeeper.OK:
		return nil, h225.RegistrationRejectReasonInvalidTerminalType
	case !ok:
		return nil, h225.RegistrationRejectReasonInvalidAlias
	}
	e.Aliases = aliases
	standing := g.endpoints.byID[text(m.EndpointIdentifier, maxIdentifier)]
	if m.AdditiveRegistration {
		if standing == nil {
			g.count.UnknownEndpoint++
			return nil, h225.RegistrationRejectReasonFullRegistrationRequired
		}
		e.Aliases = slices.Clone(standing.Aliases)
		for _, a := range aliases {
			if !slices.Contains(e.Aliases, a) {
				e.Aliases = append(e.Aliases, a)
			}
		}
		if len(e.Aliases) > maxAliases {
			return nil, h225.RegistrationRejectReasonResourceUnavailable
		}
	}
	if standing != nil && (m.AdditiveRegistration || len(aliases) == 0) {
		e.Number = standing.Number
		if len(aliases) == 0 {
			e.Aliases = slices.Clone(standing.Aliases)
		}
		return e, 0
	}
	e.Number = g.identify(aliases)
	return e, 0
}

// usable says whether an endpoint can be reached at an address; where it is behind a
// NAT that is for others to find out.
func usable(a netip.AddrPort) bool {
	return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast()
}

// mayReplace says whether a registration may take the place of a standing one of the
// same number: it proved itself, or neither did and it is the same device.
func mayReplace(e *endpoint, by *Endpoint) bool {
	if by.Security != Unproven {
		return true
	}
	return e.Security == Unproven && e.Source.Addr() == by.Source.Addr() && e.Signalling == by.Signalling
}

// claimed gives the aliases that belong to another extension, or that another endpoint
// holds; nil if there are none.
func (g *Gatekeeper) claimed(aliases []Alias, of *Endpoint) (taken []Alias) {
	for _, a := range aliases {
		holder := g.endpoints.byAlias[a.key()]
		n := a.number()
		if holder != nil && holder.Number != of.Number || n != "" && n != of.Number && g.office.Known(n) {
			taken = append(taken, a)
		}
	}
	return taken
}

// name gives the endpoint its identifier: the one that it has had, here or at another
// system, unless that is another's.
func (g *Gatekeeper) name(m *h225.RegistrationRequest, e *endpoint, made *Endpoint) {
	asked := text(m.EndpointIdentifier, maxIdentifier)
	switch holder := g.endpoints.byID[asked]; {
	case asked != "" && holder != nil && holder == e:
		made.ID = asked
		return
	case asked != "" && holder == nil:
		if shared, ok := g.office.Shared(asked); ok && shared.Number == made.Number {
			made.ID = asked
			return
		}
	}
	random := g.config.Random()
	made.ID = strconv.FormatUint(random, 36) + "_" + g.config.Identifier
	if len(made.ID) > maxIdentifier {
		made.ID = made.ID[:maxIdentifier]
	}
}

// asked puts the question of rule FO1 and answers a refusal.
func (g *Gatekeeper) asked(r *request, m *h225.RegistrationRequest, kind Kind, number registrar.Number, agent string) bool {
	decision := g.office.Ask(&Question{Kind: kind, Number: number, Source: r.from.Addr, Agent: agent, Now: r.now})
	switch decision.Verdict {
	case Refuse:
		g.refuseTo(r, m, h225.RegistrationRejectReasonResourceUnavailable, decision.Alternates)
	case Proceed:
		return true
	}
	return false
}

// record has the Office record a registration, and confirms it.
func (g *Gatekeeper) record(r *request, m *h225.RegistrationRequest, kind Kind, e *endpoint, made *Endpoint) {
	if e == nil && len(g.endpoints.byNumber) >= g.config.MaxEndpoints {
		g.count.Full++
		g.refuse(r, m, h225.RegistrationRejectReasonResourceUnavailable)
		return
	}
	answer := g.office.Register(&Registering{
		Kind: kind, Endpoint: made, Asked: askedSeconds(m), Slack: g.config.slack(), Now: r.now,
	})
	switch {
	case answer.Verdict == Silent:
		return
	case answer.Full:
		g.count.Full++
		fallthrough
	case answer.Verdict == Refuse:
		g.refuseTo(r, m, h225.RegistrationRejectReasonResourceUnavailable, answer.Alternates)
		return
	}
	made.Granted = answer.Granted
	if made.Granted == 0 {
		made.Granted = uint32(g.config.TimeToLive / time.Second)
		if asked := askedSeconds(m); asked > 0 {
			made.Granted = min(made.Granted, asked)
		}
	}
	made.Granted = min(max(made.Granted, 1), uint32(maxTimeToLive/time.Second))
	e = g.put(e, made, r.from.Socket)
	e.supports = m.SupportsAltGK || e.supports && kind == KindRefresh
	e.last = r.key
	g.confirm(r, m, e, kind, answer.Alternates)
}

// put takes a registration into the table, or anew.
func (g *Gatekeeper) put(e *endpoint, made *Endpoint, socket uint8) *endpoint {
	made.Expires = made.Registered.Add(time.Duration(made.Granted) * time.Second)
	switch {
	case e != nil && e.ID == made.ID:
		g.endpoints.move(e, made.Source)
		if !slices.Equal(e.Aliases, made.Aliases) {
			g.endpoints.setAliases(e, made.Aliases)
		}
		made.Since = e.Since
		e.Endpoint = *made
	default:
		if e != nil {
			g.remove(e)
			made.Since = e.Since
		}
		e = &endpoint{Endpoint: *made}
		g.endpoints.add(e)
	}
	e.socket = socket
	g.unwatch(e)
	g.schedule(e)
	return e
}

func askedSeconds(m *h225.RegistrationRequest) uint32 {
	if !m.TimeToLive.OK {
		return 0
	}
	return m.TimeToLive.V
}

// confirm sends RCF. That of a keep-alive has no aliases, which are as they were.
func (g *Gatekeeper) confirm(r *request, m *h225.RegistrationRequest, e *endpoint, kind Kind, alternates []Alternate) {
	if r.signed.ok {
		r.signed.to = e.ID
	}
	rcf := &h225.RegistrationConfirm{
		RequestSeqNum: m.RequestSeqNum, ProtocolIdentifier: h225.ProtocolIdentifier,
		GatekeeperIdentifier: g.ids[0], EndpointIdentifier: bmp(e.ID),
		TimeToLive:       per.Some(e.Granted),
		WillRespondToIRR: per.Some(true), MaintainConnection: per.Some(false),
		SupportsAdditiveRegistration: true,
	}
	for _, at := range g.config.Signalling {
		rcf.CallSignalAddress = append(rcf.CallSignalAddress, writeAddress(at))
	}
	if kind == KindRegister {
		rcf.TerminalAlias = m.TerminalAlias
	}
	if e.supports {
		rcf.AlternateGatekeeper = alternateGatekeepers(alternates)
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageRegistrationConfirm, RegistrationConfirm: rcf})
}

// denied refuses a request that did not prove itself.
func (g *Gatekeeper) denied(r *request, m *h225.RegistrationRequest, missing bool) {
	if missing {
		g.count.TokenMissing++
	}
	g.refuse(r, m, h225.RegistrationRejectReasonSecurityDenial)
}

func (g *Gatekeeper) duplicate(r *request, m *h225.RegistrationRequest, taken []Alias) {
	g.count.DuplicateAlias++
	reason := h225.RegistrationRejectReason{Choice: h225.RegistrationRejectReasonDuplicateAlias}
	for _, a := range taken {
		reason.DuplicateAlias = append(reason.DuplicateAlias, a.write())
	}
	g.reject(r, m, reason, nil)
}

func (g *Gatekeeper) refuse(r *request, m *h225.RegistrationRequest, why h225.RegistrationRejectReasonChoice) {
	g.refuseTo(r, m, why, nil)
}

func (g *Gatekeeper) refuseTo(r *request, m *h225.RegistrationRequest, why h225.RegistrationRejectReasonChoice, alternates []Alternate) {
	g.reject(r, m, h225.RegistrationRejectReason{Choice: why}, alternates)
}

func (g *Gatekeeper) reject(r *request, m *h225.RegistrationRequest, why h225.RegistrationRejectReason, alternates []Alternate) {
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageRegistrationReject, RegistrationReject: &h225.RegistrationReject{
		RequestSeqNum: m.RequestSeqNum, ProtocolIdentifier: h225.ProtocolIdentifier,
		GatekeeperIdentifier: g.ids[0], RejectReason: why, AltGKInfo: altGKInfo(alternates),
	}})
}
