package natscarrier

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"roost/certs"
	"roost/resilience/mirror"
)

// Config is what Start needs. System is required, and Identity unless Outside has TLS
// settings of its own. Zero limits and times are replaced by their defaults.
type Config struct {
	System string // this system's name
	// Listen is where lines come in: "host:port", ":7422" for every address, port 0
	// for a free one. "" means that this system only dials (behind NAT).
	Listen   string
	Identity *certs.Source
	Clock    certs.Clock // time.Now if nil; asked at each handshake
	Peers    []Peer
	Outside  *Outside // nil: embedded server and direct lines
	Limits   Limits
	Timing   Timing
	Log      zerolog.Logger
}

// Peer is a line to another system.
type Peer struct {
	System string
	// Address is where its server listens, "host:port". "" means that it dials us and
	// cannot be dialled: we hear it over the connection that it makes.
	Address string
	// Member is a line for the directory only: the peer neither backs us up nor we it.
	Member bool
	// OutOnly: the peer cannot reach our listener, so serve it over the connection that
	// we dial. Implied where Config.Listen is "".
	OutOnly bool
	// AnyAddress: Address is a NAT's or a relay's, so do not ask that the peer's
	// certificate covers its host.
	AnyAddress bool
}

// Outside is an existing NATS cluster used instead of the embedded servers. It vouches
// for the sender of each subject: its operator must give every system a user of its own
// with the permissions of docs/sharing.md. Without them any client of the cluster could
// speak for any system.
type Outside struct {
	// URLs of its servers: "nats://host:4222", "tls://host:4222", also with
	// user:password@.
	URLs []string
	// TLS settings; nil: tls:// URLs are verified against the identity's trusted root
	// and shown the identity certificate.
	TLS *tls.Config
	// Credentials is the path of a NATS credentials file (JWT and seed); "" for none.
	Credentials string
}

// Limits bound what the carrier holds and takes. Rates are per second, and
// per peer unless said otherwise, with a burst of twice as many.
type Limits struct {
	MaxPayload    int // bytes of a message; 512 KiB, at least 64 KiB
	QueueMessages int // waiting for one handler; 65,536
	QueueBytes    int // waiting for one handler; 64 MiB
	PendingBytes  int // waiting in the server for one connection of a peer; 32 MiB
	Connections   int // at the embedded server, strangers in a handshake included; 1,024
	PerPeer       int // connections of one peer at the embedded server; 6
	HeartbeatRate int // 50
	DeltaRate     int // 20,000
	PullRate      int // 200; counts answers asked for
	AnswerRate    int // 20,000
	CallRate      int // 1,000
	FloodDrops    int // messages dropped by a rate within a second that cut the peer off; 20,000
	HandshakeRate int // TLS handshakes at the listener a second, from one address; 100
}

// Timing is how often and how long the carrier tries and waits.
type Timing struct {
	Dial         time.Duration // one try, TLS and NATS handshake included; 3 s
	RetryMin     time.Duration // first pause between tries; 50 ms, grows by half
	RetryMax     time.Duration // longest pause within FastFor; 1 s
	RetrySlow    time.Duration // longest pause after FastFor; 5 s
	FastFor      time.Duration // 5 min
	Ping         time.Duration // NATS ping on a quiet connection; 3 s
	PingsOut     int           // unanswered pings that end it; 2
	Write        time.Duration // a write that takes longer ends the connection; 2 s
	Arrivals     time.Duration // how often connections that came in are looked at; 200 ms
	FloodPenalty time.Duration // a peer that flooded stays out for this long; 10 s
}

const minPayload = 64 << 10

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.MaxPayload, 512<<10)
	l.MaxPayload = max(l.MaxPayload, minPayload)
	orDefault(&l.QueueMessages, 65_536)
	orDefault(&l.QueueBytes, 64<<20)
	orDefault(&l.PendingBytes, 32<<20)
	orDefault(&l.Connections, 1024)
	orDefault(&l.PerPeer, 6)
	orDefault(&l.HeartbeatRate, 50)
	orDefault(&l.DeltaRate, 20_000)
	orDefault(&l.PullRate, 200)
	orDefault(&l.AnswerRate, 20_000)
	orDefault(&l.CallRate, 1_000)
	orDefault(&l.FloodDrops, 20_000)
	orDefault(&l.HandshakeRate, 100)
	return l
}

