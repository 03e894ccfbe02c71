package flow

import (
	"net/netip"
	"time"
)

// Handler is the layer above. Both methods are called from the Table's readers:
// for one flow one after the other, for different flows at the same time.
type Handler interface {
	// Handle takes one message. It must not block: nothing else is read from this
	// connection (or this UDP socket) until it returns. A panic in it is recovered,
	// counted, and costs this message only.
	Handle(in *Inbound)
	// FlowClosed tells that a flow ended. It is called once for each TCP or TLS flow
	// whose handshake was completed, and for each UDP flow that was proven; the ID is
	// gone already.
	FlowClosed(id ID, why Reason)
}

// Inbound is one message as it arrived. It, and everything it points to, is lent
// until Handle returns.
type Inbound struct {
	// Flow is where it came from. For UDP it stays valid while the peer keeps sending
	// and is not crowded out; Table.Prove makes it stay.
	Flow ID
	// Transport is the flow's transport.
	Transport Transport
	// Local and Remote are the flow's addresses, IPv4 never mapped into IPv6.
	Local, Remote netip.AddrPort
	// Proven tells whether Table.Prove was called for the flow.
	Proven bool
	// At is when the message was read.
	At time.Time
	// Waited is for how long messages lie in the socket before they are read, at least, as
	// measured for some 100 ms; 0 where that cannot be told (streams, other than Linux).
	Waited time.Duration
	// Bytes is the whole message: header, empty line, body. On streams exactly what
	// Content-Length says; over UDP the whole datagram.
	Bytes []byte
	// Broken is not nil where the message of a stream could not be cut (ErrHeaderTooLarge,
	// ErrBodyTooLarge, ErrNoContentLength, ErrContentLength). Bytes is then what there is
	// of the header. The flow is closed after the answer is written.
	Broken error

	// Answer is set by the handler: what it appends is sent when Handle returns, before
	// anything that is read later is answered. It starts empty, with room.
	Answer []byte
	// AnswerTo is where Answer goes over UDP; the zero value means Remote
	// (RFC 3261 §18.2.2 for a peer without rport).
	AnswerTo netip.AddrPort
	// Then, if set, is called once from the flow's reader when Answer has been written, or
	// could not be: what it sends on the same flow follows the answer. Like Handle it
	// must not block; a panic in it is recovered.
	Then func()
	// Close, if set, closes the flow after Answer is written (a proven or unproven UDP
	// flow is forgotten).
	Close bool
}
