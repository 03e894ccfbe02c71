package registrar

import (
	"net/netip"
	"time"
)

// Update is one REGISTER (or RRQ) that may be recorded: the caller has checked
// the credentials and has the admission. No string of it is kept; all may point
// into the message's buffer.
type Update struct {
	Number    Number
	Protocol  Protocol
	Transport Transport
	Source    netip.AddrPort
	Flow      FlowID
	CallID    string
	CSeq      uint32
	Branch    uint64 // hash of the topmost Via's branch
	Nonce     uint64
	// NonceCount is the digest's nc; see Registration.Nonce.
	NonceCount uint32
	UserAgent  string
	Path       string
	// Guest and Home as in Registration.
	Guest bool
	Home  string
	// Contacts are the request's contacts. None: a query, which changes nothing.
	Contacts []Contact
	// Star is "Contact: *" with "Expires: 0": all bindings go (RFC 3261
	// section 10.2.2). Contacts is empty then.
	Star bool
	// MinExpires and MaxExpires are the range in seconds in which a lease is
	// granted, drawn evenly (GU1: 60 to 120 for a guest), but never more than
	// the phone asked for. 0, 0: as the registrar's Config says.
	MinExpires, MaxExpires uint32
}

// Contact is one contact of a REGISTER.
type Contact struct {
	URI      string
	Instance string
	// RegID is reg-id, 0 if there was none. It is ignored without an Instance
	// (RFC 5626 section 6).
	RegID uint32
	// Expires is what the contact asks for in seconds (its own parameter, else
	// the Expires header); AskDefault if neither was there; 0 removes it.
	Expires int64
	// Q in thousandths, 0 to 1000.
	Q uint16
}

// AskDefault as Contact.Expires: the phone left the lease to us.
const AskDefault = -1

// Result is what became of an Update.
type Result struct {
	// Bound are the bindings that the request named and that stand now, in the
	// request's order: what the 200 lists. For a query it is all bindings of
	// the phone.
	Bound []Registration
	// Changes is what changed, in order; it can concern other phones, whose
	// expired bindings were swept to free a licence. It may be non-empty
	// together with an error.
	Changes []Change
	// Repeated says that this was a retransmission: nothing changed, and the
	// answer is the same again.
	Repeated bool
	// MinExpires is set with ErrTooBrief: what the 423's Min-Expires says.
	MinExpires uint32
}

// ChangeKind is what happened to a binding.
type ChangeKind uint8

// The kinds of change.
const (
	Added ChangeKind = iota + 1
	Refreshed
	Removed
)

// String is the kind in a word for the log.
func (k ChangeKind) String() string { return nameOf(changeNames[:], int(k)) }

var changeNames = [...]string{"", "added", "refreshed", "removed"}

// Reason says why a binding went, in a word for the log and the history. The
// caller of Drop and DropGuest may give its own.
type Reason string

// The registrar's own reasons.
const (
	Unregistered Reason = "unregistered" // the phone took it away
	Expired      Reason = "expired"
	FlowEnded    Reason = "flow closed"
	Replaced     Reason = "replaced" // by a newer binding of the same phone
	// Converted: a guest became an own phone or the other way round.
	Converted Reason = "changed home"
)

// Change is one change of one binding.
type Change struct {
	Kind   ChangeKind
	Reason Reason // with Removed
	// Altered, with Refreshed: more than the lease changed (contact, flow,
	// source, user agent…).
	Altered bool
	// Left is how many bindings the phone has after this change: with Removed
	// and 0 the phone is gone, with Added and 1 it is new.
	Left         int
	At           time.Time
	Registration Registration
}

// Guest is a phone of another home that is registered here.
type Guest struct {
	Phone     Number
	Home      string
	Protocol  Protocol
	UserAgent string
	Since     time.Time // when it came
	Expires   time.Time // of its longest lease
}

// Counts are how many phones are registered; a phone with several bindings
// counts once. Bindings that have expired count until they are swept.
type Counts struct {
	SIP, H323             int // own phones
	GuestsSIP, GuestsH323 int
	Bindings              int
	Licences              int // how many there are; 0: no limit
	Capacity              int // phones, guests among them; 0: no limit
}

// Home is how many own phones are registered; each uses a licence (US4).
func (c Counts) Home() int { return c.SIP + c.H323 }

// Guests is how many guests there are; none uses a licence (GU2).
func (c Counts) Guests() int { return c.GuestsSIP + c.GuestsH323 }

// LicencesUsed is how many licences are in use.
func (c Counts) LicencesUsed() int { return c.Home() }

// Phones is all, as they count against the capacity.
func (c Counts) Phones() int { return c.Home() + c.Guests() }
