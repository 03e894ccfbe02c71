package flow

import "fmt"

// ID names one flow of one Table. The zero ID names none. An ID is a number of the
// listener (8 bits), a generation (24 bits) and a slot (32 bits): a slot that is
// used again has another generation, so an old ID is found to be gone.
type ID uint64

// String gives the ID as 16 hexadecimal digits, for logs.
func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

func makeID(listener uint8, generation, slot uint32) ID {
	return ID(uint64(listener)<<56 | uint64(generation&generationMask)<<32 | uint64(slot))
}

const generationMask = 1<<24 - 1

func (id ID) listener() uint8    { return uint8(id >> 56) }
func (id ID) generation() uint32 { return uint32(id>>32) & generationMask }
func (id ID) slot() uint32       { return uint32(id) }

// Transport is how a flow's bytes travel.
type Transport uint8

// The transports. The zero value is none of them.
const (
	UDP Transport = iota + 1
	TCP
	TLS
	WS
	WSS
)

// String gives the name as in a Via header: "UDP", "TCP", "TLS", "WS", "WSS".
func (t Transport) String() string {
	switch t {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	case WS:
		return "WS"
	case WSS:
		return "WSS"
	default:
		return "NONE"
	}
}

// Reliable says whether the transport is a stream (RFC 3261 §18).
func (t Transport) Reliable() bool { return t >= TCP && t <= WSS }

// Reason says why a flow ended.
type Reason uint8

// The reasons.
const (
	// StillOpen is the zero value: the flow did not end.
	StillOpen Reason = iota
	// PeerClosed: the peer closed or reset the connection.
	PeerClosed
	// Asked: the layer above called Table.Close or set Inbound.Close.
	Asked
	// Silent: no whole message came within Limits.FirstMessage after the
	// connection (or its TLS handshake) was made.
	Silent
	// HalfSent: a message was begun and not finished within Limits.WholeMessage.
	HalfSent
	// Idle: nothing was heard for the flow's idle time.
	Idle
	// NotReading: the peer did not take what was sent (Limits.Write, Limits.Queue).
	NotReading
	// BadFraming: the end of a message could not be told, or a limit was passed.
	BadFraming
	// HandshakeFailed: the TLS handshake failed or took longer than Limits.Handshake.
	HandshakeFailed
	// Crowded: an unproven flow gave way to a newer one (Limits.Strangers over UDP,
	// Limits.Connections else).
	Crowded
	// Draining: Table.Shutdown.
	Draining

	reasons
)

var reasonWords = [...]string{
	StillOpen:       "still open",
	PeerClosed:      "closed by the peer",
	Asked:           "closed by us",
	Silent:          "no message within the deadline",
	HalfSent:        "message not finished within the deadline",
	Idle:            "idle",
	NotReading:      "the peer does not read",
	BadFraming:      "the end of a message could not be told",
	HandshakeFailed: "TLS handshake failed",
	Crowded:         "gave way to a newer one",
	Draining:        "shutting down",
}

var reasonNames = [...]string{
	StillOpen: "still_open", PeerClosed: "by_peer", Asked: "by_us", Silent: "silent", HalfSent: "half_sent", Idle: "idle",
	NotReading: "not_reading", BadFraming: "bad_framing", HandshakeFailed: "handshake_failed", Crowded: "crowded", Draining: "draining",
}

// Name is the reason as it stands in the name of a metric.
func (r Reason) Name() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// String gives the reason in words, for logs and status.
func (r Reason) String() string {
	if int(r) < len(reasonWords) {
		return reasonWords[r]
	}
	return "unknown"
}
