package flow

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// STUN as a keep-alive (RFC 5626 §3.5.2, RFC 8489): a binding request is answered with
// the address that it came from. No credentials are asked for, none are looked at.
const (
	stunHeader      = 20
	stunCookie      = 0x2112A442
	stunRequest     = 0x0001
	stunSuccess     = 0x0101
	stunError       = 0x0111
	stunFingerprint = 0x8028
	stunXorMapped   = 0x0020
	stunErrorCode   = 0x0009
	stunUnknown     = 0x000A
	stunCRC         = 0x5354554e
	stunMostAttrs   = 16
	stunLargest     = 548 // RFC 8489 §6.1: what fits without knowing the path MTU
)

// looksLikeSTUN tells STUN from SIP: SIP begins with a letter, CR or LF.
func looksLikeSTUN(b []byte) bool { return len(b) > 0 && b[0] < 4 && !onlyBlank(b) }

// onlyBlank tells a keep-alive without meaning: nothing but CR, LF, space and NUL.
func onlyBlank(b []byte) bool {
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 && c != ' ' {
			return false
		}
	}
	return true
}

// appendSTUN appends the answer to a binding request from source. ok is false for
// what is not a well-formed binding request; nothing is answered then.
func appendSTUN(out, b []byte, source netip.AddrPort) (answer []byte, ok bool) {
	if len(b) < stunHeader || len(b) > stunLargest || len(b)%4 != 0 ||
		binary.BigEndian.Uint16(b) != stunRequest ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader ||
		binary.BigEndian.Uint32(b[4:]) != stunCookie {
		return out, false
	}
	unknown, fingerprint, ok := stunAttributes(b)
	if !ok {
		return out, false
	}
	begin := len(out)
	kind := uint16(stunSuccess)
	if len(unknown) > 0 {
		kind = stunError
	}
	out = binary.BigEndian.AppendUint16(out, kind)
	out = append(out, 0, 0)
	out = append(out, b[4:stunHeader]...) // cookie and transaction id
	if len(unknown) > 0 {
		out = appendUnknown(out, unknown)
	} else {
		out = appendXorMapped(out, b, source)
	}
	size := len(out) - begin - stunHeader
	if fingerprint {
		size += 8
	}
	binary.BigEndian.PutUint16(out[begin+2:], uint16(size))
	if fingerprint {
		crc := crc32.ChecksumIEEE(out[begin:]) ^ stunCRC
		out = binary.BigEndian.AppendUint16(out, stunFingerprint)
		out = binary.BigEndian.AppendUint16(out, 4)
		out = binary.BigEndian.AppendUint32(out, crc)
	}
	return out, true
}

// stunAttributes walks the attributes: those that must be understood and are not, and
// whether there is a FINGERPRINT, which must be right and the last.
func stunAttributes(b []byte) (unknown []uint16, fingerprint, ok bool) {
	rest := b[stunHeader:]
	for n := 0; len(rest) > 0; n++ {
		if n == stunMostAttrs || fingerprint || len(rest) < 4 {
			return nil, false, false
		}
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		padded := 4 + (size+3)&^3
		if padded > len(rest) {
			return nil, false, false
		}
		switch {
		case kind == stunFingerprint:
			sum := crc32.ChecksumIEEE(b[:len(b)-len(rest)]) ^ stunCRC
			if size != 4 || binary.BigEndian.Uint32(rest[4:]) != sum {
				return nil, false, false
			}
			fingerprint = true
		case kind < 0x8000 && !stunKnown(kind):
			unknown = append(unknown, kind)
		}
		rest = rest[padded:]
	}
	return unknown, fingerprint, true
}

// stunKnown: RFC 8489 §18.3's attributes, of which none changes a keep-alive's answer.
func stunKnown(kind uint16) bool {
	switch kind {
	case 0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E, 0x0020:
		return true
	}
	return false
}

func appendXorMapped(out, request []byte, source netip.AddrPort) []byte {
	addr := source.Addr().Unmap()
	family, size := byte(1), uint16(8)
	if addr.Is6() {
		family, size = 2, 20
	}
	out = binary.BigEndian.AppendUint16(out, stunXorMapped)
	out = binary.BigEndian.AppendUint16(out, size)
	out = append(out, 0, family)
	out = binary.BigEndian.AppendUint16(out, source.Port()^uint16(stunCookie>>16))
	begin := len(out)
	out = append(out, addr.AsSlice()...)
	for i := range out[begin:] {
		out[begin+i] ^= request[4+i] // cookie, then transaction id
	}
	return out
}

// appendUnknown: error 420 without a phrase, so that it is hardly longer than the request.
func appendUnknown(out []byte, unknown []uint16) []byte {
	out = binary.BigEndian.AppendUint16(out, stunErrorCode)
	out = append(out, 0, 4, 0, 0, 4, 20)
	out = binary.BigEndian.AppendUint16(out, stunUnknown)
	out = binary.BigEndian.AppendUint16(out, uint16(2*len(unknown)))
	for _, kind := range unknown {
		out = binary.BigEndian.AppendUint16(out, kind)
	}
	if len(unknown)%2 == 1 {
		out = append(out, 0, 0)
	}
	return out
}
