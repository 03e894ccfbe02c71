package ras

import (
	"bytes"

	"roost/signaling/h323/h225"
	"roost/signaling/h323/per"
)

// discover handles GRQ (H.225.0 7.8.1, H.323 7.2.1).
func (g *Gatekeeper) discover(r *request, m *h225.GatekeeperRequest) {
	if !revision(m.ProtocolIdentifier) {
		g.refuseDiscovery(r, m, h225.GatekeeperRejectReasonInvalidRevision, nil)
		return
	}
	if r.from.Multicast && len(m.GatekeeperIdentifier) > 0 && !bytes.Equal(m.GatekeeperIdentifier, g.ids[0]) {
		return // another gatekeeper of the group is asked
	}
	if !g.ours(m.GatekeeperIdentifier) {
		g.refuseDiscovery(r, m, h225.GatekeeperRejectReasonTerminalExcluded, nil)
		return
	}
	aliases, ok := readAliases(m.EndpointAlias)
	if !ok {
		g.refuseDiscovery(r, m, h225.GatekeeperRejectReasonUndefinedReason, nil)
		return
	}
	number := g.identify(aliases)
	if number == "" && r.from.Multicast && len(aliases) > 0 {
		return // not our telephone
	}
	if number == "" {
		number = candidate(aliases)
	}
	decision := g.office.Ask(&Question{
		Kind: KindDiscover, Number: number, Source: r.from.Addr, Agent: agent(m.EndpointType.Vendor), Now: r.now,
	})
	switch {
	case decision.Verdict == Silent, decision.Verdict == Refuse && r.from.Multicast:
		return
	case decision.Verdict == Refuse:
		g.refuseDiscovery(r, m, h225.GatekeeperRejectReasonResourceUnavailable, decision.Alternates)
		return
	}
	confirm := &h225.GatekeeperConfirm{
		RequestSeqNum: m.RequestSeqNum, ProtocolIdentifier: h225.ProtocolIdentifier,
		GatekeeperIdentifier: g.ids[0], RasAddress: writeAddress(g.config.Addresses[r.from.Socket]),
	}
	if m.SupportsAltGK {
		confirm.AlternateGatekeeper = alternateGatekeepers(decision.Alternates)
	}
	if algorithm := chooseAlgorithm(m); algorithm != nil {
		confirm.AuthenticationMode = &h225.AuthenticationMechanism{Choice: h225.AuthenticationMechanismPwdHash}
		confirm.AlgorithmOID = algorithm
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageGatekeeperConfirm, GatekeeperConfirm: confirm})
}

// chooseAlgorithm takes the stronger of what the endpoint offers; nil if it offers
// nothing that we have.
func chooseAlgorithm(m *h225.GatekeeperRequest) per.OID {
	hash := false
	for i := range m.AuthenticationCapability {
		hash = hash || m.AuthenticationCapability[i].Choice == h225.AuthenticationMechanismPwdHash
	}
	if !hash {
		return nil
	}
	for _, ours := range []per.OID{oidHMAC, oidMD5} {
		for _, theirs := range m.AlgorithmOIDs {
			if ours.Equal(theirs) {
				return ours
			}
		}
	}
	return nil
}

func (g *Gatekeeper) refuseDiscovery(r *request, m *h225.GatekeeperRequest, why h225.GatekeeperRejectReasonChoice, alternates []Alternate) {
	if r.from.Multicast {
		return
	}
	g.reply(r, &h225.RasMessage{Choice: h225.RasMessageGatekeeperReject, GatekeeperReject: &h225.GatekeeperReject{
		RequestSeqNum: m.RequestSeqNum, ProtocolIdentifier: h225.ProtocolIdentifier, GatekeeperIdentifier: g.ids[0],
		RejectReason: h225.GatekeeperRejectReason{Choice: why}, AltGKInfo: altGKInfo(alternates),
	}})
}
