package trunk

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"roost/signaling/sip/message"
)

// Transport is how a trunk is spoken to.
type Transport uint8

// The transports.
const (
	UDP Transport = iota + 1
	TCP
	TLS
)

// String gives "UDP", "TCP" or "TLS".
func (t Transport) String() string {
	switch t {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	}
	return "?"
}

// port is where a transport is spoken when nothing else is said (RFC 3261 §19.1.2).
func (t Transport) port() uint16 {
	if t == TLS {
		return 5061
	}
	return 5060
}

// Config is one trunk.
type Config struct {
	// Name is unique in a Set.
	Name string
	// Peer is its host, or with SRV its domain. Port is 0 for the usual one.
	Peer      string
	Port      uint16
	SRV       bool
	Transport Transport
	// Register: this system registers as User; else the peer knows it by its address.
	Register bool
	Expires  time.Duration
	// Credentials answer challenges to REGISTER and to calls.
	Credentials Credentials
	// Domain is the trunk's SIP domain; empty: Peer.
	Domain string
	// Sources are networks that calls come from, besides the servers' addresses.
	Sources []netip.Prefix
	// Line is the user part of the contact that is registered. Whoever calls it proves
	// that he is the trunk, so it must be hard to guess.
	Line string
}

// domain is the host of the trunk's addresses.
func (c *Config) domain() string {
	if c.Domain != "" {
		return c.Domain
	}
	if strings.Contains(c.Peer, ":") {
		return "[" + c.Peer + "]"
	}
	return c.Peer
}

// uri is the Request-URI of what is for the trunk itself, or for a number of its.
func (c *Config) uri(number string) string {
	b := []byte("sip:")
	if number != "" {
		b = append(message.AppendUser(b, number), '@')
	}
	b = append(b, c.domain()...)
	if c.Domain == "" && c.Port != 0 {
		b = strconv.AppendUint(append(b, ':'), uint64(c.Port), 10)
	}
	return string(b)
}

// Timers are the times of trunks. A zero field is its default.
type Timers struct {
	// Ping is how often OPTIONS asks whether a trunk is there, 30 s; PingWithin how long
	// one server has for the answer, 5 s.
	Ping, PingWithin time.Duration
	// AskWithin is how long one server has to answer a REGISTER, 8 s; ReachWithin bounds
	// connecting to one, 4 s, and ResolveWithin looking the servers up, 5 s.
	AskWithin, ReachWithin, ResolveWithin time.Duration
	// Avoid is how long a server that failed is tried last, 30 s.
	Avoid time.Duration
	// RetryMin and RetryMax are RFC 5626 §4.5's base-time and max-time, 30 s and 30 min.
	RetryMin, RetryMax time.Duration
	// TTLMin and TTLMax bound how long an answer of the DNS is kept, 5 s and 1 h.
	TTLMin, TTLMax time.Duration
}

// DefaultTimers are those of the fields' comments.
func DefaultTimers() Timers {
	return Timers{
		Ping: 30 * time.Second, PingWithin: 5 * time.Second, AskWithin: 8 * time.Second,
		ReachWithin: 4 * time.Second, ResolveWithin: 5 * time.Second, Avoid: 30 * time.Second,
		RetryMin: 30 * time.Second, RetryMax: 30 * time.Minute, TTLMin: 5 * time.Second, TTLMax: time.Hour,
	}
}

func (t Timers) orDefault() Timers {
	d := DefaultTimers()
	for _, f := range []struct {
		at    *time.Duration
		value time.Duration
	}{
		{&t.Ping, d.Ping}, {&t.PingWithin, d.PingWithin}, {&t.AskWithin, d.AskWithin}, {&t.ReachWithin, d.ReachWithin},
		{&t.ResolveWithin, d.ResolveWithin}, {&t.Avoid, d.Avoid}, {&t.RetryMin, d.RetryMin}, {&t.RetryMax, d.RetryMax},
		{&t.TTLMin, d.TTLMin}, {&t.TTLMax, d.TTLMax},
	} {
		if *f.at <= 0 {
			*f.at = f.value
		}
	}
	return t
}
