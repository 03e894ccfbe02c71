package sip

import (
	"crypto/tls"
	"net"

	"roost/registrar"
	"roost/signaling/sip/flow"
)

// Alive tells whether a flow is still there.
func (e *Endpoint) Alive(id registrar.FlowID) bool {
	_, alive := e.flows.Info(flow.ID(id))
	return alive
}

// Connect takes over a connection that this system opened to a neighbour, and gives
// its flow, for DialTarget.Flow. With tc it speaks TLS as the client; the handshake is
// done before Connect returns, so it waits for the network.
func (e *Endpoint) Connect(c net.Conn, tc *tls.Config) (registrar.FlowID, error) {
	id, err := e.flows.Connect(c, tc)
	return registrar.FlowID(id), err
}
