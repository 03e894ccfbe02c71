package sip

import (
	"crypto/tls"
	"net/netip"

	"roost/registrar"
	"roost/signaling/call"
	"roost/signaling/sip/dialog"
)

// Calls is whom the endpoint tells of calls; the switchboard implements it. Its
// methods are called from the goroutines that read flows and from the endpoint's
// timers, or from within Do and Dial, for one leg one after the other and in order.
// They must not wait; they may call Do and Dial, whose steps then come after.
type Calls interface {
	// NewLeg gives an ID that no leg of the system ever had.
	NewLeg() call.LegID
	// Emergency: calls to this number are let through where a limit refuses others.
	Emergency(number string) bool
	// Neighbour tells whether a flow's peer is another system or a trunk, by its
	// address or certificate; peer.TLS is nil where it has none. Such a peer is not
	// asked for credentials. Everybody else is a phone.
	Neighbour(FlowPeer) (Neighbour, bool)
	// Invited begins a leg. Answer with Do.
	Invited(call.Invited, Origin)
	// LegEvent is everything that happens to a leg after that.
	LegEvent(call.LegEvent)
	// Stray judges a request within a dialog that no leg here has (VP4): true answers
	// it with 200, which only a BYE gets; false with 481. Not asked for ACK.
	Stray(d call.DialogID, method string) bool
}

// FlowPeer is the far end of a flow.
type FlowPeer struct {
	Peer
	// Local is our end.
	Local netip.AddrPort
	TLS   *tls.ConnectionState
	// User is the user part of the Request-URI, as the peer wrote it: the contact that a
	// trunk was registered with proves the carrier, who alone was told it.
	User string
}

// Neighbour is a peer that is no phone.
type Neighbour struct {
	// Kind is call.System or call.Trunk.
	Kind call.PeerKind
	Name string
	// Line: the Request-URI names a registration of ours, and who is called stands in
	// P-Called-Party-ID (RFC 7315) or To.
	Line bool
}

// Origin is where an INVITE came from.
type Origin struct {
	Peer
	// Number is the phone's, proven by its credentials; empty for neighbours.
	Number registrar.Number
	// Local is our end of the flow.
	Local netip.AddrPort
	// Secure: signalling came over TLS or WSS.
	Secure bool
	// Contact is the caller's contact URI, Agent its User-Agent.
	Contact, Agent string
	// CallID is the dialog's.
	CallID string
}

// DialTarget is where a leg goes to: a phone's registration, or a URI over a flow.
type DialTarget struct {
	Kind call.PeerKind
	// Registration, for a phone: its contact, flow and path are used. A UDP flow that
	// was forgotten is made again; a stream that is gone is Refused with 430.
	Registration *registrar.Registration
	// URI, Routes and Flow, for a neighbour; Flow of a UDP peer is given by
	// Endpoint.FlowTo.
	URI    string
	Routes []string
	Flow   registrar.FlowID
	// FromHost is the host of our From, the realm where empty.
	FromHost string
	// Authorize, if not nil, answers challenges of a trunk.
	Authorize dialog.Authorizer
}
