package directory

import (
	"slices"

	"roost/registrar"
)

// Diff is what a reload changed, each list by number.
type Diff struct {
	UsersAdded, UsersChanged           []User
	UsersRemoved                       []registrar.Number
	ExtensionsAdded, ExtensionsChanged []Extension
	ExtensionsRemoved                  []registrar.Number
	// LocationsChanged: BackupFor or LocationOf may answer differently.
	LocationsChanged bool
}

// Compare says how to get from one directory to another; from may be nil. A user
// whose base extension changed counts as changed, since that is shared with the
// user (SH1).
func Compare(from, to *Directory) Diff {
	if from == nil {
		from = &Directory{}
	}
	var d Diff
	for _, u := range to.users {
		old, ok := from.User(u.Number)
		was, _ := from.BaseExtension(u.Number)
		is, _ := to.BaseExtension(u.Number)
		switch {
		case !ok:
			d.UsersAdded = append(d.UsersAdded, u)
		case old != u || was != is:
			d.UsersChanged = append(d.UsersChanged, u)
		}
	}
	for _, u := range from.users {
		if _, ok := to.User(u.Number); !ok {
			d.UsersRemoved = append(d.UsersRemoved, u.Number)
		}
	}
	for _, e := range to.extensions {
		old, ok := from.Extension(e.Number)
		switch {
		case !ok:
			d.ExtensionsAdded = append(d.ExtensionsAdded, e)
		case old != e:
			d.ExtensionsChanged = append(d.ExtensionsChanged, e)
		}
	}
	for _, e := range from.extensions {
		if _, ok := to.Extension(e.Number); !ok {
			d.ExtensionsRemoved = append(d.ExtensionsRemoved, e.Number)
		}
	}
	d.LocationsChanged = from.backup != to.backup || !slices.Equal(from.subnets, to.subnets) ||
		!slices.EqualFunc(from.locations, to.locations, func(a, b Location) bool { return a.Name == b.Name })
	return d
}

// Empty reports whether nothing changed.
func (d Diff) Empty() bool {
	return len(d.UsersAdded)+len(d.UsersChanged)+len(d.UsersRemoved)+
		len(d.ExtensionsAdded)+len(d.ExtensionsChanged)+len(d.ExtensionsRemoved) == 0 && !d.LocationsChanged
}
