package ras

import (
	"roost/registrar"
	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// of finds the endpoint that a request names and proves to be of.
func (g *Gatekeeper) of(r *request, id string, tokens []h225.CryptoH323Token) (e *endpoint, authentic bool) {
	e = g.endpoints.byID[id]
	if e == nil {
		g.count.UnknownEndpoint++
		return nil, false
	}
	return e, g.authentic(r, e, tokens)
}

// admit handles ARQ (H.225.0 7.11.1).
func (g *Gatekeeper) admit(r *request, m *h225.AdmissionRequest) {
	e, authentic := g.of(r, text(m.EndpointIdentifier, maxIdentifier), m.CryptoTokens)
	destination, ok := readAliases(m.DestinationInfo)
	switch {
	case e == nil:
		g.refuseAdmission(r, m, h225.AdmissionRejectReasonCallerNotRegistered)
	case !authentic:
		g.refuseAdmission(r, m, h225.AdmissionRejectReasonSecurityDenial)
	case !ok:
		g.refuseAdmission(r, m, h225.AdmissionRejectReasonIncompleteAddress)
	case g.config.Calls == nil:
		g.refuseAdmission(r, m, h225.AdmissionRejectReasonRequestDenied)
	default:
		ask := &Admission{
			Number: e.Number, Answer: m.AnswerCall, Destination: destination, CRV: m.CallReferenceValue,
			Call: m.CallIdentifier.V.Guid, Conference: m.ConferenceID, BandwidthAsk: m.BandWidth, Now: r.now,
		}
		if m.DestCallSignalAddress != nil {
			ask.Signalling = readAddress(m.DestCallSignalAddress)
		}
		g.decideAdmission(r, m, g.config.Calls.Admit(ask))
	}
}

func (g *Gatekeeper) decideAdmission(r *request, m *h225.AdmissionRequest, a Admitted) {
	switch {
	case a.Signalling.IsValid():
		g.reply(r, &h225.RasMessage{Choice: h225.RasMessageAdmissionConfirm, AdmissionConfirm: &h225.AdmissionConfirm{
			RequestSeqNum: m.RequestSeqNum, BandWidth: a.Bandwidth,
			CallModel:             h225.CallModel{Choice: h225.CallModelGatekeeperRouted},
			DestCallSignalAddress: writeAddress(a.Signalling),
		}})
	case a.Reason != 0 && a.Reason != h225.AdmissionRejectReasonSecurityError:
		g.refuseAdmission(r, m, a.Reason)
	default:
		g.refuseAdmission(r, m, h225.AdmissionRejectReasonRequestDenied)
	}
}

func (g *Gatekeeper) refuseAdmission(r *request, m *h225.AdmissionRequest, why h225.AdmissionRejectReasonChoice) {
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageAdmissionReject, AdmissionReject: &h225.AdmissionReject{
		RequestSeqNum: m.RequestSeqNum, RejectReason: h225.AdmissionRejectReason{Choice: why},
	}})
}

// bandwidth handles BRQ (H.225.0 7.12.1).
func (g *Gatekeeper) bandwidth(r *request, m *h225.BandwidthRequest) {
	e, authentic := g.of(r, text(m.EndpointIdentifier, maxIdentifier), m.CryptoTokens)
	why := h225.BandRejectReasonInvalidConferenceID // no such call
	switch {
	case e == nil:
		why = h225.BandRejectReasonNotBound
	case !authentic:
		why = h225.BandRejectReasonSecurityDenial
	case g.config.Calls != nil:
		granted, ok := g.config.Calls.Bandwidth(&Bandwidth{
			Number: e.Number, CRV: m.CallReferenceValue, Call: m.CallIdentifier.V.Guid, Ask: m.BandWidth,
		})
		if ok {
			g.reply(r, &h225.RasMessage{Choice: h225.RasMessageBandwidthConfirm, BandwidthConfirm: &h225.BandwidthConfirm{
				RequestSeqNum: m.RequestSeqNum, BandWidth: granted,
			}})
			return
		}
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageBandwidthReject, BandwidthReject: &h225.BandwidthReject{
		RequestSeqNum: m.RequestSeqNum, RejectReason: h225.BandRejectReason{Choice: why},
	}})
}

