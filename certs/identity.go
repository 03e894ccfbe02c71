package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// maxFile bounds what is read of a certificate file.
const maxFile = 1 << 20

// Files are the paths of a system's identity certificate (with intermediate
// certificates after it, if any), its key and the trusted root, all PEM.
type Files struct {
	Identity    string
	Key         string
	TrustedRoot string
}

// Identity is one loaded set of certificate, key and root. It never changes.
type Identity struct {
	// Leaf is the identity certificate itself.
	Leaf *x509.Certificate
	// Intermediates stand between it and the root; mostly none.
	Intermediates []*x509.Certificate
	// Roots are what the system trusts: one, or two while a root is replaced.
	Roots []*x509.Certificate

	pair tls.Certificate
	pool *x509.CertPool
}

// Load reads and parses the files. It does not judge time or names: Check does.
func Load(files Files) (*Identity, error) {
	raw, err := files.read()
	if err != nil {
		return nil, err
	}
	return raw.parse(files)
}

// Parse is Load from PEM in memory.
func Parse(certificate, key, root []byte) (*Identity, error) {
	raw := contents{certificate: certificate, key: key, root: root}
	return raw.parse(Files{Identity: "identity", Key: "key", TrustedRoot: "trusted root"})
}

// TLSCertificate is the chain and key to show to a peer.
func (id *Identity) TLSCertificate() tls.Certificate { return id.pair }

// RootPool is the trusted root as crypto/x509 wants it. It must not be changed.
func (id *Identity) RootPool() *x509.CertPool { return id.pool }

// System is the name in the certificate, "" where it has none; Check says so.
func (id *Identity) System() string {
	name, err := SystemOf(id.Leaf)
	if err != nil {
		return ""
	}
	return name
}

// contents are the bytes of the three files, to notice that one changed.
type contents struct{ certificate, key, root []byte }

func (files Files) read() (contents, error) {
	var raw contents
	for _, file := range []struct {
		path, what string
		into       *[]byte
	}{
		{files.Identity, "identity certificate", &raw.certificate},
		{files.Key, "key", &raw.key},
		{files.TrustedRoot, "trusted root", &raw.root},
	} {
		if file.path == "" {
			return contents{}, fmt.Errorf("%s: %w: no file is named", file.what, ErrUnreadable)
		}
		data, err := readFile(file.path)
		if err != nil {
			return contents{}, fmt.Errorf("%s: %w", file.what, err)
		}
		*file.into = data
	}
	return raw, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s has %d bytes, %d are allowed", ErrUnreadable, path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return data, nil
}

func (raw *contents) equal(other *contents) bool {
	return bytes.Equal(raw.certificate, other.certificate) &&
		bytes.Equal(raw.key, other.key) && bytes.Equal(raw.root, other.root)
}

func (raw *contents) parse(files Files) (*Identity, error) {
	chain, err := parseCertificates(raw.certificate)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Identity, err)
	}
	roots, err := parseCertificates(raw.root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.TrustedRoot, err)
	}
	key, err := parseKey(raw.key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Key, err)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return nil, fmt.Errorf("%s: %w of %s in %s", files.Key, ErrKeyMismatch, subject(chain[0]), files.Identity)
	}
	id := &Identity{Leaf: chain[0], Intermediates: chain[1:], Roots: roots, pool: x509.NewCertPool()}
	for _, root := range roots {
		if !root.IsCA {
			return nil, fmt.Errorf("%s: the certificate of %s may not sign others, so it is no trusted root", files.TrustedRoot, subject(root))
		}
		id.pool.AddCert(root)
	}
	id.pair = tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, cert := range chain {
		id.pair.Certificate = append(id.pair.Certificate, cert.Raw)
	}
	return id, nil
}

// parseCertificates reads all certificates of a PEM file; at least one.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate %d: %w", ErrUnreadable, len(found)+1, err)
		}
		found = append(found, cert)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: it holds no PEM block CERTIFICATE", ErrNoCertificate)
	}
	return found, nil
}

// parseKey reads the first key of a PEM file: PKCS 8, SEC 1 or PKCS 1.
func parseKey(data []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("%w: it holds no PEM block PRIVATE KEY", ErrUnreadable)
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, fmt.Errorf("%w: the key is encrypted; a key without a passphrase is needed", ErrUnreadable)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("%w: a key of type %T cannot sign", ErrUnreadable, key)
		}
		return signer, nil
	}
}
