package per

import (
	"fmt"
	"math/bits"
)

// Integer writes an unconstrained INTEGER.
func (e *Encoder) Integer(v int64) {
	magnitude := uint64(v)
	if v < 0 {
		magnitude = ^magnitude
	}
	n := bits.Len64(magnitude)/8 + 1
	e.length(n)
	e.number(uint64(v), n)
}

// Distance writes an INTEGER with a lower bound only, as its distance from that.
func (e *Encoder) Distance(v uint64) {
	n := octetsOf(v)
	e.length(n)
	e.number(v, n)
}

// Octets writes an OCTET STRING without constraint, in fragments from 16 K on.
func (e *Encoder) Octets(octets []byte) {
	for len(octets) >= 1<<14 {
		blocks := min(4, len(octets)>>14)
		e.align()
		e.buf = append(e.buf, 0xc0|byte(blocks))
		e.buf = append(e.buf, octets[:blocks<<14]...)
		octets = octets[blocks<<14:]
	}
	e.length(len(octets))
	e.buf = append(e.buf, octets...)
}

// sized writes the length of a value of low to high units; it returns false where
// the length is outside.
func (e *Encoder) sized(n, low, high int) bool {
	if n < low || (high >= 0 && n > high) || n >= 1<<16 || (high < 0 && n >= 1<<14) {
		e.Fail(ErrRange, fmt.Sprintf("a length of %d, want %d to %d", n, low, high))
		return false
	}
	switch {
	case low == high:
	case high >= 0:
		e.Whole(uint64(n-low), uint64(high-low))
	default:
		e.length(n)
	}
	return true
}

// OctetsSized writes an OCTET STRING of low to high octets.
func (e *Encoder) OctetsSized(octets []byte, low, high int) {
	if e.sized(len(octets), low, high) && len(octets) > 0 {
		e.put(octets)
	}
}

// OctetsFixed writes an OCTET STRING of fixed size.
func (e *Encoder) OctetsFixed(octets []byte) {
	if len(octets) > 2 {
		e.put(octets)
		return
	}
	for _, octet := range octets {
		e.Bits(uint64(octet), 8)
	}
}

// BitString writes a BIT STRING of low to high bits; high < 0 is no bound.
func (e *Encoder) BitString(b BitString, low, high int) {
	if len(b.Octets) != (b.Len+7)/8 {
		e.Fail(ErrRange, fmt.Sprintf("%d bits in %d octets", b.Len, len(b.Octets)))
		return
	}
	if !e.sized(b.Len, low, high) || b.Len == 0 {
		return
	}
	if low != high || high > 16 {
		e.align()
	}
	for i, octet := range b.Octets {
		n := min(8, b.Len-8*i)
		e.Bits(uint64(octet>>(8-n)), n)
	}
}

// OID writes an OBJECT IDENTIFIER.
func (e *Encoder) OID(oid OID) {
	if len(oid) == 0 {
		e.Fail(ErrRange, "an object identifier of no octets")
		return
	}
	e.Octets(oid)
}

// General writes a GeneralString: octets with a length.
func (e *Encoder) General(text string) { e.Octets([]byte(text)) }

// Chars writes a known-multiplier string of low to high characters; high < 0 is no
// bound. Without an alphabet a character is an octet.
func (e *Encoder) Chars(text string, low, high int, alphabet *Alphabet) {
	if !e.sized(len(text), low, high) || text == "" {
		return
	}
	width := 8
	if alphabet != nil {
		width = alphabet.bits
	}
	if charsAligned(low, high, width) {
		e.align()
	}
	if alphabet == nil && e.used == 0 {
		e.buf = append(e.buf, text...)
		return
	}
	for i := range len(text) {
		code := uint64(text[i])
		if alphabet != nil {
			index := alphabet.codes[text[i]]
			if index == 0 {
				e.Fail(ErrRange, fmt.Sprintf("character %q is none of %q", text[i:i+1], alphabet.chars))
				return
			}
			if !alphabet.plain {
				code = uint64(index - 1)
			}
		}
		e.Bits(code, width)
	}
}

// BMP writes a BMPString of low to high characters; high < 0 is no bound.
func (e *Encoder) BMP(b BMP, low, high int) {
	if len(b)%2 != 0 {
		e.Fail(ErrRange, fmt.Sprintf("a BMP string of %d octets", len(b)))
		return
	}
	if e.sized(len(b)/2, low, high) && len(b) > 0 {
		e.put(b)
	}
}
