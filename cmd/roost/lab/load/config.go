package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Config says who registers where, and how.
type Config struct {
	// Target is the registrar; only loopback addresses are taken.
	Target    netip.AddrPort
	Transport string // "udp", "tcp" or "tls"
	// Refresh measures refreshes: each phone registers once beforehand, and each
	// REGISTER then carries credentials with the nonce that it was given and a
	// growing count. Else each registration is a full one: 401, then 200.
	Refresh bool
	// NewConnection opens a connection for each registration (TCP, TLS).
	NewConnection bool

	// First is the number of the first of Users phones; the others follow.
	First, Users int
	// Password is a pattern; {number} stands for the number.
	Password string
	// Domain is the SIP domain and, unless Realm is set, the digest realm.
	Domain, Realm string
	// Algorithm is the one that is answered, "MD5" or "SHA-256"; "" for MD5.
	Algorithm string
	// Lease is what is asked for, in seconds.
	Lease int

	// Sockets is how many UDP sockets or streams share the phones.
	Sockets int
	// Window is how many registrations may be outstanding at a time, in all. With
	// streams it is at most Sockets: each has one outstanding.
	Window int
	// Rate is how many registrations begin a second; 0: as the window allows. With
	// a rate the window is open and Window is not used.
	Rate float64
	// For is how long registrations are begun. With Once each phone registers
	// once, and For spreads them over that time.
	For  time.Duration
	Once bool
	// GiveUp is how long an answer is waited for, 32 s (RFC 3261 Timer F).
	GiveUp time.Duration

	// TLS is the client's configuration, needed for "tls".
	TLS *tls.Config

	// Measuring, if not nil, is called when what is measured begins (true), after
	// the registrations beforehand, and when it has ended (false).
	Measuring func(begins bool)
}

// Bounds of a Config.
const (
	maxUsers   = 1_000_000
	maxSockets = 20_000
	defaultT1  = 500 * time.Millisecond
	longestT2  = 4 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	streams := c.Transport != "udp"
	set(&c.Users, 1000)
	set(&c.Window, 64)
	set(&c.Lease, 180)
	switch {
	case c.Sockets > 0:
	case streams && c.Once:
		c.Sockets = c.Users
	case streams:
		c.Sockets = 64
	default:
		c.Sockets = 8
	}
	c.Sockets = min(c.Sockets, c.Users)
	if streams && c.Rate == 0 && !c.Once {
		c.Sockets = min(c.Sockets, c.Window)
	}
	if c.Realm == "" {
		c.Realm = c.Domain
	}
	if c.TLS != nil && c.TLS.ServerName == "" {
		c.TLS = c.TLS.Clone()
		c.TLS.ServerName = c.Target.Addr().String()
	}
	if c.Algorithm == "" {
		c.Algorithm = "MD5"
	}
	if c.For == 0 && !c.Once {
		c.For = 5 * time.Second
	}
	if c.GiveUp == 0 {
		c.GiveUp = 32 * time.Second
	}
	if c.Once && c.For > 0 {
		c.Rate = float64(c.Users) / c.For.Seconds()
	}
	return c, c.check()
}

// ErrNotLoopback refuses to load what is not this machine.
var ErrNotLoopback = errors.New("load is only for this machine: the target must be a loopback address such as 127.0.0.11")

func (c *Config) check() error {
	switch {
	case !c.Target.IsValid() || c.Target.Port() == 0:
		return errors.New("load: no target, ADDRESS:PORT")
	case !c.Target.Addr().Unmap().IsLoopback():
		return fmt.Errorf("load: %s: %w", c.Target, ErrNotLoopback)
	case c.Transport != "udp" && c.Transport != "tcp" && c.Transport != "tls":
		return fmt.Errorf("load: transport %q: udp, tcp or tls", c.Transport)
	case c.Transport == "tls" && c.TLS == nil:
		return errors.New("load: tls needs the root that the server is verified against")
	case c.NewConnection && c.Transport == "udp":
		return errors.New("load: UDP has no connections to open anew")
	case c.Users < 1 || c.Users > maxUsers:
		return fmt.Errorf("load: %d users: from 1 to %d", c.Users, maxUsers)
	case c.First < 0:
		return fmt.Errorf("load: first number %d: digits only", c.First)
	case c.Sockets < 1 || c.Sockets > maxSockets:
		return fmt.Errorf("load: %d sockets: from 1 to %d", c.Sockets, maxSockets)
	case c.Window < 1 || c.Window > maxUsers:
		return fmt.Errorf("load: a window of %d: from 1 to %d", c.Window, maxUsers)
	case c.Rate < 0 || c.For < 0 || c.GiveUp < 0:
		return errors.New("load: rate and times are not negative")
	case c.Domain == "":
		return errors.New("load: no domain")
	case c.Algorithm != "MD5" && c.Algorithm != "SHA-256":
		return fmt.Errorf("load: algorithm %q: MD5 or SHA-256", c.Algorithm)
	case c.Once && c.Refresh && c.NewConnection:
		return errors.New("load: once, refresh and new connections do not go together")
	}
	return nil
}

func (c *Config) password(number string) string {
	return strings.ReplaceAll(c.Password, "{number}", number)
}
