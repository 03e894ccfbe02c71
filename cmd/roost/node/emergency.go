package node

import (
	"net/netip"
	"slices"
	"time"

	"roost/registrar"
)

// Emergency implements sip.Calls.
func (c calls) Emergency(number string) bool { return c.isEmergency(number) }

func (n *Node) isEmergency(to string) bool { return slices.Contains(n.config().Emergency.Numbers, to) }

// noteCaller keeps where a phone makes an emergency call from: of a phone with several
// devices, or with none registered, that is the place that counts. It keeps an address
// for each phone that has proved itself, at most.
func (n *Node) noteCaller(number registrar.Number, to string, from netip.Addr) {
	if n.isEmergency(to) {
		n.trunks.callers.Store(number, from.Unmap())
	}
}

// locationOf is a caller's home and its location there (GU6).
func (r router) locationOf(number registrar.Number) (system, location string) {
	d := r.directory()
	var at netip.Addr
	if noted, ok := r.trunks.callers.Load(number); ok {
		at, _ = noted.(netip.Addr)
	}
	if base, ok := d.BaseExtension(number); ok {
		number = base
	}
	home := r.name
	if _, own := d.Extension(number); !own {
		if other, elsewhere := r.known.homeOf(number); elsewhere {
			home = other
		}
	}
	if bindings := r.registrar.Lookup(number, time.Now()); len(bindings) > 0 {
		if bindings[0].Guest {
			home = bindings[0].Home
		}
		if !at.IsValid() {
			at = bindings[0].Source.Addr().Unmap()
		}
	}
	switch {
	case !at.IsValid():
		return home, ""
	case home != r.name:
		return home, r.known.location(home, at)
	}
	l, _ := d.LocationOf(at)
	return home, l.Name
}
