package directory

import (
	"net/netip"

	"roost/registrar"
)

// Directory is what a system is configured with. It never changes.
type Directory struct{}

// New checks the input and makes a directory of it; with problems it is nil.
func New(in Input) (*Directory, []Problem) { panic("being written") }

// User finds a user by number.
func (d *Directory) User(n registrar.Number) (User, bool) { panic("being written") }

// Extension finds an extension by number.
func (d *Directory) Extension(n registrar.Number) (Extension, bool) { panic("being written") }

// BaseExtension is the extension whose base user is n; false for a user without
// a phone.
func (d *Directory) BaseExtension(n registrar.Number) (registrar.Number, bool) {
	panic("being written")
}

// Users are all users, by number. Not to be changed.
func (d *Directory) Users() []User { panic("being written") }

// Extensions are all extensions, by number. Not to be changed.
func (d *Directory) Extensions() []Extension { panic("being written") }

// Locations are all locations as configured. Not to be changed.
func (d *Directory) Locations() []Location { panic("being written") }

// LocationOf is the location of a phone by its address: the longest subnet that
// has it. False if none does or the address is not valid.
func (d *Directory) LocationOf(source netip.Addr) (Location, bool) { panic("being written") }

// BackupFor is the system that takes the phone at this address in (SH5): its
// location's, else the system's own; empty if there is none. source may be
// invalid for a phone that was never seen.
func (d *Directory) BackupFor(source netip.Addr) string { panic("being written") }

// Backups are all systems that BackupFor can answer, sorted.
func (d *Directory) Backups() []string { panic("being written") }

// Diff is what a reload changed, each list by number.
type Diff struct {
	UsersAdded, UsersChanged           []User
	UsersRemoved                       []registrar.Number
	ExtensionsAdded, ExtensionsChanged []Extension
	ExtensionsRemoved                  []registrar.Number
	// LocationsChanged: BackupFor may answer differently.
	LocationsChanged bool
}

// Compare says how to get from one directory to another; from may be nil.
func Compare(from, to *Directory) Diff { panic("being written") }

// Empty reports whether nothing changed.
func (d Diff) Empty() bool { panic("being written") }
