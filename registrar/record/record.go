package record

import (
	"net/netip"
	"time"

	"roost/registrar"
	"roost/registrar/credentials"
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

// Settings are those that systems compare (SE1, SE3).
type Settings struct {
	Realm         string
	MediaSecurity registrar.MediaSecurity
	Suites        []string
	SRTCP         bool
	// FailoverDelay in seconds.
	FailoverDelay uint32
	Version       string
}

// AppendUser appends the bytes of a user to dst. All Append functions do
// likewise for their kind.
func AppendUser(dst []byte, u *User) []byte { panic("being written") }

// ParseUser reads a user; b must be nothing else. All Parse functions do
// likewise for their kind.
func ParseUser(b []byte) (User, error) { panic("being written") }

func AppendExtension(dst []byte, e *Extension) []byte { panic("being written") }

func ParseExtension(b []byte) (Extension, error) { panic("being written") }

// AppendRegistration writes the expiry as what remains of it at now.
func AppendRegistration(dst []byte, r *Registration, now time.Time) []byte { panic("being written") }

// ParseRegistration puts the times to the clock of the reader: the record's
// writing to now. A record that has waited is parsed with the time at which it
// came.
func ParseRegistration(b []byte, now time.Time) (Registration, error) { panic("being written") }

func AppendGuest(dst []byte, g *Guest, now time.Time) []byte { panic("being written") }

func ParseGuest(b []byte, now time.Time) (Guest, error) { panic("being written") }

func AppendDirEntry(dst []byte, e *DirEntry) []byte { panic("being written") }

func ParseDirEntry(b []byte) (DirEntry, error) { panic("being written") }

func AppendKey(dst []byte, k credentials.Key) []byte { panic("being written") }

func ParseKey(b []byte) (credentials.Key, error) { panic("being written") }

func AppendSettings(dst []byte, s *Settings) []byte { panic("being written") }

func ParseSettings(b []byte) (Settings, error) { panic("being written") }

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
	KindSettings
)

// KindOf is the kind of the record in b; 0 if it is none.
func KindOf(b []byte) Kind { panic("being written") }