// disengage handles DRQ (H.225.0 7.12.4). That of a call which is not there is
// confirmed: it is over.
func (g *Gatekeeper) disengage(r *request, m *h225.DisengageRequest) {
	e, authentic := g.of(r, text(m.EndpointIdentifier, maxIdentifier), m.CryptoTokens)
	why := h225.DisengageRejectReasonNotRegistered
	if e != nil && !authentic {
		why = h225.DisengageRejectReasonSecurityDenial
	}
	if !authentic {
		g.reply(r, &h225.RasMessage{Choice: h225.RasMessageDisengageReject, DisengageReject: &h225.DisengageReject{
			RequestSeqNum: m.RequestSeqNum, RejectReason: h225.DisengageRejectReason{Choice: why},
		}})
		return
	}
	if g.config.Calls != nil {
		g.config.Calls.Ended(e.Number, m.CallReferenceValue, m.CallIdentifier.V.Guid)
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageDisengageConfirm, DisengageConfirm: &h225.DisengageConfirm{
		RequestSeqNum: m.RequestSeqNum,
	}})
}

// locate handles LRQ of a neighbour or of a registered endpoint (H.225.0 7.13.1). Asked
// by a group, only who has the alias answers.
func (g *Gatekeeper) locate(r *request, m *h225.LocationRequest) {
	neighbour := within(g.config.Neighbours, r.from.Addr.Addr())
	if !neighbour {
		e, authentic := g.of(r, text(m.EndpointIdentifier, maxIdentifier), m.CryptoTokens)
		if e == nil || !authentic {
			g.refuseLocation(r, m, h225.LocationRejectReasonInvalidPermission)
			return
		}
	}
	wanted, ok := readAliases(m.DestinationInfo)
	number := g.holder(wanted)
	switch {
	case !ok || len(wanted) == 0:
		g.refuseLocation(r, m, h225.LocationRejectReasonIncompleteAddress)
	case number == "":
		g.refuseLocation(r, m, h225.LocationRejectReasonNotRegistered)
	case g.config.Calls == nil:
		g.refuseLocation(r, m, h225.LocationRejectReasonRequestDenied)
	default:
		at, ok := g.config.Calls.Locate(number)
		if !ok || !at.IsValid() {
			g.refuseLocation(r, m, h225.LocationRejectReasonRequestDenied)
			return
		}
		g.reply(r, &h225.RasMessage{Choice: h225.RasMessageLocationConfirm, LocationConfirm: &h225.LocationConfirm{
			RequestSeqNum: m.RequestSeqNum, CallSignalAddress: writeAddress(at),
			RasAddress: writeAddress(g.config.Addresses[r.from.Socket]),
		}})
	}
}

// holder is the number of the endpoint that has one of the aliases.
func (g *Gatekeeper) holder(aliases []Alias) registrar.Number {
	for _, a := range aliases {
		if e := g.endpoints.byAlias[a.key()]; e != nil {
			return e.Number
		}
	}
	return ""
}

func (g *Gatekeeper) refuseLocation(r *request, m *h225.LocationRequest, why h225.LocationRejectReasonChoice) {
	if r.from.Multicast {
		return
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageLocationReject, LocationReject: &h225.LocationReject{
		RequestSeqNum: m.RequestSeqNum, RejectReason: h225.LocationRejectReason{Choice: why},
	}})
}

// resources handles RAI (H.225.0 7.17.1); there is no reject.
func (g *Gatekeeper) resources(r *request, m *h225.ResourcesAvailableIndicate) {
	if _, authentic := g.of(r, text(m.EndpointIdentifier, maxIdentifier), m.CryptoTokens); !authentic {
		return
	}
	g.reply(r, &h225.RasMessage{
		Choice: h225.RasMessageResourcesAvailableConfirm,
		ResourcesAvailableConfirm: &h225.ResourcesAvailableConfirm{
			RequestSeqNum: m.RequestSeqNum, ProtocolIdentifier: h225.ProtocolIdentifier,
		},
	})
}

// serviceControl handles SCI (H.225.0 7.18.1): we offer no service.
func (g *Gatekeeper) serviceControl(r *request, m *h225.ServiceControlIndication) {
	if _, authentic := g.of(r, text(m.EndpointIdentifier, maxIdentifier), m.CryptoTokens); !authentic {
		return
	}
	g.reply(r, &h225.RasMessage{
		Choice: h225.RasMessageServiceControlResponse,
		ServiceControlResponse: &h225.ServiceControlResponse{
			RequestSeqNum: m.RequestSeqNum,
			Result:        per.Some(h225.ServiceControlResponseResult{Choice: h225.ServiceControlResponseResultNotAvailable}),
		},
	})
}
