package srtp

import (
	"fmt"

	pion "github.com/pion/srtp/v2"

	"roost/media"
)

// Overhead is the most that protecting adds to a packet, in octets: the SRTCP index,
// the longest tag and the longest MKI.
const Overhead = 4 + 16 + MaxMKI

// MaxMKI is the longest MKI, in octets (RFC 4568 §6.1).
const MaxMKI = 128

// MaxSources is how many SSRCs a key may protect or authenticate.
const MaxSources = 32

// KeyLengths gives the lengths of a suite's master key and salt in octets; ok is
// false where the suite is unknown.
func KeyLengths(s media.Suite) (key, salt int, ok bool) {
	switch s {
	case media.AES128CM80, media.AES128CM32:
		return 16, 14, true
	case media.AES128GCM:
		return 16, 12, true
	case media.AES256GCM:
		return 32, 12, true
	}
	return 0, 0, false
}

// CheckKey tells, as an error that wraps ErrKey, what makes a key unusable.
func CheckKey(k media.Key) error {
	key, salt, ok := KeyLengths(k.Suite)
	switch {
	case !ok:
		return fmt.Errorf("suite %d is unknown: %w", k.Suite, ErrKey)
	case len(k.Master) != key+salt:
		return fmt.Errorf("key and salt are %d octets, suite %d wants %d: %w", len(k.Master), k.Suite, key+salt, ErrKey)
	case len(k.MKI) > MaxMKI:
		return fmt.Errorf("an MKI of %d octets, at most %d: %w", len(k.MKI), MaxMKI, ErrKey)
	}
	return nil
}

// Protector protects what is sent under one key. It is for one goroutine.
type Protector struct {
	t          transform
	sources    sources
	key        media.Key
	control    *pion.Context // made at the first RTCP packet
	controlled int
}

// NewProtector makes a Protector that has sent nothing; so no second one may be made
// for a key that has protected a packet. Errors wrap ErrKey.
func NewProtector(k media.Key) (*Protector, error) {
	p := &Protector{key: copied(k)}
	if err := p.t.init(p.key); err != nil {
		return nil, err
	}
	return p, nil
}

// Unprotector authenticates and decrypts what comes under one key. It is for one goroutine.
type Unprotector struct {
	t        transform
	sources  sources
	spare    []byte // the first packets of an SSRC, for a second try
	key      media.Key
	controls []control
	untried  *pion.Context // for an SSRC that has not authenticated
	tries    int
}

// NewUnprotector makes an Unprotector that has received nothing. Errors wrap ErrKey.
func NewUnprotector(k media.Key) (*Unprotector, error) {
	u := &Unprotector{key: copied(k)}
	if err := u.t.init(u.key); err != nil {
		return nil, err
	}
	return u, nil
}

func copied(k media.Key) media.Key {
	k.Master = append([]byte(nil), k.Master...)
	k.MKI = append([]byte(nil), k.MKI...)
	return k
}
