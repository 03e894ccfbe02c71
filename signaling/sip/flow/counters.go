package flow

import (
	"errors"
	"sync/atomic"
)

// Counters are what happened since the Table was made, and how things stand.
type Counters struct {
	// Connections (TCP and TLS), those of them in their TLS handshake, UDP flows, and
	// proven flows of all transports: how many there are now.
	Connections, Handshaking, UDPFlows, Proven int64

	// Accepted connections, handshakes done, messages handed to the Handler and bytes
	// of them, messages written and bytes of them.
	Accepted, HandshakesDone, MessagesIn, BytesIn, MessagesOut, BytesOut uint64
	// Keep-alives: CRLF pings answered on streams, STUN binding requests answered,
	// datagrams of nothing but CR, LF and NUL, which need no answer.
	Pings, Stuns, UDPKeepAlives uint64

	// Connections refused: over Limits.Connections, over Limits.PerSource; connections
	// that gave way to a newer one at Limits.Connections.
	RefusedFull, RefusedPerSource, GaveWay uint64
	// Datagrams dropped: over Limits.Rate; malformed STUN.
	DroppedRate, DroppedStun uint64
	// Closed flows by reason: connections, and UDP flows that were proven or gave way.
	Closed [reasons]uint64
	// Broken messages on streams, by cause.
	HeaderTooLarge, BodyTooLarge, NoContentLength, BadContentLength uint64
	// Panics in the Handler; errors of accept, read and write that were none of the above.
	Panics, AcceptErrors, ReadErrors, WriteErrors uint64
}

type counters struct {
	connections, handshaking, udpFlows, proven                           atomic.Int64
	accepted, handshakesDone, messagesIn, bytesIn, messagesOut, bytesOut atomic.Uint64
	pings, stuns, udpKeepAlives                                          atomic.Uint64
	refusedFull, refusedPerSource, gaveWay, droppedRate, droppedStun     atomic.Uint64
	closed                                                               [reasons]atomic.Uint64
	headerTooLarge, bodyTooLarge, noContentLength, badContentLength      atomic.Uint64
	panics, acceptErrors, readErrors, writeErrors                        atomic.Uint64
}

// Counters gives a snapshot. Its numbers are each right, and may differ by what
// happened between reading one and the next.
func (t *Table) Counters() Counters {
	c := &t.count
	out := Counters{
		Connections: c.connections.Load(), Handshaking: c.handshaking.Load(),
		UDPFlows: c.udpFlows.Load(), Proven: c.proven.Load(),
		Accepted: c.accepted.Load(), HandshakesDone: c.handshakesDone.Load(),
		MessagesIn: c.messagesIn.Load(), BytesIn: c.bytesIn.Load(),
		MessagesOut: c.messagesOut.Load(), BytesOut: c.bytesOut.Load(),
		Pings: c.pings.Load(), Stuns: c.stuns.Load(), UDPKeepAlives: c.udpKeepAlives.Load(),
		RefusedFull: c.refusedFull.Load(), RefusedPerSource: c.refusedPerSource.Load(),
		GaveWay:     c.gaveWay.Load(),
		DroppedRate: c.droppedRate.Load(), DroppedStun: c.droppedStun.Load(),
		HeaderTooLarge: c.headerTooLarge.Load(), BodyTooLarge: c.bodyTooLarge.Load(),
		NoContentLength: c.noContentLength.Load(), BadContentLength: c.badContentLength.Load(),
		Panics: c.panics.Load(), AcceptErrors: c.acceptErrors.Load(),
		ReadErrors: c.readErrors.Load(), WriteErrors: c.writeErrors.Load(),
	}
	for i := range out.Closed {
		out.Closed[i] = c.closed[i].Load()
	}
	return out
}

// broken counts a message that could not be cut.
func (c *counters) broken(err error) {
	switch {
	case errors.Is(err, ErrHeaderTooLarge):
		c.headerTooLarge.Add(1)
	case errors.Is(err, ErrBodyTooLarge):
		c.bodyTooLarge.Add(1)
	case errors.Is(err, ErrNoContentLength):
		c.noContentLength.Add(1)
	default:
		c.badContentLength.Add(1)
	}
}
