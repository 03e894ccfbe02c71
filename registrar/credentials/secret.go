package credentials

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Algorithm is a digest algorithm.
type Algorithm uint8

// The algorithms.
const (
	MD5 Algorithm = iota + 1
	SHA256
)

// String is the algorithm's token in a header.
func (a Algorithm) String() string {
	switch a {
	case MD5:
		return "MD5"
	case SHA256:
		return "SHA-256"
	}
	return "unknown"
}

// Secret is what a system keeps of a user's password: HA1 for each algorithm.
// It is comparable, holds no pointers, and prints as "[secret]".
type Secret struct {
	md5    [16]byte
	sha256 [32]byte
	has    uint8
}

// FromPassword computes the secret of a user in a realm.
func FromPassword(user, realm, password string) Secret {
	a1 := []byte(user + ":" + realm + ":" + password)
	return Secret{md5: md5.Sum(a1), sha256: sha256.Sum256(a1), has: 1<<MD5 | 1<<SHA256}
}

// ParseHA1 reads the configuration's `ha1`: 32 hexadecimal digits (MD5), 64
// (SHA-256), or both with a comma between.
func ParseHA1(s string) (Secret, error) {
	var secret Secret
	for part := range strings.SplitSeq(s, ",") {
		b, err := hex.DecodeString(strings.TrimSpace(part))
		var a Algorithm
		switch {
		case err == nil && len(b) == len(secret.md5):
			a = MD5
			copy(secret.md5[:], b)
		case err == nil && len(b) == len(secret.sha256):
			a = SHA256
			copy(secret.sha256[:], b)
		default: // the text is not repeated: it may be a password in the wrong place
			return Secret{}, errors.New("ha1 is 32 hexadecimal digits for MD5, 64 for SHA-256, or both with a comma between")
		}
		if secret.Has(a) {
			return Secret{}, fmt.Errorf("ha1 has two values for %s", a)
		}
		secret.has |= 1 << a
	}
	return secret, nil
}

// Has reports whether the secret has an HA1 for the algorithm.
func (s Secret) Has(a Algorithm) bool { return s.has&(1<<a) != 0 }

// IsZero reports whether there is no HA1 at all.
func (s Secret) IsZero() bool { return s.has == 0 }

// AppendBinary appends the secret for a shared record (SH1) to dst.
func (s Secret) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, s.has)
	if s.Has(MD5) {
		dst = append(dst, s.md5[:]...)
	}
	if s.Has(SHA256) {
		dst = append(dst, s.sha256[:]...)
	}
	return dst, nil
}

// ParseSecret reads what AppendBinary wrote; all of b must be it.
func ParseSecret(b []byte) (Secret, error) {
	var s Secret
	if len(b) > 0 {
		s.has, b = b[0], b[1:]
	}
	if s.has&^(1<<MD5|1<<SHA256) != 0 {
		return Secret{}, errors.New("secret: an algorithm that is not known")
	}
	want := 0
	for a, size := range map[Algorithm]int{MD5: len(s.md5), SHA256: len(s.sha256)} {
		if s.Has(a) {
			want += size
		}
	}
	if len(b) != want {
		return Secret{}, fmt.Errorf("secret: %d bytes, want %d", len(b), want)
	}
	if s.Has(MD5) {
		b = b[copy(s.md5[:], b):]
	}
	if s.Has(SHA256) {
		copy(s.sha256[:], b)
	}
	return s, nil
}

// String hides the secret.
func (s Secret) String() string { return "[secret]" }

// GoString hides the secret.
func (s Secret) GoString() string { return "[secret]" }

// MarshalText hides the secret from encoders and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
