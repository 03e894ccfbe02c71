package directory

import (
	"cmp"
	"net/netip"
	"slices"

	"roost/registrar"
)

// Directory is what a system is configured with. It never changes.
type Directory struct {
	users      []User      // by number
	extensions []Extension // by number
	userAt     map[registrar.Number]int
	extAt      map[registrar.Number]int
	phoneOf    map[registrar.Number]registrar.Number // of a base user
	locations  []Location
	subnets    []subnet // longest first
	backup     string
	backups    []string
}

// subnet is one of a location, with the backup resolved to a system's name.
type subnet struct {
	prefix   netip.Prefix
	location int
	backup   string
}

// New checks the input and makes a directory of it; with problems it is nil.
func New(in Input) (*Directory, []Problem) {
	c := checker{in: &in}
	c.users()
	c.extensions()
	subnets := c.locations()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	d := &Directory{
		users: slices.Clone(in.Users), extensions: slices.Clone(in.Extensions),
		userAt:  make(map[registrar.Number]int, len(in.Users)),
		extAt:   make(map[registrar.Number]int, len(in.Extensions)),
		phoneOf: make(map[registrar.Number]registrar.Number, len(in.Extensions)),
		backup:  in.Backup, subnets: subnets,
	}
	for _, l := range in.Locations {
		l.Subnets = slices.Clone(l.Subnets)
		d.locations = append(d.locations, l)
	}
	slices.SortFunc(d.users, func(a, b User) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortFunc(d.extensions, func(a, b Extension) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortStableFunc(d.subnets, func(a, b subnet) int { return b.prefix.Bits() - a.prefix.Bits() })
	for i, u := range d.users {
		d.userAt[u.Number] = i
	}
	for i, e := range d.extensions {
		d.extAt[e.Number] = i
		d.phoneOf[e.BaseUser] = e.Number
	}
	d.backups = d.allBackups()
	return d, nil
}

func (d *Directory) allBackups() (all []string) {
	if d.backup != "" {
		all = append(all, d.backup)
	}
	for _, s := range d.subnets {
		if s.backup != "" {
			all = append(all, s.backup)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// User finds a user by number.
func (d *Directory) User(n registrar.Number) (User, bool) {
	i, ok := d.userAt[n]
	if !ok {
		return User{}, false
	}
	return d.users[i], true
}

// Extension finds an extension by number.
func (d *Directory) Extension(n registrar.Number) (Extension, bool) {
	i, ok := d.extAt[n]
	if !ok {
		return Extension{}, false
	}
	return d.extensions[i], true
}

// BaseExtension is the extension whose base user is n; false for a user without
// a phone.
func (d *Directory) BaseExtension(n registrar.Number) (registrar.Number, bool) {
	e, ok := d.phoneOf[n]
	return e, ok
}

// Users are all users, by number. Not to be changed.
func (d *Directory) Users() []User { return d.users }

// Extensions are all extensions, by number. Not to be changed.
func (d *Directory) Extensions() []Extension { return d.extensions }

// Locations are all locations as configured. Not to be changed.
func (d *Directory) Locations() []Location { return d.locations }

// LocationOf is the location of a phone by its address: the longest subnet that
// has it. False if none does or the address is not valid.
func (d *Directory) LocationOf(source netip.Addr) (Location, bool) {
	if s := d.subnetOf(source); s != nil {
		return d.locations[s.location], true
	}
	return Location{}, false
}

// BackupFor is the system that takes the phone at this address in (SH5): its
// location's, else the system's own; empty if there is none. source may be
// invalid for a phone that was never seen.
func (d *Directory) BackupFor(source netip.Addr) string {
	if s := d.subnetOf(source); s != nil && s.backup != "" {
		return s.backup
	}
	return d.backup
}

func (d *Directory) subnetOf(source netip.Addr) *subnet {
	source = source.Unmap().WithZone("")
	for i := range d.subnets {
		if d.subnets[i].prefix.Contains(source) {
			return &d.subnets[i]
		}
	}
	return nil
}

// Backups are all systems that BackupFor can answer, sorted.
func (d *Directory) Backups() []string { return d.backups }
