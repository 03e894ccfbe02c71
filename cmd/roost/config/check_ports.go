package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// socket is one place that a system listens on.
type socket struct {
	cfg       *Config
	key, what string
	stream    bool
	host      string
	port      uint16
}

// ports finds two listeners on one address and port: in one system, or in two
// whose addresses say that they are on one machine (rule NE2: several systems may
// run side by side).
func (c *checker) ports() {
	var before []socket
	for _, cfg := range c.configs {
		for _, s := range cfg.sockets() {
			for _, other := range before {
				if s.clashes(other) {
					c.add(SeverityError, "NE2", cfg, s.key, fmt.Sprintf("%s of %s and %s of %s (%s:%d) both take %s", s.what, cfg.System, other.what, other.cfg.System,
						other.cfg.Path, other.cfg.Line(other.key), net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))),
						"give one of them another port or address")
				}
			}
			before = append(before, s)
		}
	}
}

func (c *Config) sockets() []socket {
	var all []socket
	add := func(key, what string, stream bool, at HostPort) {
		if at.Port == 0 {
			return
		}
		host, _, err := net.SplitHostPort(at.At(c.Address))
		if err != nil {
			return // Load has refused it
		}
		all = append(all, socket{cfg: c, key: key, what: what, stream: stream, host: strings.ToLower(host), port: at.Port})
	}
	for i, listen := range c.SIP.Listen {
		add(fmt.Sprintf("sip.listen[%d]", i), "SIP over "+string(listen.Transport), listen.Transport != UDP, HostPort{Host: listen.Host, Port: listen.Port})
	}
	if len(c.Network.NATS.URLs) == 0 {
		add("network.listen", "the listener for lines", true, c.Network.Listen)
	}
	add("console.listen", "the console", true, c.Console.Listen)
	return all
}

func (s socket) clashes(other socket) bool {
	if s.port != other.port || s.stream != other.stream {
		return false
	}
	if s.cfg != other.cfg && !oneMachine(s.cfg, other.cfg) {
		return false
	}
	return s.host == other.host || isWildcard(s.host) || isWildcard(other.host)
}

// oneMachine guesses from the addresses that two systems run side by side: both
// are loopback, or the same.
func oneMachine(a, b *Config) bool {
	return a.Address == b.Address || isLoopback(a.Address) && isLoopback(b.Address)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback() || host == "localhost"
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsUnspecified()
}
