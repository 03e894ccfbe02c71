package relay

import "encoding/binary"

const rtpHeader = 12

// kind is what a datagram on a media port may be (RFC 7983, RFC 5761).
type kind uint8

const (
	kindBad kind = iota
	kindRTP
	kindRTCP
	kindSTUN
	kindDTLS
)

// kindOf tells RTP from RTCP by the type (RFC 5761 §4): 64 to 95 with the marker is RTCP's.
func kindOf(b []byte) kind {
	switch {
	case len(b) < 8:
		return kindBad
	case b[0] < 4:
		return kindSTUN
	case b[0] >= 20 && b[0] < 64:
		return kindDTLS
	case b[0]>>6 != 2:
		return kindBad
	case b[1] >= 192 && b[1] <= 223:
		return kindRTCP
	}
	return kindRTP
}

// validRTP tells whether the lengths of an RTP packet (RFC 3550 §5.1, §5.3.1) lie
// within it. sealed: padding is encrypted and cannot be looked at.
func validRTP(b []byte, sealed bool) bool {
	if len(b) < rtpHeader || b[0]>>6 != 2 {
		return false
	}
	n := rtpHeader + 4*int(b[0]&15)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return false
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if len(b) < n {
		return false
	}
	if !sealed && b[0]&0x20 != 0 {
		pad := int(b[len(b)-1])
		return pad > 0 && n+pad <= len(b)
	}
	return true
}

// maxCompound is how many packets an RTCP compound may hold.
const maxCompound = 32

// validRTCP tells whether a compound packet's lengths add up to the datagram
// (RFC 3550 A.2; RFC 5506 lets it begin with any type). sealed: only the first
// header is in the clear.
func validRTCP(b []byte, sealed bool) bool {
	if len(b) < 8 || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
		return false
	}
	if sealed {
		return true
	}
	for i := 0; len(b) > 0; i++ {
		if i == maxCompound || len(b) < 4 || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
			return false
		}
		n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) || b[0]&0x20 != 0 && n != len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}
