package ras

import (
	"net/netip"
	"time"
)

// Config is what a Gatekeeper is told. Zero means the default where one is named.
type Config struct {
	// Identifier is our gatekeeperIdentifier, 1 to 128 characters.
	Identifier string
	// Peers are the gatekeeperIdentifiers of the other systems: an endpoint that moves
	// to an alternate which is not permanent goes on naming its first gatekeeper.
	Peers []string
	// Addresses are where the sockets are reached, by socket, for rasAddress.
	Addresses []netip.AddrPort
	// Signalling are the addresses of call signalling for RCF; none without calls.
	Signalling []netip.AddrPort
	// Open are the addresses from which endpoints register without a token.
	Open []netip.Prefix
	// Neighbours are the addresses of gatekeepers that may locate (LRQ).
	Neighbours []netip.Prefix

	// TimeToLive is granted where the Office names none; 60 s.
	TimeToLive time.Duration
	// Repeat is the time to an answer before a request of ours is sent again, 3 s, and
	// Tries how often it is sent, 3.
	Repeat time.Duration
	Tries  int
	// Window is how far the time of a token may be off, 10 min.
	Window time.Duration
	// AnswersFor is how long an answer is given again to the same request, 15 s, and
	// Answers how many are kept, 16,384.
	AnswersFor time.Duration
	Answers    int
	// MaxEndpoints bounds the endpoints, 100,000.
	MaxEndpoints int
	// Rate is how many requests a second a source without a registered endpoint may
	// make, Burst how many at once: 500 and 5,000; a negative Rate: any. A whole site
	// may stand behind one address, and arrive at once. Strangers is how many sources
	// are told apart, 4,096.
	Rate, Burst float64
	Strangers   int

	// Random gives random numbers for identifiers, tokens and hash tables.
	Random func() uint64
	// Calls decides about calls; nil: there are none.
	Calls Calls
}

const (
	maxAliases    = 32
	maxAliasText  = 256
	maxIdentifier = 128
	maxAgent      = 120
	// maxProgress bounds what a RequestInProgress may ask us to wait.
	maxProgress = 30 * time.Second
	// maxTimeToLive bounds what an endpoint is granted at its own wish.
	maxTimeToLive = 24 * time.Hour
)

func (c *Config) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	count := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	set(&c.TimeToLive, time.Minute)
	set(&c.Repeat, 3*time.Second)
	set(&c.Window, 10*time.Minute)
	set(&c.AnswersFor, 15*time.Second)
	count(&c.Tries, 3)
	count(&c.Answers, 16384)
	count(&c.MaxEndpoints, 100_000)
	count(&c.Strangers, 4096)
	if c.Rate == 0 {
		c.Rate = 500
	}
	if c.Burst <= 0 {
		c.Burst = 5000
	}
}

// slack is for how long an endpoint is asked whether it lives.
func (c *Config) slack() time.Duration { return time.Duration(c.Tries) * c.Repeat }

func within(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
