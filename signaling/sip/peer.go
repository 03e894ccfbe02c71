package sip

import (
	"net/netip"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// Peer is where a request came from.
type Peer struct {
	Source    netip.AddrPort
	Transport registrar.Transport
	Flow      registrar.FlowID
}

func peerOf(in *flow.Inbound) Peer {
	return Peer{Source: in.Remote, Transport: transportOf(in.Transport), Flow: registrar.FlowID(in.Flow)}
}

// transportOf is the registrar's name for a flow's transport, 0 for none.
func transportOf(t flow.Transport) registrar.Transport {
	switch t {
	case flow.UDP:
		return registrar.UDP
	case flow.TCP:
		return registrar.TCP
	case flow.TLS:
		return registrar.TLS
	case flow.WS:
		return registrar.WS
	case flow.WSS:
		return registrar.WSS
	}
	return 0
}
