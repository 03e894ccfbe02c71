package trunk

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Resolver looks names up. Its answers are bounded in number and good for as long as
// it says. ErrNoRecords tells that a name has none of the kind.
type Resolver interface {
	// NAPTR gives the replacements of a domain's records by service ("SIP+D2U"), the
	// first by order and preference of each (RFC 3403, RFC 3263 §4.1).
	NAPTR(ctx context.Context, domain string) (map[string]string, time.Duration, error)
	// SRV gives a name's records (RFC 2782).
	SRV(ctx context.Context, name string) ([]SRV, time.Duration, error)
	// Addresses gives a host's addresses, IPv4 and IPv6.
	Addresses(ctx context.Context, host string) ([]netip.Addr, time.Duration, error)
}

// SRV is one record of a service.
type SRV struct {
	Host             string
	Port             uint16
	Priority, Weight uint16
}

// ErrNoRecords: the name is not there, or has nothing of the kind.
var ErrNoRecords = errors.New("no records")

// maxServers bounds the servers of a trunk.
const maxServers = 32

// services are the NAPTR services and SRV names of a transport (RFC 3263 §4.1).
func (t Transport) services() (naptr, srv string) {
	switch t {
	case TCP:
		return "SIP+D2T", "_sip._tcp."
	case TLS:
		return "SIPS+D2T", "_sips._tcp."
	}
	return "SIP+D2U", "_sip._udp."
}

// Locate finds a trunk's servers (RFC 3263 §4.2), and for how long that is good: its
// address as it is written; else with SRV what the domain's records name; else the
// host's own addresses.
func Locate(ctx context.Context, r Resolver, c *Config) ([]Server, time.Duration, error) {
	port := c.Port
	if port == 0 {
		port = c.Transport.port()
	}
	if a, err := netip.ParseAddr(c.Peer); err == nil {
		return []Server{{Host: c.Peer, Addr: netip.AddrPortFrom(a.Unmap(), port)}}, 24 * time.Hour, nil
	}
	if c.SRV {
		found, ttl, err := bySRV(ctx, r, c)
		if !errors.Is(err, ErrNoRecords) {
			return found, ttl, err
		}
	}
	addresses, ttl, err := r.Addresses(ctx, c.Peer)
	if err != nil {
		return nil, 0, fmt.Errorf("%s cannot be looked up: %w", c.Peer, err)
	}
	var found []Server
	for _, a := range addresses {
		found = append(found, Server{Host: c.Peer, Addr: netip.AddrPortFrom(a.Unmap(), port)})
	}
	return found[:min(len(found), maxServers)], ttl, nil
}

func bySRV(ctx context.Context, r Resolver, c *Config) ([]Server, time.Duration, error) {
	service, prefix := c.Transport.services()
	name := prefix + c.Peer
	// Without an answer about NAPTR the SRV record has the name that it usually has.
	if replaced, _, err := r.NAPTR(ctx, c.Peer); err == nil && replaced[service] != "" {
		name = replaced[service]
	}
	records, ttl, err := r.SRV(ctx, name)
	if err != nil {
		return nil, 0, fmt.Errorf("%s cannot be looked up: %w", name, err)
	}
	if len(records) == 1 && strings.Trim(records[0].Host, ".") == "" {
		return nil, 0, fmt.Errorf("%s: the domain says that it has no such service; another transport?", name)
	}
	var found []Server
	var last error
	for _, one := range records {
		addresses, life, err := r.Addresses(ctx, one.Host)
		if err != nil {
			last = fmt.Errorf("%s, which %s names, cannot be looked up: %w", one.Host, name, err)
			continue
		}
		ttl = min(ttl, life)
		for _, a := range addresses {
			if len(found) < maxServers {
				found = append(found, Server{Host: one.Host, Addr: netip.AddrPortFrom(a.Unmap(), one.Port), Priority: one.Priority, Weight: one.Weight})
			}
		}
	}
	if len(found) == 0 {
		return nil, 0, errors.Join(fmt.Errorf("%s names no server that has an address", name), withoutKind(last))
	}
	return found, ttl, nil
}

// withoutKind keeps an error's text only: that a server's host has no records does not
// mean that the domain has no SRV records.
func withoutKind(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(err.Error())
}
