package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/rs/zerolog"
)

// Config is what a relay runs with.
type Config struct {
	// Address is where IPv4 media is received, Address6 where IPv6 media is; one
	// may be missing (not valid), then streams of that family are refused.
	Address, Address6 netip.Addr
	// Advertised and Advertised6 are what far ends are told instead of Address and
	// Address6, where a NAT stands between; not valid: the addresses themselves.
	Advertised, Advertised6 netip.Addr
	// First and Last bound the range of ports, both included. A pair begins at an
	// even port. Each address has the whole range.
	First, Last uint16
	// Workers is how many threads carry packets; 0: one a core (GOMAXPROCS).
	Workers int
	// Eager has a worker wait for the next packet, up to 100 µs and only while there is
	// traffic, without telling Go's scheduler: it costs less processor time a packet,
	// but the worker keeps its P meanwhile. Whoever sets it raises GOMAXPROCS by the
	// number of workers, else other goroutines wait for them.
	Eager bool
	// Timeout is how long both sides of a stream may be silent before Silent is
	// called; 0: a minute; negative: never.
	Timeout time.Duration
	// Quarantine is how long ports rest after use, so that late packets of one call
	// do not reach the next; 0: 10 seconds; negative: not at all.
	Quarantine time.Duration
	// DSCP marks what is sent, 0 to 63; 0: 46 (EF); negative: not marked.
	DSCP int
	// Certificate is shown in DTLS handshakes; without one a certificate is made.
	Certificate *tls.Certificate
	// Scarce, if not nil, is called when 90 % of the ports of an address are taken
	// or resting (scarce), and when it is under 80 % again. It must not block.
	Scarce func(scarce bool, used, total int)
	// Log gets what an administrator should know, never a key. The zero Logger is silent.
	Log zerolog.Logger
}

// ErrConfig: a Config that cannot work.
var ErrConfig = errors.New("media relay")

func (c *Config) complete() error {
	c.Address, c.Address6 = c.Address.Unmap(), c.Address6.Unmap()
	switch {
	case !c.Address.IsValid() && !c.Address6.IsValid():
		return fmt.Errorf("%w: no address to receive media on", ErrConfig)
	case c.Address.IsValid() && !c.Address.Is4():
		return fmt.Errorf("%w: Address %s is not IPv4", ErrConfig, c.Address)
	case c.Address6.IsValid() && !c.Address6.Is6():
		return fmt.Errorf("%w: Address6 %s is not IPv6", ErrConfig, c.Address6)
	case c.First < 1024 || c.Last <= c.First || pairsIn(c.First, c.Last) == 0:
		return fmt.Errorf("%w: ports %d to %d hold no pair; give a range above 1023 with at least one even port and the next", ErrConfig, c.First, c.Last)
	case c.DSCP > 63:
		return fmt.Errorf("%w: DSCP %d is over 63", ErrConfig, c.DSCP)
	case c.Workers < 0 || c.Workers > 256:
		return fmt.Errorf("%w: %d workers; 0 (one a core) to 256", ErrConfig, c.Workers)
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.Quarantine == 0 {
		c.Quarantine = 10 * time.Second
	}
	if c.DSCP == 0 {
		c.DSCP = 46
	}
	for _, a := range []struct{ advertised, address *netip.Addr }{{&c.Advertised, &c.Address}, {&c.Advertised6, &c.Address6}} {
		if !a.advertised.IsValid() {
			*a.advertised = *a.address
		}
	}
	return nil
}
