package config

// SIPListen is where calls of other systems come in (SIP over mutual TLS): as
// written, or the port above network.listen's where there are lines. false: nowhere.
func (c *Config) SIPListen() (HostPort, bool) {
	n := &c.Network
	if c.lines["network.sip"] != 0 || !n.SIP.IsZero() {
		return n.SIP, !n.SIP.IsZero()
	}
	if len(n.Lines) == 0 || n.Listen.IsZero() || n.Listen.Port == 65535 {
		return HostPort{}, false
	}
	return HostPort{Host: n.Listen.Host, Port: above(n.Listen.Port)}, true
}

// SIPAddress is where calls to the system at the other end go: as written, or the
// port above the line's. The zero value: only over a connection that it opened.
func (l *Line) SIPAddress() HostPort {
	if !l.SIP.IsZero() || l.Address.IsZero() {
		return l.SIP
	}
	return HostPort{Host: l.Address.Host, Port: above(l.Address.Port)}
}

// above is the next port; 0, any port, has none.
func above(port uint16) uint16 {
	if port == 0 || port == 65535 {
		return 0
	}
	return port + 1
}
