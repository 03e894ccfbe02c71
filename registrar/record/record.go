package record

import (
	"net/netip"
	"time"

	"roost/registrar"
	"roost/registrar/directory"
)

// User is a user as shared with the backups.
type User struct {
	directory.User
	// BaseExtension is empty for a user without a phone; shared all the same.
	BaseExtension registrar.Number
}

// Extension is an extension as shared with the backups.
type Extension struct {
	directory.Extension
}

// Registration is a binding as shared with the backups.
type Registration struct {
	registrar.Registration
	H323 H323
}

// H323 is what only registrations of that protocol have.
type H323 struct {
	RAS, CallSignalling netip.AddrPort
	Aliases             []string
	EndpointID          string
}

// Guest is a phone that a system serves for its home, told to the home.
type Guest struct {
	Phone registrar.Number
	Home  string
	// Where is the system that serves it.
	Where string
	Busy  bool
	// Since is when it came, shared as an age.
	Since time.Time
	// Granted is the lease in seconds of its last registration there. The shared
	// record ends with the lease, so that the home can tell when that was.
	Granted uint32
}

// DirEntry is one number of the network, told to all.
type DirEntry struct {
	Number registrar.Number
	Name   string
	Home   string
	// Where it is registered now; empty: nowhere.
	Where string
	Busy  bool
}

// Location is a part of a home's site, by the addresses of its phones; a guest keeps
// it (GU6).
type Location struct {
	Name    string
	Subnets []netip.Prefix
}

// Call is a connected call of a system's phones, as told to their backups: of a direct
// one they may hear the next event (SH1, VP4), of an anchored one they tell the end (VP2).
type Call struct {
	// ID names the call at its system.
	ID string
	// Direct: media goes from phone to phone, and neither is held (VP3).
	Direct bool
	// Start and Answer are shared as ages.
	Start, Answer time.Time
	// Ends are the two that talk, the caller first.
	Ends [2]CallEnd
}

// CallEnd is one end of a call.
type CallEnd struct {
	Number registrar.Number
	Name   string
	// Kind is "phone", "system" or "trunk", System the name of the latter two.
	Kind, System string
	// CallID and the tags name the dialog with it; OurTag is the telling system's.
	CallID, OurTag, TheirTag string
}

// Kind is the kind of a record.
type Kind uint8

// The kinds.
const (
	KindUser Kind = iota + 1
	KindExtension
	KindRegistration
	KindGuest
	KindDirEntry
	KindKey
	KindLocation
	KindCall
)

// KindOf is the kind of the record in b; 0 if it is none.
func KindOf(b []byte) Kind {
	if len(b) < 2 || b[1] != format || Kind(b[0]) > KindCall {
		return 0
	}
	return Kind(b[0])
}
