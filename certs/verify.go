package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Side is the side of TLS that a certificate is shown for.
type Side int

// The two sides of a TLS connection.
const (
	ServerSide Side = iota
	ClientSide
)

func (side Side) usage() x509.ExtKeyUsage {
	if side == ClientSide {
		return x509.ExtKeyUsageClientAuth
	}
	return x509.ExtKeyUsageServerAuth
}

func (side Side) String() string {
	if side == ClientSide {
		return "client"
	}
	return "server"
}

// VerifyPeer judges the certificates that a peer showed on a line: that they
// chain to one of our roots at now, may be used for the peer's side, and name
// the system expected ("" takes any named system). It returns the system's name.
// The errors wrap ErrNoCertificate, ErrOtherRoot, ErrOtherName, ErrExpired,
// ErrNotYetValid or ErrUsage and can be shown to an administrator as they are.
func VerifyPeer(shown []*x509.Certificate, roots []*x509.Certificate, system string, side Side, now time.Time) (string, error) {
	if len(shown) == 0 {
		return "", fmt.Errorf("%w: the peer showed none", ErrNoCertificate)
	}
	leaf := shown[0]
	if err := verifyChain(leaf, shown[1:], roots, side, now); err != nil {
		return "", err
	}
	name, err := SystemOf(leaf)
	if err != nil {
		return "", err
	}
	if system != "" && name != system {
		return "", fmt.Errorf("%w: certificate names %s, expected %s", ErrOtherName, name, system)
	}
	return name, nil
}

// verify is VerifyPeer on ourselves, for both sides.
func (id *Identity) verify(system string, now time.Time) error {
	shown := append([]*x509.Certificate{id.Leaf}, id.Intermediates...)
	for _, side := range []Side{ServerSide, ClientSide} {
		if _, err := VerifyPeer(shown, id.Roots, system, side, now); err != nil {
			return err
		}
	}
	return nil
}

// verifyChain checks time before trust, so that an expired certificate is called
// that and not "unknown authority".
func verifyChain(leaf *x509.Certificate, intermediates, roots []*x509.Certificate, side Side, now time.Time) error {
	if err := checkTime(leaf, now); err != nil {
		return err
	}
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{side.usage()},
	}
	for _, cert := range roots {
		options.Roots.AddCert(cert)
	}
	for _, cert := range intermediates {
		options.Intermediates.AddCert(cert)
	}
	_, err := leaf.Verify(options)
	if err == nil {
		return nil
	}
	return explainVerify(err, leaf, intermediates, roots, side, now)
}

// explainVerify turns what crypto/x509 says into what an administrator can act on.
func explainVerify(err error, leaf *x509.Certificate, intermediates, roots []*x509.Certificate, side Side, now time.Time) error {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage {
		return fmt.Errorf("%w: certificate of %s may not be used as a TLS %s (extended key usage)", ErrUsage, subject(leaf), side)
	}
	for _, cert := range slices.Concat(intermediates, roots) {
		if late := checkTime(cert, now); late != nil {
			return fmt.Errorf("in the chain of %s: %w", subject(leaf), late)
		}
	}
	return fmt.Errorf("%w: certificate of %s is signed by %s, not by the trusted root %s",
		ErrOtherRoot, subject(leaf), issuer(leaf), rootNames(roots))
}

func checkTime(cert *x509.Certificate, now time.Time) error {
	if now.After(cert.NotAfter) {
		return fmt.Errorf("%w on %s: certificate of %s", ErrExpired, day(cert.NotAfter), subject(cert))
	}
	if now.Before(cert.NotBefore) {
		return fmt.Errorf("%w: certificate of %s begins on %s; is the clock right?", ErrNotYetValid, subject(cert), day(cert.NotBefore))
	}
	return nil
}

// rootNames names the roots with the begin of their fingerprints, for two roots
// may have the same name.
func rootNames(roots []*x509.Certificate) string {
	names := make([]string, 0, len(roots))
	for _, root := range roots {
		names = append(names, fmt.Sprintf("%s (SHA-256 %s…)", subject(root), ShortFingerprint(root)))
	}
	return strings.Join(names, " or ")
}

// ShortFingerprint is the first four bytes of Fingerprint in hexadecimal.
func ShortFingerprint(cert *x509.Certificate) string {
	sum := Fingerprint(cert)
	return fmt.Sprintf("%X:%X:%X:%X", sum[0:1], sum[1:2], sum[2:3], sum[3:4])
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