func (t Timing) withDefaults() Timing {
	orDefault(&t.Dial, 3*time.Second)
	orDefault(&t.RetryMin, 50*time.Millisecond)
	orDefault(&t.RetryMax, time.Second)
	orDefault(&t.RetrySlow, 5*time.Second)
	orDefault(&t.FastFor, 5*time.Minute)
	orDefault(&t.Ping, 3*time.Second)
	orDefault(&t.PingsOut, 2)
	orDefault(&t.Write, 2*time.Second)
	orDefault(&t.Arrivals, 200*time.Millisecond)
	orDefault(&t.FloodPenalty, 10*time.Second)
	return t
}

// Scaled divides the times for a lab that runs speed times as fast, with floors below
// which a busy machine would see faults that are not there.
func (t Timing) Scaled(speed int) Timing {
	t = t.withDefaults()
	s := time.Duration(max(speed, 1))
	t.RetryMin = max(t.RetryMin/s, 10*time.Millisecond)
	t.RetryMax = max(t.RetryMax/s, 50*time.Millisecond)
	t.RetrySlow = max(t.RetrySlow/s, 100*time.Millisecond)
	t.FastFor /= s
	t.Ping = max(t.Ping/s, 100*time.Millisecond)
	t.Write = max(t.Write/s, 250*time.Millisecond)
	t.Arrivals = max(t.Arrivals/s, 20*time.Millisecond)
	t.FloodPenalty /= s
	return t
}

// check returns the configuration with its defaults, or everything that is wrong with it.
func (c Config) check() (Config, error) {
	c.Limits = c.Limits.withDefaults()
	c.Timing = c.Timing.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if err := mirror.CheckName(c.System); err != nil {
		return c, fmt.Errorf("this system: %w", err)
	}
	if c.Outside != nil {
		return c, errors.Join(c.Outside.check(c.Identity), checkPeers(&c))
	}
	if c.Identity == nil {
		return c, errors.New("lines need an identity certificate (certificates: in the configuration)")
	}
	if named := c.Identity.Current().System(); named != c.System {
		return c, fmt.Errorf("the identity certificate names %s, but this system is %s", named, c.System)
	}
	return c, checkPeers(&c)
}

func (o *Outside) check(identity *certs.Source) error {
	if len(o.URLs) == 0 {
		return errors.New("network.nats names no server; give at least one URL like tls://nats1.example:4222")
	}
	for _, url := range o.URLs {
		secure := strings.HasPrefix(url, "tls://")
		if !secure && !strings.HasPrefix(url, "nats://") {
			return fmt.Errorf("network.nats: %q: want nats://host:port or tls://host:port", redact(url))
		}
		if secure && o.TLS == nil && identity == nil {
			return fmt.Errorf("network.nats: %q needs certificates", redact(url))
		}
	}
	return nil
}

// redact takes user and password out of a URL, for logs.
func redact(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		return scheme + "://…@" + rest[at+1:]
	}
	return url
}

func checkPeers(c *Config) error {
	seen := make(map[string]bool, len(c.Peers))
	for i := range c.Peers {
		p := &c.Peers[i]
		if err := mirror.CheckName(p.System); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		if p.System == c.System {
			return fmt.Errorf("line %d: %s is this system itself", i+1, p.System)
		}
		if seen[p.System] {
			return fmt.Errorf("line %d: there are two lines to %s", i+1, p.System)
		}
		seen[p.System] = true
		if c.Outside != nil {
			continue
		}
		if p.Address == "" {
			if c.Listen == "" {
				return fmt.Errorf("line to %s: no address to dial, and this system does not listen for lines", p.System)
			}
			continue
		}
		if host, _, err := net.SplitHostPort(p.Address); err != nil || host == "" {
			return fmt.Errorf("line to %s: address %q: want host:port", p.System, p.Address)
		}
	}
	return nil
}
