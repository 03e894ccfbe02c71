package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// systemScheme is the scheme of the URI SAN that names a system: sipnode://NAME.
const systemScheme = "sipnode"

// maxSystemName is the longest system name, the length of a DNS label.
const maxSystemName = 63

// SystemURI is the URI SAN that names a system.
func SystemURI(system string) *url.URL { return &url.URL{Scheme: systemScheme, Host: system} }

// DomainURI is the URI SAN that names a SIP domain (RFC 5922 section 7.1).
func DomainURI(domain string) *url.URL { return &url.URL{Scheme: "sip", Opaque: domain} }

// CheckSystemName says what is wrong with a system's name: it has 1 to 63
// letters, digits, '-' and '_', and begins and ends with a letter or digit, so
// that it can stand in a certificate, a file name and a subject of the lines.
func CheckSystemName(name string) error {
	if name == "" {
		return errors.New("a system needs a name")
	}
	if len(name) > maxSystemName {
		return fmt.Errorf("system name %.20q… has %d characters, 63 are allowed", name, len(name))
	}
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		inner := (r == '-' || r == '_') && i > 0 && i < len(name)-1
		if !letter && !inner {
			return fmt.Errorf("system name %q has %q at place %d; letters, digits and, inside, '-' and '_' are allowed", name, r, i+1)
		}
	}
	return nil
}

// SystemOf is the name of the system whose certificate this is. A certificate
// without exactly one sipnode:// URI is ErrOtherName.
func SystemOf(cert *x509.Certificate) (string, error) {
	var names []string
	for _, uri := range cert.URIs {
		if strings.EqualFold(uri.Scheme, systemScheme) {
			names = append(names, uri.Host)
		}
	}
	switch len(names) {
	case 1:
		if err := CheckSystemName(names[0]); err != nil {
			return "", fmt.Errorf("%w: certificate of %s: %w", ErrOtherName, subject(cert), err)
		}
		return names[0], nil
	case 0:
		return "", fmt.Errorf("%w: certificate of %s names no system (no URI sipnode://NAME)", ErrOtherName, subject(cert))
	default:
		return "", fmt.Errorf("%w: certificate of %s names several systems (%s), one is allowed",
			ErrOtherName, subject(cert), strings.Join(names, ", "))
	}
}

// subject is how a person calls a certificate.
func subject(cert *x509.Certificate) string {
	if name := cert.Subject.CommonName; name != "" {
		return fmt.Sprintf("%q", name)
	}
	if name := cert.Subject.String(); name != "" {
		return fmt.Sprintf("%q", name)
	}
	return "serial " + cert.SerialNumber.Text(16)
}

// issuer is how a person calls the issuer of a certificate.
func issuer(cert *x509.Certificate) string {
	if name := cert.Issuer.CommonName; name != "" {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%q", cert.Issuer.String())
}
