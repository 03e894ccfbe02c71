package certs

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"time"
)

// ReadCertificates reads all certificates of a PEM file.
func ReadCertificates(path string) ([]*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	found, err := parseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

// Explain writes in words what a certificate is: whose, for which names and
// addresses, from whom, until when, what for, and whether it chains to one of
// roots (none given: that line says so). others may stand between them.
func Explain(w io.Writer, cert *x509.Certificate, others, roots []*x509.Certificate, now time.Time) error {
	lines := [][2]string{
		{"belongs to", whose(cert)},
		{"names", orNone(cert.DNSNames)},
		{"addresses", addressList(cert)},
		{"URIs", uriList(cert)},
		{"issued by", issuedBy(cert)},
		{"valid", life(cert, now)},
		{"may be used", usages(cert)},
		{"key", keyInWords(cert)},
		{"serial", cert.SerialNumber.Text(16)},
		{"SHA-256", fmt.Sprintf("%X", Fingerprint(cert))},
		{"trusted", trust(cert, others, roots, now)},
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "  %-12s %s\n", line[0], line[1]); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	return nil
}

func whose(cert *x509.Certificate) string {
	if system, err := SystemOf(cert); err == nil {
		return fmt.Sprintf("the system %s (%s)", system, subject(cert))
	}
	if cert.IsCA {
		return fmt.Sprintf("the certification authority %s", subject(cert))
	}
	return fmt.Sprintf("%s; it names no system of ours", subject(cert))
}

func addressList(cert *x509.Certificate) string {
	list := make([]string, len(cert.IPAddresses))
	for i, ip := range cert.IPAddresses {
		list[i] = ip.String()
	}
	return orNone(list)
}

func uriList(cert *x509.Certificate) string {
	list := make([]string, len(cert.URIs))
	for i, uri := range cert.URIs {
		list[i] = uri.String()
	}
	return orNone(list)
}

func issuedBy(cert *x509.Certificate) string {
	if cert.CheckSignatureFrom(cert) == nil {
		return "itself"
	}
	return issuer(cert)
}

func life(cert *x509.Certificate, now time.Time) string {
	span := day(cert.NotBefore) + " to " + day(cert.NotAfter)
	switch left := cert.NotAfter.Sub(now); {
	case left < 0:
		return span + ", EXPIRED " + days(-left) + " ago"
	case now.Before(cert.NotBefore):
		return span + ", NOT YET VALID for " + days(cert.NotBefore.Sub(now))
	case left <= ExpiryWarning:
		return span + ", only " + days(left) + " left: issue a new one"
	default:
		return span + ", " + days(left) + " left"
	}
}

func usages(cert *x509.Certificate) string {
	var uses []string
	if cert.IsCA {
		uses = append(uses, "to sign other certificates")
	}
	for _, usage := range cert.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageServerAuth:
			uses = append(uses, "as a TLS server (phones and lines that come in)")
		case x509.ExtKeyUsageClientAuth:
			uses = append(uses, "as a TLS client (lines that go out)")
		case x509.ExtKeyUsageAny:
			uses = append(uses, "for anything")
		default:
			uses = append(uses, "for something that roost does not do")
		}
	}
	if len(uses) == 0 {
		return "for anything (no usage is named)"
	}
	return strings.Join(uses, ", ")
}

func keyInWords(cert *x509.Certificate) string {
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", key.N.BitLen())
	default:
		return cert.PublicKeyAlgorithm.String()
	}
}

func trust(cert *x509.Certificate, others, roots []*x509.Certificate, now time.Time) string {
	if len(roots) == 0 {
		return "not judged: name a trusted root"
	}
	for _, root := range roots {
		if root.Equal(cert) {
			return "it is the trusted root itself"
		}
	}
	for _, side := range []Side{ServerSide, ClientSide} {
		if err := verifyChain(cert, others, roots, side, now); err != nil {
			return "NO: " + err.Error()
		}
	}
	return "yes, it chains to " + rootNames(roots)
}
