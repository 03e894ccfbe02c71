package trunk

import (
	"net/netip"

	"roost/registrar"
	"roost/signaling/sip"
)

// index is by what a call is known to be a trunk's.
type index struct {
	flows map[registrar.FlowID]*line
	users map[string]*line
	addrs map[netip.Addr][]*line
	nets  []network
}

type network struct {
	prefix netip.Prefix
	line   *line
}

// reindex makes the index anew. s.mu is held.
func (s *Set) reindex() {
	x := &index{flows: map[registrar.FlowID]*line{}, users: map[string]*line{}, addrs: map[netip.Addr][]*line{}}
	for _, l := range s.lines {
		if l.c.Register && l.c.Line != "" {
			x.users[l.c.Line] = l
		}
		for _, p := range l.c.Sources {
			x.nets = append(x.nets, network{p, l})
		}
		l.mu.Lock()
		for _, id := range l.flows {
			x.flows[id] = l
		}
		for _, one := range l.servers.All() {
			a := one.Addr.Addr()
			x.addrs[a] = append(x.addrs[a], l)
		}
		l.mu.Unlock()
	}
	s.known.Store(x)
}

// Recognise tells whose call comes from a peer. A trunk is known by the contact that
// it was registered with, by a connection that this system opened, by its servers'
// addresses, or by its sources; never by what it says of itself. A trunk over TLS or
// TCP is believed over such only, since the source of a datagram is anybody's word.
// Of several trunks with one address the first that has the number is it (has may be
// nil), else the first. line tells that the Request-URI names the registration and not
// who is called.
func (s *Set) Recognise(p sip.FlowPeer, has func(trunk, number string) bool) (name string, line, ok bool) {
	x := s.known.Load()
	if l := x.users[p.User]; l != nil && l.trusts(p.Transport) {
		return l.c.Name, true, true
	}
	if l := x.flows[p.Flow]; l != nil {
		return l.c.Name, l.isLine(p.User), true
	}
	l := x.byAddress(p, has)
	if l == nil {
		return "", false, false
	}
	return l.c.Name, l.isLine(p.User), true
}

// byAddress is the trunk that an address is one of, nil if there is none.
func (x *index) byAddress(p sip.FlowPeer, has func(trunk, number string) bool) (first *line) {
	from := p.Source.Addr().Unmap()
	fits := func(l *line) bool {
		if !l.trusts(p.Transport) {
			return false
		}
		if first == nil {
			first = l
		}
		return l.isLine(p.User) || has == nil || has(l.c.Name, p.User)
	}
	for _, l := range x.addrs[from] {
		if fits(l) {
			return l
		}
	}
	for _, n := range x.nets {
		if n.prefix.Contains(from) && fits(n.line) {
			return n.line
		}
	}
	return first
}

// isLine: some carriers write the account's name instead of the contact.
func (l *line) isLine(user string) bool {
	return l.c.Register && user != "" && (user == l.c.Line || user == l.c.Credentials.User)
}

func (l *line) trusts(t registrar.Transport) bool {
	switch l.c.Transport {
	case TLS:
		return t.Secure()
	case TCP:
		return t.Stream()
	}
	return true
}
