package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// backdate is how far before its issue a certificate begins, for the clocks of
// phones and peers that are late.
const backdate = time.Hour

// CA is a small certification authority for labs, tests and small networks: a
// root of its own, ECDSA P-256, which signs identities directly.
type CA struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Request is what an identity certificate is to say.
type Request struct {
	// System is the name of the system, the URI SAN sipnode://NAME. Needed.
	System string
	// Addresses are the IP addresses and DNS names that phones and peers are given.
	Addresses []string
	// Domain is the SIP domain, "" for none: URI SAN sip:DOMAIN and a DNS SAN.
	Domain string
	// ValidFor is how long it is valid from now on.
	ValidFor time.Duration
}

// Issued is a new identity: its certificate and key in PEM.
type Issued struct {
	Certificate []byte
	Key         []byte
}

// NewCA makes a root with a new key, valid from an hour before now.
func NewCA(name string, now time.Time, validFor time.Duration) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the root's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name, Organization: []string{"roost"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(validFor),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("signing the root: %w", err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading back the root: %w", err)
	}
	return &CA{root: root, key: key}, nil
}

// ParseCA reads a CA from the PEM of its root and key.
func ParseCA(rootPEM, keyPEM []byte) (*CA, error) {
	roots, err := parseCertificates(rootPEM)
	if err != nil {
		return nil, fmt.Errorf("the root: %w", err)
	}
	root := roots[0]
	if !root.IsCA {
		return nil, fmt.Errorf("the root: the certificate of %s may not sign others", subject(root))
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, fmt.Errorf("the root's key: %w: no PEM block", ErrUnreadable)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the root's key: %w: %w", ErrUnreadable, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the root's key: %T, an ECDSA key is needed", parsed)
	}
	if !key.PublicKey.Equal(root.PublicKey) {
		return nil, fmt.Errorf("the root's key: %w", ErrKeyMismatch)
	}
	return &CA{root: root, key: key}, nil
}

// Root is the CA's own certificate.
func (ca *CA) Root() *x509.Certificate { return ca.root }

// RootPEM is the trusted root as it stands in a file.
func (ca *CA) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
}

// KeyPEM is the root's secret key as it stands in a file.
func (ca *CA) KeyPEM() ([]byte, error) { return keyPEM(ca.key) }

// Issue makes a key and an identity certificate for a system, for both sides of
// TLS. It never outlives the root.
func (ca *CA) Issue(req Request, now time.Time) (*Issued, error) {
	template, err := req.template(now)
	if err != nil {
		return nil, err
	}
	if template.NotAfter.After(ca.root.NotAfter) {
		template.NotAfter = ca.root.NotAfter
	}
	if template.NotBefore.Before(ca.root.NotBefore) {
		template.NotBefore = ca.root.NotBefore
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of %s: %w", req.System, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.root, &key.PublicKey, ca.key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate of %s: %w", req.System, err)
	}
	secret, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	return &Issued{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         secret,
	}, nil
}

// IssueIdentity issues and loads in one step, without files. For tests.
func (ca *CA) IssueIdentity(req Request, now time.Time) (*Identity, error) {
	issued, err := ca.Issue(req, now)
	if err != nil {
		return nil, err
	}
	return Parse(issued.Certificate, issued.Key, ca.RootPEM())
}

func (req *Request) template(now time.Time) (*x509.Certificate, error) {
	if err := CheckSystemName(req.System); err != nil {
		return nil, err
	}
	if req.ValidFor <= 0 {
		return nil, errors.New("a certificate must be valid for some time")
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: req.System},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(req.ValidFor),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{SystemURI(req.System)},
		DNSNames:              []string{strings.ToLower(req.System)},
	}
	for _, address := range req.Addresses {
		if err := addAddress(template, address); err != nil {
			return nil, err
		}
	}
	if req.Domain != "" {
		if !isHostName(req.Domain) {
			return nil, fmt.Errorf("domain %q is not a host name", req.Domain)
		}
		template.URIs = append(template.URIs, DomainURI(req.Domain))
		addDNS(template, req.Domain)
	}
	return template, nil
}

func addAddress(template *x509.Certificate, address string) error {
	if ip, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		template.IPAddresses = append(template.IPAddresses, net.IP(ip.Unmap().AsSlice()))
		return nil
	}
	if !isHostName(address) {
		return fmt.Errorf("address %q is neither an IP address nor a host name (no port, no blank)", address)
	}
	addDNS(template, address)
	return nil
}

func addDNS(template *x509.Certificate, name string) {
	name = strings.ToLower(name)
	if !slices.Contains(template.DNSNames, name) {
		template.DNSNames = append(template.DNSNames, name)
	}
}

func isHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if CheckSystemName(label) != nil {
			return false
		}
	}
	return true
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("writing a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func newSerial() (*big.Int, error) {
	var bytes [16]byte
	if _, err := rand.Read(bytes[:]); err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	bytes[0] = bytes[0]&0x7f | 0x40 // positive and of full length
	return new(big.Int).SetBytes(bytes[:]), nil
}

// Fingerprint is a certificate's SHA-256, by which two roots of the same name
// are told apart.
func Fingerprint(cert *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(cert.Raw) }
