package rtp

import (
	"errors"
	"fmt"
	"slices"

	pionrtp "github.com/pion/rtp"
	"github.com/pion/srtp/v2"
)

// Suite is an SRTP suite by its name in SDP (RFC 4568 6.2, RFC 7714 14).
type Suite string

// The suites that phones can do, in the order of preference.
const (
	AES128CM80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128CM32 Suite = "AES_CM_128_HMAC_SHA1_32"
	AES128GCM  Suite = "AEAD_AES_128_GCM"
	AES256GCM  Suite = "AEAD_AES_256_GCM"
)

// Suites lists them.
func Suites() []Suite { return []Suite{AES128CM80, AES128CM32, AES128GCM, AES256GCM} }

// Sizes gives the octets of a suite's master key and salt; 0 if it is unknown.
func (s Suite) Sizes() (key, salt int) {
	switch s {
	case AES128CM80, AES128CM32:
		return 16, 14
	case AES128GCM:
		return 16, 12
	case AES256GCM:
		return 32, 12
	}
	return 0, 0
}

func (s Suite) profile() srtp.ProtectionProfile {
	switch s {
	case AES128CM32:
		return srtp.ProtectionProfileAes128CmHmacSha1_32
	case AES128GCM:
		return srtp.ProtectionProfileAeadAes128Gcm
	case AES256GCM:
		return srtp.ProtectionProfileAeadAes256Gcm
	}
	return srtp.ProtectionProfileAes128CmHmacSha1_80
}

// Key is the master key, with the salt behind it, of one direction.
type Key struct {
	Suite  Suite
	Master []byte
}

func (k *Key) same(other *Key) bool {
	if k == nil || other == nil {
		return k == other
	}
	return k.Suite == other.Suite && slices.Equal(k.Master, other.Master)
}

// context prepares a direction; replay protection is on.
func (k *Key) context() (*srtp.Context, error) {
	key, salt := k.Suite.Sizes()
	if key == 0 || len(k.Master) != key+salt {
		return nil, fmt.Errorf("SRTP key of %d octets for %s: %d", len(k.Master), k.Suite, key+salt)
	}
	return srtp.CreateContext(k.Master[:key], k.Master[key:], k.Suite.profile(), srtp.SRTPReplayProtection(64))
}

// cipher is the two directions of a stream. Without keys packets pass as they are.
type cipher struct {
	sealKey, openKey *Key
	seal, open       *srtp.Context
	header           pionrtp.Header
	out, in          []byte
}

var errForged = errors.New("does not authenticate")

// set changes the keys; a direction whose key stays goes on undisturbed.
func (c *cipher) set(seal, open *Key) (err error) {
	if !c.sealKey.same(seal) {
		c.sealKey, c.seal = seal, nil
		if seal != nil {
			if c.seal, err = seal.context(); err != nil {
				return err
			}
		}
	}
	if !c.openKey.same(open) {
		c.openKey, c.open = open, nil
		if open != nil {
			if c.open, err = open.context(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cipher) protect(plain []byte) ([]byte, error) {
	if c.seal == nil {
		return plain, nil
	}
	out, err := c.seal.EncryptRTP(c.out[:0], plain, &c.header)
	if err == nil {
		c.out = out
	}
	return out, err
}

func (c *cipher) unprotect(data []byte) ([]byte, error) {
	if c.open == nil {
		return data, nil
	}
	in, err := c.open.DecryptRTP(c.in[:0], data, &c.header)
	if err != nil {
		return nil, errForged
	}
	c.in = in
	return in, nil
}
