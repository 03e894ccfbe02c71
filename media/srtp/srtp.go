package srtp

import (
	"fmt"

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
