package config

import (
	"crypto/x509"
	"fmt"
	"strings"

	"roost/certs"
)

// certificates loads those of all systems, judges each against its configuration
// and each against the roots of the systems it has lines to (rule SE2).
func (c *checker) certificates() {
	loaded := make(map[*Config]*certs.Identity, len(c.configs))
	for _, cfg := range c.configs {
		if cfg.Certificates == (Certificates{}) {
			continue
		}
		id, err := certs.Load(cfg.Certificates.Files())
		if err != nil {
			c.add(SeverityError, "SE2", cfg, "certificates", err.Error(), "name a PEM certificate, its key and the trusted root; roost certs show explains a file")
			continue
		}
		loaded[cfg] = id
		for _, found := range id.Check(cfg.expected(), c.now) {
			severity := SeverityWarning
			if found.Severe {
				severity = SeverityError
			}
			key := "certificates.identity"
			if found.Kind == certs.KindChain {
				key = "certificates.trusted_root"
			}
			c.add(severity, "SE2", cfg, key, found.Text, found.Remedy)
		}
	}
	c.pairs(func(a, b *Config) {
		if loaded[a] != nil && loaded[b] != nil {
			c.roots(a, b, loaded[a], loaded[b])
		}
	})
	for _, cfg := range c.configs {
		c.dialled(cfg, loaded)
	}
}

// dialled wants the certificate of the other end of a line to cover the address
// that is dialled.
func (c *checker) dialled(cfg *Config, loaded map[*Config]*certs.Identity) {
	for i := range cfg.Network.Lines {
		line := &cfg.Network.Lines[i]
		other := c.byName[line.System]
		if line.Address.IsZero() || len(cfg.Network.NATS.URLs) > 0 || other == nil || loaded[other] == nil {
			continue
		}
		if !certs.Covers(loaded[other].Leaf, line.Address.Host) {
			c.add(SeverityError, "SE2", cfg, fmt.Sprintf("network.lines[%d].address", i), fmt.Sprintf("it dials %s, which the certificate of %s (%s:%d) does not cover: the line will not come up",
				line.Address.Host, other.System, other.Path, other.Line("certificates.identity")),
				fmt.Sprintf("issue %s a certificate with that address too, or dial one that it has", other.System))
		}
	}
}

// expected is what the identity of a system must cover.
func (c *Config) expected() certs.Expect {
	expect := certs.Expect{System: c.System, Addresses: []string{c.Address}, Domain: c.Realm}
	for _, listen := range c.SIP.Listen {
		if (listen.Transport == TLS || listen.Transport == WSS) && listen.Host != "" && !isWildcard(listen.Host) && listen.Host != c.Address {
			expect.Addresses = append(expect.Addresses, listen.Host)
		}
	}
	return expect
}

// roots wants two systems to trust a root in common.
func (c *checker) roots(a, b *Config, ofA, ofB *certs.Identity) {
	for _, mine := range ofA.Roots {
		for _, theirs := range ofB.Roots {
			if mine.Equal(theirs) {
				return
			}
		}
	}
	c.add(SeverityError, "SE2", b, "certificates.trusted_root", fmt.Sprintf("%s trusts %s and %s trusts %s (%s:%d): no line comes up between them",
		b.System, rootList(ofB.Roots), a.System, rootList(ofA.Roots), a.Path, a.Line("certificates.trusted_root")),
		"issue both identities with the same root, and name it as trusted_root in both")
}

func rootList(roots []*x509.Certificate) string {
	names := make([]string, len(roots))
	for i, root := range roots {
		names[i] = fmt.Sprintf("the root %q (SHA-256 %s…)", root.Subject.CommonName, certs.ShortFingerprint(root))
	}
	return strings.Join(names, " and ")
}
