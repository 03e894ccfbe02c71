package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// ExpiryWarning is how long before its end a certificate is an alarm (rule SE2).
const ExpiryWarning = 30 * 24 * time.Hour

// Expect is what the configuration says that an identity must cover.
type Expect struct {
	// System is the configured name.
	System string
	// Addresses are what phones and peers are given: IP addresses or host names.
	Addresses []string
	// Domain is the SIP domain, "" for none.
	Domain string
}

// Kind is what a Finding is about; stable, for alarms.
type Kind string

// The kinds of findings.
const (
	KindChain    Kind = "chain"    // other root, wrong usage
	KindName     Kind = "name"     // the system's name
	KindAddress  Kind = "address"  // an address phones or peers are given
	KindDomain   Kind = "domain"   // the SIP domain
	KindExpired  Kind = "expired"  // over, or not begun
	KindExpiring Kind = "expiring" // within ExpiryWarning
)

// Finding is one thing to say about an identity.
type Finding struct {
	Kind Kind
	// Severe: phones or lines are refused because of it now.
	Severe bool
	// Text is what is wrong, Remedy what would be right.
	Text, Remedy string
}

// Check says everything that is wrong, or soon will be, with an identity at now.
func (id *Identity) Check(expect Expect, now time.Time) []Finding {
	var findings []Finding
	add := func(kind Kind, severe bool, text, remedy string) {
		findings = append(findings, Finding{Kind: kind, Severe: severe, Text: text, Remedy: remedy})
	}
	id.checkLife(now, add)
	system, err := SystemOf(id.Leaf)
	switch {
	case err != nil:
		add(KindName, true, err.Error(), "issue one with the URI "+SystemURI(expect.System).String())
	case expect.System != "" && system != expect.System:
		add(KindName, true, fmt.Sprintf("certificate names %s, the system is %s", system, expect.System),
			"issue one with the URI "+SystemURI(expect.System).String())
	}
	for _, address := range expect.Addresses {
		if !Covers(id.Leaf, address) {
			add(KindAddress, true, fmt.Sprintf("certificate of %s does not cover the address %s; phones over TLS refuse it", subject(id.Leaf), address),
				fmt.Sprintf("issue one with the address %s; it has: %s", address, orNone(hosts(id.Leaf))))
		}
	}
	if expect.Domain != "" && !coversDomain(id.Leaf, expect.Domain) {
		add(KindDomain, false, fmt.Sprintf("certificate of %s does not cover the SIP domain %s; phones that check the domain refuse it", subject(id.Leaf), expect.Domain),
			fmt.Sprintf("issue one with the URI %s and the DNS name %s", DomainURI(expect.Domain), expect.Domain))
	}
	return findings
}

// checkLife is the part of Check about chain and time.
func (id *Identity) checkLife(now time.Time, add func(kind Kind, severe bool, text, remedy string)) {
	all := append([]*x509.Certificate{id.Leaf}, id.Intermediates...)
	all = append(all, id.Roots...)
	for _, cert := range all {
		if err := checkTime(cert, now); err != nil {
			add(KindExpired, true, err.Error(), "issue a new one; it is taken without a restart")
			continue
		}
		if left := cert.NotAfter.Sub(now); left <= ExpiryWarning {
			add(KindExpiring, false, fmt.Sprintf("certificate of %s expires on %s, in %s", subject(cert), day(cert.NotAfter), days(left)),
				"issue a new one; it is taken without a restart")
		}
	}
	// The chain of an expired certificate is judged at a time at which it was alive,
	// so that one of another root is told both faults.
	at := now
	if checkTime(id.Leaf, now) != nil {
		at = id.Leaf.NotBefore.Add(backdate)
	}
	err := id.verifySides(at)
	if err == nil || errors.Is(err, ErrExpired) || errors.Is(err, ErrNotYetValid) {
		return
	}
	add(KindChain, true, err.Error(), "issue it with the root that all systems trust, or name that root as trusted_root")
}

func (id *Identity) verifySides(now time.Time) error {
	for _, side := range []Side{ServerSide, ClientSide} {
		if err := verifyChain(id.Leaf, id.Intermediates, id.Roots, side, now); err != nil {
			return err
		}
	}
	return nil
}

// Covers tells whether a certificate is good for an IP address or host name.
func Covers(cert *x509.Certificate, address string) bool {
	address = strings.Trim(address, "[]")
	if ip, err := netip.ParseAddr(address); err == nil {
		address = ip.Unmap().WithZone("").String()
	}
	return cert.VerifyHostname(address) == nil
}

// coversDomain follows RFC 5922 section 7.1: the URIs sip:DOMAIN decide, and DNS
// names only where there is no such URI.
func coversDomain(cert *x509.Certificate, domain string) bool {
	named := false
	for _, uri := range cert.URIs {
		if !strings.EqualFold(uri.Scheme, "sip") {
			continue
		}
		named = true
		if strings.EqualFold(uri.Opaque, domain) {
			return true
		}
	}
	return !named && cert.VerifyHostname(domain) == nil
}

// hosts lists the DNS names and addresses of a certificate.
func hosts(cert *x509.Certificate) []string {
	found := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		found = append(found, ip.String())
	}
	return found
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// days is a length of time as a person says it of a certificate.
func days(left time.Duration) string {
	switch whole := int(left / (24 * time.Hour)); {
	case left < 24*time.Hour:
		return fmt.Sprintf("%d hours", int(left/time.Hour))
	case whole == 1:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", whole)
	}
}
