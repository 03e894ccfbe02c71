package credentials

// Algorithm is a digest algorithm.
type Algorithm uint8

// The algorithms, the stronger the higher.
const (
	MD5 Algorithm = iota + 1
	SHA256
)

// Secret is what a system keeps of a user's password: HA1 for each algorithm.
// It is comparable, holds no pointers, and prints as "[secret]".
type Secret struct {
	md5    [16]byte
	sha256 [32]byte
	has    uint8
}

// FromPassword computes the secret of a user in a realm.
func FromPassword(user, realm, password string) Secret { panic("being written") }

// ParseHA1 reads the configuration's `ha1`: 32 hexadecimal digits (MD5), 64
// (SHA-256), or both with a comma between.
func ParseHA1(s string) (Secret, error) { panic("being written") }

// Has reports whether the secret has an HA1 for the algorithm.
func (s Secret) Has(a Algorithm) bool { return s.has&(1<<a) != 0 }

// IsZero reports whether there is no HA1 at all.
func (s Secret) IsZero() bool { return s.has == 0 }

// AppendBinary appends the secret for a shared record (SH1) to dst.
func (s Secret) AppendBinary(dst []byte) ([]byte, error) { panic("being written") }

// ParseSecret reads what AppendBinary wrote; all of b must be it.
func ParseSecret(b []byte) (Secret, error) { panic("being written") }

// String hides the secret.
func (s Secret) String() string { return "[secret]" }

// GoString hides the secret.
func (s Secret) GoString() string { return "[secret]" }

// MarshalText hides the secret from encoders and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
