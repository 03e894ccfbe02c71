package registrar

// Config is what a system allows. The zero value of a field is its default.
type Config struct {
	// Licences is how many own phones may be registered at a time (US4);
	// 0: no limit.
	Licences int
	// Capacity is how many phones, guests among them, the system carries (GU2);
	// 0: no limit.
	Capacity int
	// MaxContacts is how many devices one phone's number may be registered
	// with, 1 by default. Bindings with the same instance id are one device.
	MaxContacts int
	// MaxFlows is how many flows (reg-ids) one device may have; 2 by default.
	MaxFlows int
	// RefuseWhenFull: a further device is refused with ErrTooManyContacts
	// instead of taking the place of the one refreshed longest ago.
	RefuseWhenFull bool
	// TooBrief is the shortest lease in seconds that a phone may ask for, 0: any.
	// RFC 3261 allows at most 3600.
	TooBrief uint32
	// DefaultExpires in seconds is what a phone gets that names no lease; 3600.
	DefaultExpires uint32
	// MinExpires and MaxExpires are the granted range of an Update that has
	// none; 3240 to 3600.
	MinExpires, MaxExpires uint32
	// Seed makes the spread of the leases differ between systems and starts.
	Seed uint64
}

// Limits on what one request may bring. A longer user agent is cut; all else
// is ErrBadUpdate.
const (
	MaxNumberLength    = 64
	MaxContactLength   = 512
	MaxCallIDLength    = 256
	MaxInstanceLength  = 128
	MaxPathLength      = 1024
	MaxHomeLength      = 64
	MaxUserAgentLength = 200
	// MaxContactsInRequest bounds the work of one REGISTER (RFC 5393).
	MaxContactsInRequest = 16
)

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&c.MaxContacts, 1)
	set(&c.MaxFlows, 2)
	if c.DefaultExpires == 0 {
		c.DefaultExpires = 3600
	}
	if c.MaxExpires == 0 {
		c.MinExpires, c.MaxExpires = 3240, 3600
	}
	c.MinExpires = min(c.MinExpires, c.MaxExpires)
	c.TooBrief = min(c.TooBrief, 3600)
	return c
}
