package per

import "fmt"

// Integer reads an unconstrained INTEGER of at most 64 bits.
func (d *Decoder) Integer() int64 {
	n, more := d.length()
	if more || n > 8 {
		d.Fail(ErrLimit, "an integer of more than 64 bits")
		return 0
	}
	octets := d.take(n)
	if len(octets) == 0 {
		d.Fail(ErrRange, "an integer of no octets")
		return 0
	}
	v := int64(int8(octets[0]))
	for _, octet := range octets[1:] {
		v = v<<8 | int64(octet)
	}
	return v
}

// Distance reads an INTEGER with a lower bound only, as its distance from that.
func (d *Decoder) Distance() uint64 {
	n, more := d.length()
	if more || n > 8 {
		d.Fail(ErrLimit, "an integer of more than 64 bits")
		return 0
	}
	var v uint64
	for _, octet := range d.take(n) {
		v = v<<8 | uint64(octet)
	}
	return v
}

// Octets reads an OCTET STRING without constraint.
func (d *Decoder) Octets() []byte {
	n, more := d.length()
	octets := d.take(n)
	if !more {
		return octets
	}
	return d.fragments(octets)
}

// fragments reads on behind the first fragment, into octets of its own.
func (d *Decoder) fragments(first []byte) []byte {
	whole := append([]byte(nil), first...)
	for more := true; more && d.err == nil; {
		var n int
		n, more = d.length()
		whole = append(whole, d.take(n)...)
	}
	return whole
}

// sized reads the length of a value of low to high units; high < 0 is no bound.
// A length in fragments is refused: only strings without a constraint have them.
func (d *Decoder) sized(low, high int) int {
	if high >= 0 {
		return int(d.Whole(uint64(high-low))) + low
	}
	n, more := d.length()
	if more {
		d.Fail(ErrLimit, "a string in fragments")
		return 0
	}
	return n
}

// OctetsSized reads an OCTET STRING of low to high octets.
func (d *Decoder) OctetsSized(low, high int) []byte {
	n := d.sized(low, high)
	if n == 0 {
		return []byte{}
	}
	return d.take(n)
}

// OctetsFixed fills an OCTET STRING of fixed size.
func (d *Decoder) OctetsFixed(octets []byte) {
	if len(octets) <= 2 {
		for i := range octets {
			octets[i] = byte(d.Bits(8))
		}
		return
	}
	copy(octets, d.take(len(octets)))
}

// BitString reads a BIT STRING of low to high bits; high < 0 is no bound.
func (d *Decoder) BitString(low, high int) BitString {
	n := low
	if low != high {
		n = d.sized(low, high)
	}
	if low == high && n <= 16 {
		octets := make([]byte, (n+7)/8)
		for i := range n {
			if d.Bit() {
				octets[i/8] |= 0x80 >> (i % 8)
			}
		}
		return BitString{Octets: octets, Len: n}
	}
	if n == 0 {
		return BitString{Octets: []byte{}}
	}
	octets := d.take(n / 8)
	if n%8 == 0 || d.err != nil {
		return BitString{Octets: octets, Len: n}
	}
	last := byte(d.Bits(n%8)) << (8 - n%8)
	return BitString{Octets: append(octets, last), Len: n}
}

// OID reads an OBJECT IDENTIFIER.
func (d *Decoder) OID() OID {
	octets := d.Octets()
	if len(octets) == 0 && d.err == nil {
		d.Fail(ErrRange, "an object identifier of no octets")
	}
	return OID(octets)
}

// General reads a GeneralString: octets with a length.
func (d *Decoder) General() string { return string(d.Octets()) }

// Chars reads a known-multiplier string of low to high characters; high < 0 is no
// bound. Without an alphabet a character is an octet.
func (d *Decoder) Chars(low, high int, alphabet *Alphabet) string {
	n := low
	if low != high {
		n = d.sized(low, high)
	}
	width := 8
	if alphabet != nil {
		width = alphabet.bits
	}
	if n*width > d.end-d.pos {
		d.Fail(ErrTruncated, fmt.Sprintf("a string of %d characters", n))
		return ""
	}
	if charsAligned(low, high, width) && n > 0 {
		d.align()
	}
	if alphabet == nil && d.pos&7 == 0 {
		return string(d.take(n))
	}
	var space [64]byte
	text := space[:0]
	for range n {
		code := int(d.Bits(width))
		switch {
		case alphabet == nil || alphabet.plain && code < 256 && alphabet.codes[code] != 0:
			text = append(text, byte(code))
		case !alphabet.plain && code < len(alphabet.chars):
			text = append(text, alphabet.chars[code])
		default:
			d.Fail(ErrRange, fmt.Sprintf("character %d is none of %q", code, alphabet.chars))
			return ""
		}
	}
	return string(text)
}

// BMP reads a BMPString of low to high characters; high < 0 is no bound.
func (d *Decoder) BMP(low, high int) BMP {
	n := low
	if low != high {
		n = d.sized(low, high)
	}
	return BMP(d.take(2 * n))
}

// charsAligned says whether a string's characters start at an octet (X.691 §30.5.6,
// §30.5.7).
func charsAligned(low, high, width int) bool {
	switch {
	case high < 0:
		return true
	case low == high:
		return high*width > 16
	default:
		return high*width >= 16
	}
}
