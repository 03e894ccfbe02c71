package per

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Opt is an optional value that is held without a pointer.
type Opt[T any] struct {
	V  T
	OK bool // whether it is present
}

// Some makes a present optional value.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, OK: true} }

// value is for the JSON printer.
func (o Opt[T]) value() (any, bool) { return o.V, o.OK }

// OID is an OBJECT IDENTIFIER as the contents octets of its BER form.
type OID []byte

// ParseOID reads the dotted form, as in "0.0.8.2250.0.7".
func ParseOID(dotted string) (OID, error) {
	parts := strings.Split(dotted, ".")
	if len(parts) < 2 || len(parts) > 64 {
		return nil, fmt.Errorf("object identifier %q: want 2 to 64 numbers with dots between them", dotted)
	}
	arcs := make([]uint64, len(parts))
	for i, part := range parts {
		arc, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return nil, fmt.Errorf("object identifier %q: %w", dotted, err)
		}
		arcs[i] = arc
	}
	if arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39) || arcs[1] > 1<<62 {
		return nil, fmt.Errorf("object identifier %q: no such root", dotted)
	}
	oid := appendArc(nil, arcs[0]*40+arcs[1])
	for _, arc := range arcs[2:] {
		oid = appendArc(oid, arc)
	}
	return oid, nil
}

// MustOID is ParseOID for constants; it panics where ParseOID fails.
func MustOID(dotted string) OID {
	oid, err := ParseOID(dotted)
	if err != nil {
		panic(err)
	}
	return oid
}

func appendArc(oid OID, arc uint64) OID {
	var octets [10]byte
	i := len(octets) - 1
	octets[i] = byte(arc & 0x7f)
	for arc >>= 7; arc > 0; arc >>= 7 {
		i--
		octets[i] = byte(arc&0x7f) | 0x80
	}
	return append(oid, octets[i:]...)
}

// Equal compares two identifiers.
func (o OID) Equal(other OID) bool { return bytes.Equal(o, other) }

// String is the dotted form; octets that are no identifier are given in hex.
func (o OID) String() string {
	if len(o) == 0 || o[len(o)-1]&0x80 != 0 {
		return fmt.Sprintf("invalid:%x", []byte(o))
	}
	text := make([]byte, 0, 4*len(o))
	var arc uint64
	first := true
	for _, octet := range o {
		if arc >= 1<<56 {
			return fmt.Sprintf("invalid:%x", []byte(o))
		}
		arc = arc<<7 | uint64(octet&0x7f)
		if octet&0x80 != 0 {
			continue
		}
		if first {
			root := min(arc/40, 2)
			text = strconv.AppendUint(text, root, 10)
			arc -= root * 40
			first = false
		}
		text = append(text, '.')
		text = strconv.AppendUint(text, arc, 10)
		arc = 0
	}
	return string(text)
}

// BMP is a BMPString: UTF-16 in network order.
type BMP []byte

// NewBMP encodes text; what is beyond the basic plane becomes a surrogate pair.
func NewBMP(text string) BMP {
	octets := make(BMP, 0, 2*len(text))
	for _, r := range text {
		if r >= 0x10000 {
			high, low := utf16.EncodeRune(r)
			octets = binary.BigEndian.AppendUint16(octets, uint16(high))
			octets = binary.BigEndian.AppendUint16(octets, uint16(low))
			continue
		}
		octets = binary.BigEndian.AppendUint16(octets, uint16(r))
	}
	return octets
}

// String decodes the text; what is no text becomes U+FFFD.
func (b BMP) String() string {
	text := make([]byte, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		r := rune(binary.BigEndian.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+3 < len(b) {
				low = rune(binary.BigEndian.Uint16(b[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 2
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return string(text)
}

// BitString is a BIT STRING: Len bits, the first in the highest bit of Octets[0].
type BitString struct {
	Octets []byte
	Len    int
}

// Alternative is what a CHOICE holds that its type here does not know.
type Alternative struct {
	// Index counts from the extension marker; it is used when the alternative is
	// unknown.
	Index int
	// Raw is the open type of an unknown alternative, or what a newer sender put
	// behind a known one.
	Raw []byte
	// Empty: the sender's open type had no octet at all, where X.691 wants one.
	Empty bool
}

// Unknown is the choice of a CHOICE whose alternative is in its field Other.
const Unknown = 255

// Addition is an extension addition that is kept raw.
type Addition struct {
	// Index counts the additions behind the extension marker from 0.
	Index int
	// Raw is the addition's open type where it is not Known, else what a newer
	// sender put behind the value that we know.
	Raw []byte
	// Known: the addition has a field of its own, and Raw is only what is left.
	Known bool
	// Empty: the sender's open type had no octet at all, where X.691 wants one.
	Empty bool
}

// Extension is what an extensible SEQUENCE remembers of its sender's extension
// bitmap, so that it can be written again unchanged. Its zero value is right for a
// value that we build.
type Extension struct {
	count uint8 // bits of the sender's bitmap
	heard bool  // the sender's extension bit
	raw   *[]Addition
}

// Additions are the additions that are kept raw.
func (x *Extension) Additions() []Addition {
	if x.raw == nil {
		return nil
	}
	return *x.raw
}

func (x *Extension) keep(a Addition) {
	if x.raw == nil {
		x.raw = new([]Addition)
	}
	*x.raw = append(*x.raw, a)
}

// Alphabet is the permitted alphabet of a known-multiplier character string
// (X.691 §30.5.2-4), characters in ascending order.
type Alphabet struct {
	bits  int
	chars string
	codes [256]uint8 // 1 + the code of a character; 0: not permitted
	plain bool       // the characters are written as they are
}

// NewAlphabet makes the alphabet of the given characters.
func NewAlphabet(chars string) *Alphabet {
	a := &Alphabet{}
	var permitted [256]bool
	for i := range len(chars) {
		permitted[chars[i]] = true
	}
	for c, ok := range permitted {
		if ok {
			a.chars += string([]byte{byte(c)})
		}
	}
	for a.bits = 1; 1<<a.bits < len(a.chars); a.bits *= 2 {
	}
	a.plain = int(a.chars[len(a.chars)-1]) < 1<<a.bits
	for i := range len(a.chars) {
		a.codes[a.chars[i]] = uint8(i) + 1
	}
	return a
}
