package srtp

import (
	"encoding/binary"
	"errors"
	"strings"

	pion "github.com/pion/srtp/v2"

	"roost/media"
)

// Replay windows of pion, in packets.
const rtcpWindow = 64

const rtcpHeader = 8

// control is pion's context for SRTCP. pion keeps state of every SSRC before it has
// authenticated, so the receiving end has a context for each SSRC that has.
type control struct {
	ssrc uint32
	ctx  *pion.Context
}

func profileOf(s media.Suite) pion.ProtectionProfile {
	switch s {
	case media.AES128CM32:
		return pion.ProtectionProfileAes128CmHmacSha1_32
	case media.AES128GCM:
		return pion.ProtectionProfileAeadAes128Gcm
	case media.AES256GCM:
		return pion.ProtectionProfileAeadAes256Gcm
	}
	return pion.ProtectionProfileAes128CmHmacSha1_80
}

// newPion makes a context of pion's with replay protection, which is off by default.
func newPion(k media.Key) (*pion.Context, error) {
	n, _, ok := KeyLengths(k.Suite)
	if !ok {
		return nil, ErrKey
	}
	options := []pion.ContextOption{pion.SRTPReplayProtection(windowBits), pion.SRTCPReplayProtection(rtcpWindow)}
	if len(k.MKI) > 0 {
		options = append(options, pion.MasterKeyIndicator(k.MKI))
	}
	if k.ClearRTP {
		options = append(options, pion.SRTPNoEncryption())
	}
	if k.ClearRTCP {
		options = append(options, pion.SRTCPNoEncryption())
	}
	return pion.CreateContext(k.Master[:n], k.Master[n:], profileOf(k.Suite), options...)
}

func isRTCP(b []byte) bool { return len(b) >= rtcpHeader && b[0]>>6 == 2 }

// RTCP turns the RTCP packet b[:n] into SRTCP in place and gives its new length. b must
// have room for Overhead octets more. Errors: ErrShort, ErrNoRoom, ErrSources,
// ErrExhausted. A key with PlainRTCP changes nothing.
func (p *Protector) RTCP(b []byte, n int) (int, error) {
	if !isRTCP(b[:n]) {
		return 0, ErrShort
	}
	if p.key.PlainRTCP {
		return n, nil
	}
	if len(b) < n+Overhead-MaxMKI+len(p.key.MKI) {
		return 0, ErrNoRoom
	}
	if p.control == nil {
		var err error
		if p.control, err = newPion(p.key); err != nil {
			return 0, err
		}
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	if _, known := p.control.Index(ssrc); !known {
		if p.controlled >= MaxSources {
			return 0, ErrSources
		}
		p.controlled++
	}
	out, err := p.control.EncryptRTCP(nil, b[:n], nil)
	if err != nil {
		return 0, ErrExhausted
	}
	return copy(b, out), nil
}

// RTCP authenticates the SRTCP packet b, decrypts it in place and gives its new length.
// Errors: ErrShort, ErrForged, ErrReplayed, ErrSources; b is unchanged then. A key with
// PlainRTCP changes nothing.
func (u *Unprotector) RTCP(b []byte) (int, error) {
	if !isRTCP(b) {
		return 0, ErrShort
	}
	if u.key.PlainRTCP {
		return len(b), nil
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	for i := range u.controls {
		if u.controls[i].ssrc == ssrc {
			return openRTCP(u.controls[i].ctx, b)
		}
	}
	if len(u.controls) >= MaxSources {
		return 0, ErrSources
	}
	if u.untried == nil {
		var err error
		if u.untried, err = newPion(u.key); err != nil {
			return 0, err
		}
	}
	ctx := u.untried
	n, err := openRTCP(ctx, b)
	if err != nil {
		// pion remembers the SSRC of what it refused: a context that refused
		// many is made anew.
		if u.tries++; u.tries >= MaxSources {
			u.untried, u.tries = nil, 0
		}
		return 0, err
	}
	u.controls = append(u.controls, control{ssrc: ssrc, ctx: ctx})
	u.untried, u.tries = nil, 0
	return n, nil
}

func openRTCP(ctx *pion.Context, b []byte) (int, error) {
	out, err := ctx.DecryptRTCP(nil, b, nil)
	switch {
	case err == nil && len(out) < rtcpHeader:
		return 0, ErrShort
	case err == nil:
		return copy(b, out), nil
	case errors.Is(err, pion.ErrMKINotFound):
		return 0, ErrForged
	}
	// pion wraps neither its tag's error in every cipher nor exports the other type.
	switch text := err.Error(); {
	case strings.Contains(text, pion.ErrFailedToVerifyAuthTag.Error()):
		return 0, ErrForged
	case strings.Contains(text, "duplicated packet"):
		return 0, ErrReplayed
	}
	return 0, ErrShort
}

// AuthenticatesRTCP is false where RTCP comes as it is (PlainRTCP).
func (u *Unprotector) AuthenticatesRTCP() bool { return !u.key.PlainRTCP }
