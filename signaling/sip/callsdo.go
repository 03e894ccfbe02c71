package sip

import (
	"crypto/tls"
	"net"
	"net/netip"

	"roost/registrar"
	"roost/signaling/call"
)

// Dial begins an outgoing leg with an ID from Calls.NewLeg. It returns at once; what
// comes of it, also that it could not begin (503, 430), comes as events, never from
// within Dial.
func (e *Endpoint) Dial(to DialTarget, id call.LegID, d call.Dial) {}

// Do tells a leg what to do. It returns at once; for a leg that is gone it does
// nothing and returns false.
func (e *Endpoint) Do(id call.LegID, a call.LegAction) bool { return false }

// LegByDialog finds the leg of a dialog as it stands in a Replaces header (RFC 3891):
// Call-ID, our tag and the far end's must be right.
func (e *Endpoint) LegByDialog(d call.DialogID) (call.LegID, bool) { return 0, false }

// Dialog gives a leg's dialog, for the records of direct calls; ToTag is ours. false:
// no such leg, or no dialog yet.
func (e *Endpoint) Dialog(id call.LegID) (call.DialogID, bool) { return call.DialogID{}, false }

// FlowTo gives the UDP flow from a socket of ours to an address.
func (e *Endpoint) FlowTo(local, remote netip.AddrPort) (registrar.FlowID, error) { return 0, nil }

// Connect takes a connection over that this system opened to a neighbour, and gives
// its flow. With tc TLS is spoken on it as the client; the handshake is done before
// Connect returns, so it waits for the network.
func (e *Endpoint) Connect(c net.Conn, tc *tls.Config) (registrar.FlowID, error) {
	id, err := e.flows.Connect(c, tc)
	return registrar.FlowID(id), err
}
