package call

import "roost/registrar"

// LegID names a leg within the system. It is never used for another leg.
type LegID uint64

// PeerKind is what is at the far end of a leg.
type PeerKind uint8

// The kinds of peer.
const (
	// Phone is a registered phone, own or guest.
	Phone PeerKind = iota + 1
	// System is another system of the network, over a line.
	System
	// Trunk is a carrier or another PBX.
	Trunk
)

// String names the kind as call records have it: "phone", "system", "trunk".
func (k PeerKind) String() string {
	switch k {
	case Phone:
		return "phone"
	case System:
		return "system"
	case Trunk:
		return "trunk"
	default:
		return "unknown"
	}
}

// Party is who is at an end of a call, as it is shown to the other end.
type Party struct {
	// Number as it is dialled; empty where it is unknown.
	Number registrar.Number
	// Name is the display name.
	Name string
	// Private: the party asked not to be shown (RFC 3323).
	Private bool
}

// Body is what a message carries besides its header. Nobody but media looks
// into a session description.
type Body struct {
	// Type is the Content-Type, "application/sdp"; empty where there is no body.
	Type string
	Data []byte
	// Direction of the first audio stream, as its sender says it. The executor fills
	// it in on events; AnyDirection where nobody looked.
	Direction Direction
}

// Direction is a=sendrecv and its kin (RFC 8866 §6.7).
type Direction uint8

// The directions.
const (
	AnyDirection Direction = iota
	SendRecv
	SendOnly
	RecvOnly
	Inactive
)

// Holds tells that who says so holds the other side (RFC 6337 §5.3).
func (d Direction) Holds() bool { return d == SendOnly || d == Inactive }

// Empty tells that there is no body.
func (b Body) Empty() bool { return b.Type == "" || len(b.Data) == 0 }

// DialogID names a dialog by its three parts, from the far end's view as it
// stands in a Replaces header (RFC 3891): ToTag is ours.
type DialogID struct{ CallID, ToTag, FromTag string }
