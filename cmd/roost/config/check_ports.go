package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
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
	c.mediaPorts(before)
}

// The range out of which Linux takes ports by itself, unless it was told otherwise.
const ephemeralFirst, ephemeralLast = 32768, 60999

// mediaPorts finds listeners within the ports of a relay on the same address, two
// relays that share ports, and ports that the machine gives away by itself.
func (c *checker) mediaPorts(listeners []socket) {
	for i, cfg := range c.configs {
		ports := cfg.Media.Ports
		for _, s := range listeners {
			if !s.stream && s.port >= ports.First && s.port <= ports.Last && cfg.relaysOn(s) {
				c.add(SeverityError, "NE2", cfg, "media.ports", fmt.Sprintf("%s contains the port %d of %s at %s (%s:%d)", ports, s.port, s.what, s.cfg.System, s.cfg.Path, s.cfg.Line(s.key)),
					"give another range")
			}
		}
		for _, other := range c.configs[:i] {
			theirs := other.Media.Ports
			if ports.First > theirs.Last || theirs.First > ports.Last || !sharesRelay(cfg, other) {
				continue
			}
			c.add(SeverityError, "NE2", cfg, "media.ports", fmt.Sprintf("%s and %s of %s (%s:%d) overlap, on one address", ports, theirs, other.System, other.Path, other.Line("media.ports")),
				"give each system ports of its own, or an address of its own")
		}
		if ports.First <= ephemeralLast && ports.Last >= ephemeralFirst {
			c.add(SeverityWarning, "NE2", cfg, "media.ports", fmt.Sprintf("%s overlaps %d-%d, out of which Linux gives other programs ports", ports, ephemeralFirst, ephemeralLast),
				"give a range outside of it, or change net.ipv4.ip_local_port_range")
		}
	}
}

// relays are the addresses of the relay, as texts.
func (c *Config) relays() []string {
	if len(c.Media.Relay) == 0 {
		return []string{strings.ToLower(strings.Trim(c.Address, "[]"))}
	}
	all := make([]string, len(c.Media.Relay))
	for i, a := range c.Media.Relay {
		all[i] = a.String()
	}
	return all
}

func (c *Config) relaysOn(s socket) bool {
	if s.cfg != c && !oneMachine(s.cfg, c) {
		return false
	}
	return isWildcard(s.host) || slices.Contains(c.relays(), s.host)
}

func sharesRelay(a, b *Config) bool {
	theirs := b.relays()
	return slices.ContainsFunc(a.relays(), func(address string) bool { return slices.Contains(theirs, address) })
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
	if at, on := c.SIPListen(); on {
		add("network.sip", "the listener for other systems' calls", true, at)
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
