package trunk

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// Server is one address of a trunk, and its place among the others (RFC 2782).
type Server struct {
	// Host is the name that the address was found under.
	Host string
	Addr netip.AddrPort
	// Priority: lower ones are tried first. Weight is the share among equals.
	Priority, Weight uint16
}

// Servers are the servers of a trunk and which of them failed lately. They are used by
// one goroutine at a time.
type Servers struct {
	all   []Server
	avoid map[netip.AddrPort]time.Time
}

// Set replaces the servers; what is known of those that stay is kept.
func (s *Servers) Set(all []Server) {
	s.all = slices.Clone(all)
	for at := range s.avoid {
		if !slices.ContainsFunc(s.all, func(one Server) bool { return one.Addr == at }) {
			delete(s.avoid, at)
		}
	}
}

// All are the servers, in no order.
func (s *Servers) All() []Server { return s.all }

// Has tells whether an address is one of the servers', whatever the port.
func (s *Servers) Has(a netip.Addr) bool {
	return slices.ContainsFunc(s.all, func(one Server) bool { return one.Addr.Addr() == a })
}

// Failed makes a server one that is tried last, until a time.
func (s *Servers) Failed(at netip.AddrPort, until time.Time) {
	if s.avoid == nil {
		s.avoid = map[netip.AddrPort]time.Time{}
	}
	s.avoid[at] = until
}

// Worked forgets that a server failed.
func (s *Servers) Worked(at netip.AddrPort) { delete(s.avoid, at) }

// Avoided tells whether a server failed lately.
func (s *Servers) Avoided(at netip.AddrPort, now time.Time) bool {
	until, ok := s.avoid[at]
	return ok && now.Before(until)
}

// Order gives the servers in the order in which they are to be tried: by priority, by
// weight among equals (RFC 2782), the one that is at use before its equals, and those
// that failed lately behind all others.
func (s *Servers) Order(use netip.AddrPort, now time.Time, random *rand.Rand) []Server {
	out := orderByWeight(s.all, random)
	slices.SortStableFunc(out, func(a, b Server) int {
		if x, y := s.Avoided(a.Addr, now), s.Avoided(b.Addr, now); x != y {
			return before(y)
		}
		if a.Priority != b.Priority {
			return cmp.Compare(a.Priority, b.Priority)
		}
		if x, y := a.Addr == use, b.Addr == use; x != y {
			return before(x)
		}
		return 0
	})
	return out
}

func before(yes bool) int {
	if yes {
		return -1
	}
	return 1
}

// orderByWeight is RFC 2782's: among those of one priority each is drawn with a chance
// in proportion to its weight, those of weight 0 with a small one. The addresses of one
// SRV record stay together (RFC 3263 §4.2).
func orderByWeight(all []Server, random *rand.Rand) []Server {
	groups := grouped(all)
	out := make([]Server, 0, len(all))
	for len(groups) > 0 {
		i := draw(groups, random)
		out = append(out, groups[i]...)
		groups = slices.Delete(groups, i, i+1)
	}
	return out
}

// grouped puts the addresses of each record together, the groups in the order in which
// RFC 2782 draws from them: by priority, those of weight 0 first.
func grouped(all []Server) (groups [][]Server) {
	for _, one := range all {
		i := slices.IndexFunc(groups, func(g []Server) bool {
			f := &g[0]
			return f.Host == one.Host && f.Priority == one.Priority && f.Weight == one.Weight && f.Addr.Port() == one.Addr.Port()
		})
		if i < 0 {
			groups = append(groups, []Server{one})
			continue
		}
		groups[i] = append(groups[i], one)
	}
	slices.SortStableFunc(groups, func(a, b []Server) int {
		if c := cmp.Compare(a[0].Priority, b[0].Priority); c != 0 {
			return c
		}
		return cmp.Compare(min(a[0].Weight, 1), min(b[0].Weight, 1))
	})
	return groups
}

// draw chooses among those that have the first one's priority.
func draw(groups [][]Server, random *rand.Rand) int {
	total, n := 0, 0
	for n < len(groups) && groups[n][0].Priority == groups[0][0].Priority {
		total += int(groups[n][0].Weight)
		n++
	}
	at, sum := random.IntN(total+1), 0
	for i := range n {
		if sum += int(groups[i][0].Weight); sum >= at {
			return i
		}
	}
	return 0
}
