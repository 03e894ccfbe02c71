package directory

import (
	"net/netip"

	"roost/registrar"
	"roost/registrar/credentials"
)

// User is a person with a number. Credentials belong to the user.
type User struct {
	Number    registrar.Number
	Name      string
	LoginCode string
	Secret    credentials.Secret
	// H235 is the password itself, for the base user of an H.323 extension only: its
	// tokens cannot be checked with a digest. Empty: it registers by its address.
	H235     credentials.Password
	Settings Settings
}

// Settings are what a user changes at the phone; shared (SH1), and changes made
// as a guest are dropped at failback (GU5).
type Settings struct {
	DoNotDisturb bool
	Forwards     Forwards
}

// Forwards are numbers or URIs; empty: not forwarded.
type Forwards struct {
	Always, Busy, NoAnswer string
	// NoAnswerAfter in seconds, 0: as the system has it.
	NoAnswerAfter uint16
}

// Extension is a phone that belongs to this system.
type Extension struct {
	Number   registrar.Number
	Protocol registrar.Protocol
	// BaseUser is who is logged in when nobody else is; the user's secret is
	// what the phone proves itself with.
	BaseUser      registrar.Number
	MediaSecurity registrar.MediaSecurity
	// Profile names a phone profile; empty: by the phone's user agent.
	Profile string
}

// Location is a part of the site with its own backup, by the address of the phone.
type Location struct {
	Name    string
	Subnets []netip.Prefix
	// Backup is a system's name or address; empty: the system's own backup.
	Backup string
}

// System is another system of the network.
type System struct {
	Name    string
	Address netip.Addr
}

// Input is what a configuration says.
type Input struct {
	System  string   // ours
	Systems []System // the others
	// Backup is the system's default backup, empty if it has none.
	Backup     string
	Users      []User
	Extensions []Extension
	Locations  []Location
	// Profiles by which the extensions' profiles are checked.
	Profiles Profiles
}

// List is a list of the Input.
type List string

// The lists, named as in the configuration.
const (
	Users      List = "users"
	Extensions List = "extensions"
	Locations  List = "locations"
)

// Problem is one thing wrong with the Input. List and Index say where, Field is
// the key in the configuration or empty, and Text what is wrong and what would
// be right.
type Problem struct {
	List  List
	Index int
	Field string
	Text  string
}
