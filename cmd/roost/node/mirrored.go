package node

import (
	"strings"
	"time"

	"roost/registrar"
	"roost/registrar/record"
	"roost/resilience"
	"roost/resilience/mirror"
)

// mirrored takes over what other systems share (service.Callbacks). Its methods
// are called one after the other, from one goroutine of the mirror's.
type mirrored struct{ *Node }

// Changed implements service.Callbacks.
func (m mirrored) Changed(c mirror.RecordsChanged) {
	now := time.Now()
	for i := range c.Changes {
		change := &c.Changes[i]
		if err := m.apply(c.Origin, c.Set, change, now); err != nil {
			m.unread.Add(1)
			m.log.Warn().Err(err).Str("from", c.Origin).Str("set", c.Set).Str("key", change.Key).
				Msg("a shared record was not understood and is left out")
		}
	}
}

func (m mirrored) apply(origin, set string, c *mirror.Change, now time.Time) error {
	gone := c.Kind == mirror.Removed || c.Kind == mirror.Expired
	switch {
	case set == mirror.Dir:
		return m.entry(origin, c, gone, now)
	case strings.HasPrefix(set, "cfg/"):
		return m.configured(origin, c, gone, now)
	case strings.HasPrefix(set, "bind/"):
		return m.binding(origin, c, gone, now)
	case strings.HasPrefix(set, "guest/"):
		return m.guest(origin, c, gone, now)
	case strings.HasPrefix(set, "call/"):
		return m.standingCall(origin, c, gone, now)
	}
	return nil // a set of a newer version
}

// entry takes a number of the network over. A number that another system has too
// is an alarm (NE3); the phone goes on where it is.
func (m mirrored) entry(origin string, c *mirror.Change, gone bool, now time.Time) error {
	n := registrar.Number(c.Key)
	if gone {
		m.known.dropHost(origin, n)
		m.known.dropEntry(origin, n)
		m.unique(n, now)
		return nil
	}
	e, err := record.ParseDirEntry(c.Value)
	if err != nil {
		return err
	}
	if e.Home != origin {
		m.known.setHost(origin, n) // its guest, so that calls find it
		return nil
	}
	if other := m.known.setEntry(origin, e); other || m.owns(n) {
		m.unique(n, now)
	}
	return nil
}

// configured takes users and extensions of a home over.
func (m mirrored) configured(home string, c *mirror.Change, gone bool, now time.Time) error {
	if number, ok := strings.CutPrefix(c.Key, userKey); ok {
		if gone {
			m.known.dropUser(home, registrar.Number(number))
			return nil
		}
		u, err := record.ParseUser(c.Value)
		if err == nil && string(u.Number) == number {
			m.known.setUser(home, u)
		}
		return err
	}
	if name, ok := strings.CutPrefix(c.Key, locationKey); ok {
		return m.location(home, name, c, gone)
	}
	number, ok := strings.CutPrefix(c.Key, extensionKey)
	if !ok {
		return nil
	}
	if gone {
		m.known.dropExtension(home, registrar.Number(number))
		return nil
	}
	e, err := record.ParseExtension(c.Value)
	if err != nil || string(e.Number) != number {
		return err
	}
	m.known.setExtension(home, e)
	return nil
}

func (m mirrored) location(home, name string, c *mirror.Change, gone bool) error {
	if gone {
		m.known.dropLocation(home, name)
		return nil
	}
	l, err := record.ParseLocation(c.Value)
	if err == nil && l.Name == name {
		m.known.setLocation(home, l)
	}
	return err
}

// binding takes over what a home says of its registrations: the sign that a guest
// is home (FB6).
func (m mirrored) binding(home string, c *mirror.Change, gone bool, now time.Time) error {
	if gone {
		number, _, _ := strings.Cut(c.Key, "/")
		if c.Kind == mirror.Removed { // one that expired may be one whose home is gone
			m.known.dropEndpoint(home, registrar.Number(number))
		}
		if m.known.unbound(home, registrar.Number(number)) == 0 {
			m.keeper.step(resilience.HomeLacks{Phone: resilience.Phone(number), Home: resilience.System(home)})
		}
		return nil
	}
	r, err := record.ParseRegistration(c.Value, now)
	if err != nil {
		return err
	}
	m.known.bound(home, &r, c.Kind == mirror.Added)
	m.known.setEndpoint(home, r)
	m.keeper.step(resilience.HomeHas{
		Phone: resilience.Phone(r.Number), Home: resilience.System(home), At: registeredAt(r.Granted, c.Expires, now)})
	return nil
}

// registeredAt puts the time of a registration to our clock: a lease began as long
// before its end as it was granted for, and the mirror tells its end in our time. The
// record may have waited long before it came, so the time of its coming says nothing.
func registeredAt(granted uint32, expires, now time.Time) time.Time {
	if expires.IsZero() {
		return now
	}
	at := expires.Add(-time.Duration(granted) * time.Second)
	if at.After(now) {
		return now
	}
	return at
}

// guest takes over that another system serves a phone of ours, or the key of its
// nonces (SE4).
func (m mirrored) guest(system string, c *mirror.Change, gone bool, now time.Time) error {
	if c.Key == nonceKey {
		return m.nonceKeyOf(system, c, gone)
	}
	number, ok := strings.CutPrefix(c.Key, guestKey)
	if !ok {
		return nil
	}
	n := registrar.Number(number)
	if gone {
		m.away.left(n, system)
		return nil
	}
	g, err := record.ParseGuest(c.Value, now)
	if err != nil {
		return err
	}
	if _, own := m.directory().Extension(n); !own || g.Phone != n {
		return nil
	}
	g.Where = system
	m.away.set(g)
	var ours time.Time
	for _, r := range m.registrar.Lookup(n, now) {
		if r.Registered.After(ours) {
			ours = r.Registered
		}
	}
	m.keeper.step(resilience.GuestAt{Phone: resilience.Phone(n), System: resilience.System(system),
		At: registeredAt(g.Granted, c.Expires, now), OursAt: ours})
	return nil
}

func (m mirrored) nonceKeyOf(system string, c *mirror.Change, gone bool) error {
	if gone {
		return nil // a system that is away: its phones come with its nonces just then
	}
	k, err := record.ParseKey(c.Value)
	if err != nil {
		return err
	}
	m.peerKeys.set(system, k)
	m.keys.SetPeer(system, m.peerKeys.ahead(system), k)
	return nil
}
