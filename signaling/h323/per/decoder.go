package per

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// The bounds of a message.
const (
	MaxDepth     = 24      // recursive types within each other
	MaxCount     = 4096    // elements of one list
	MaxMemory    = 1 << 20 // octets of memory that the values of one message take
	MaxAdditions = 64      // bits of an extension bitmap
)

// Decoder reads aligned PER. Make one with NewDecoder.
type Decoder struct {
	data     []byte
	pos, end int // bits of data
	depth    int
	memory   int
	err      *Error
}

// NewDecoder reads from data, which decoded values will keep parts of.
func NewDecoder(data []byte) Decoder {
	return Decoder{data: data, end: len(data) * 8}
}

// Finish returns the first error, and ErrTrailing where whole octets are left.
func (d *Decoder) Finish() error {
	if d.err == nil && d.end-d.pos >= 8 {
		d.Fail(ErrTrailing, fmt.Sprintf("%d octets", (d.end-d.pos)/8))
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

// Failed says whether there was an error.
func (d *Decoder) Failed() bool { return d.err != nil }

// Within notes a type around the first error.
func (d *Decoder) Within(name string) {
	if d.err != nil {
		d.err.within(name)
	}
}

// Fail keeps the first error and ends all reading.
func (d *Decoder) Fail(reason error, detail string) {
	if d.err == nil {
		d.err = &Error{Bit: d.pos, Detail: detail, Reason: reason}
	}
	d.pos = d.end
}

// Enter counts a recursive type's depth; Leave ends it. Where Enter returns false
// nothing may be read below it.
func (d *Decoder) Enter() bool {
	if d.depth >= MaxDepth {
		d.Fail(ErrLimit, "nested too deeply")
	}
	if d.err != nil {
		return false
	}
	d.depth++
	return true
}

// Leave ends a recursive type.
func (d *Decoder) Leave() { d.depth-- }

// Bit reads one bit.
func (d *Decoder) Bit() bool {
	if d.pos >= d.end {
		d.Fail(ErrTruncated, "")
		return false
	}
	set := d.data[d.pos>>3]&(0x80>>(d.pos&7)) != 0
	d.pos++
	return set
}

// Bits reads a bit field of 1 to 64 bits, the first one highest.
func (d *Decoder) Bits(n int) uint64 {
	if d.end-d.pos < n {
		d.Fail(ErrTruncated, "")
		return 0
	}
	var v uint64
	for n > 0 {
		offset := d.pos & 7
		chunk := min(8-offset, n)
		octet := d.data[d.pos>>3] << offset >> (8 - chunk)
		v = v<<chunk | uint64(octet)
		d.pos += chunk
		n -= chunk
	}
	return v
}

func (d *Decoder) align() { d.pos = (d.pos + 7) &^ 7 }

// octet reads one aligned octet.
func (d *Decoder) octet() byte {
	d.align()
	if d.end-d.pos < 8 {
		d.Fail(ErrTruncated, "")
		return 0
	}
	v := d.data[d.pos>>3]
	d.pos += 8
	return v
}

// take reads n aligned octets without copying them.
func (d *Decoder) take(n int) []byte {
	d.align()
	if n > (d.end-d.pos)/8 {
		d.Fail(ErrTruncated, fmt.Sprintf("%d octets of %d", max(0, (d.end-d.pos)/8), n))
		return nil
	}
	start := d.pos >> 3
	d.pos += n * 8
	return d.data[start : start+n : start+n]
}

// Whole reads a constrained whole number as its distance from the lower bound,
// span being that of the upper bound (X.691 §11.5).
func (d *Decoder) Whole(span uint64) uint64 {
	var v uint64
	switch {
	case span == 0:
		return 0
	case span < 255:
		v = d.Bits(bits.Len64(span))
	case span == 255:
		return uint64(d.octet())
	case span <= 65535:
		octets := d.take(2)
		if octets == nil {
			return 0
		}
		v = uint64(octets[0])<<8 | uint64(octets[1])
	default:
		octets := (bits.Len64(span) + 7) / 8
		n := int(d.Bits(bits.Len(uint(octets-1)))) + 1
		if n > octets {
			d.Fail(ErrRange, fmt.Sprintf("a number of %d octets, at most %d", n, octets))
			return 0
		}
		for _, octet := range d.take(n) {
			v = v<<8 | uint64(octet)
		}
	}
	if v > span {
		d.Fail(ErrRange, fmt.Sprintf("%d above the lower bound, at most %d", v, span))
		return 0
	}
	return v
}

// Small reads a normally small non-negative whole number (X.691 §11.6).
func (d *Decoder) Small() int {
	if !d.Bit() {
		return int(d.Bits(6))
	}
	octets := d.Octets()
	if len(octets) > 2 {
		d.Fail(ErrLimit, "an extension's number of more than 16 bits")
		return 0
	}
	v := 0
	for _, octet := range octets {
		v = v<<8 | int(octet)
	}
	return v
}

// length reads a length determinant without an upper bound; more says that it is
// that of a fragment, and another follows (X.691 §11.9.3).
func (d *Decoder) length() (n int, more bool) {
	first := d.octet()
	switch {
	case first < 0x80:
		return int(first), false
	case first < 0xc0:
		return int(first&0x3f)<<8 | int(d.octet()), false
	}
	blocks := int(first & 0x3f)
	if blocks < 1 || blocks > 4 {
		d.Fail(ErrRange, fmt.Sprintf("a fragment of %d blocks", blocks))
		return 0, false
	}
	return blocks << 14, true
}

// Count reads the number of elements of a list; high < 0 is no upper bound.
func (d *Decoder) Count(low, high int) int {
	var n int
	if high >= 0 {
		n = int(d.Whole(uint64(high-low))) + low
	} else {
		var more bool
		if n, more = d.length(); more {
			d.Fail(ErrLimit, "a list in fragments")
			return 0
		}
	}
	switch {
	case d.err != nil:
		return 0
	case n > MaxCount:
		d.Fail(ErrLimit, fmt.Sprintf("a list of %d elements, at most %d", n, MaxCount))
		return 0
	case n > d.end-d.pos: // an element takes a bit at least
		d.Fail(ErrTruncated, fmt.Sprintf("a list of %d elements", n))
		return 0
	}
	return n
}

// List makes the slice of a list of n elements, as far as the message's memory allows.
func List[T any](d *Decoder, n int) []T {
	var element T
	d.reserve(n * int(unsafe.Sizeof(element)))
	if d.err != nil {
		return nil
	}
	return make([]T, n)
}

// New makes a value, as far as the message's memory allows. It is never nil.
func New[T any](d *Decoder) *T {
	v := new(T)
	d.reserve(int(unsafe.Sizeof(*v)))
	return v
}

func (d *Decoder) reserve(octets int) {
	if d.memory += octets; d.memory > MaxMemory {
		d.Fail(ErrLimit, fmt.Sprintf("its values take more than %d octets", MaxMemory))
	}
}
