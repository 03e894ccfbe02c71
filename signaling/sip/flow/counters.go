package flow

// Counters are what happened since the Table was made, and how things stand.
type Counters struct {
	// Connections, Handshaking, UDPFlows, Proven say how many there are now.
	Connections, Handshaking, UDPFlows, Proven int64

	// Accepted connections, handshakes done, messages handed to the Handler and bytes
	// of them, messages written and bytes of them.
	Accepted, HandshakesDone, MessagesIn, BytesIn, MessagesOut, BytesOut uint64
	// Keep-alives answered: CRLF pings on streams, STUN binding requests; keep-alives
	// over UDP that need no answer.
	Pings, Stuns, UDPKeepAlives uint64

	// Refused connections: over Limits.Connections, over Limits.PerSource.
	RefusedFull, RefusedPerSource uint64
	// Datagrams dropped: over Limits.Rate; malformed STUN.
	DroppedRate, DroppedStun uint64
	// Flows closed, by reason.
	Closed [Draining + 1]uint64
	// Broken messages on streams, by cause.
	HeaderTooLarge, BodyTooLarge, NoContentLength, BadContentLength uint64
	// Panics in the Handler; errors of accept, read and write that were none of the above.
	Panics, AcceptErrors, ReadErrors, WriteErrors uint64
}
