package per

import (
	"fmt"
	"math/bits"
)

// Encoder writes aligned PER. Make one with NewEncoder.
type Encoder struct {
	buf   []byte
	start int // where the message begins in buf
	used  int // bits used of the last octet; 0: it is full
	depth int
	err   *Error
}

// NewEncoder appends to dst.
func NewEncoder(dst []byte) Encoder {
	return Encoder{buf: dst, start: len(dst)}
}

// Finish returns dst with the message, which takes one octet at least.
func (e *Encoder) Finish() ([]byte, error) {
	if e.err != nil {
		return e.buf[:e.start], e.err
	}
	if len(e.buf) == e.start {
		e.buf = append(e.buf, 0)
	}
	return e.buf, nil
}

// Failed says whether there was an error.
func (e *Encoder) Failed() bool { return e.err != nil }

// Within notes a type around the first error.
func (e *Encoder) Within(name string) {
	if e.err != nil {
		e.err.within(name)
	}
}

// Fail keeps the first error.
func (e *Encoder) Fail(reason error, detail string) {
	if e.err == nil {
		e.err = &Error{Bit: 8*(len(e.buf)-e.start) - (8-e.used)&7, Detail: detail, Reason: reason}
	}
}

// Enter counts a recursive type's depth; Leave ends it. A failed Enter returns
// false: nothing may be written below it.
func (e *Encoder) Enter() bool {
	if e.depth >= MaxDepth {
		e.Fail(ErrLimit, "nested too deeply")
	}
	if e.err != nil {
		return false
	}
	e.depth++
	return true
}

// Leave ends a recursive type.
func (e *Encoder) Leave() { e.depth-- }

// Bit writes one bit.
func (e *Encoder) Bit(set bool) {
	if e.used == 0 {
		e.buf = append(e.buf, 0)
	}
	if set {
		e.buf[len(e.buf)-1] |= 0x80 >> e.used
	}
	e.used = (e.used + 1) & 7
}

// Bits writes a bit field of n bits, the first one highest.
func (e *Encoder) Bits(v uint64, n int) {
	for n > 0 {
		if e.used == 0 {
			e.buf = append(e.buf, 0)
		}
		chunk := min(8-e.used, n)
		part := byte(v>>(n-chunk)) & (1<<chunk - 1)
		e.buf[len(e.buf)-1] |= part << (8 - e.used - chunk)
		e.used = (e.used + chunk) & 7
		n -= chunk
	}
}

func (e *Encoder) align() { e.used = 0 }

// put writes aligned octets.
func (e *Encoder) put(octets []byte) {
	e.align()
	e.buf = append(e.buf, octets...)
}

// Whole writes a constrained whole number as its distance from the lower bound,
// span being that of the upper bound (X.691 §11.5).
func (e *Encoder) Whole(v, span uint64) {
	if v > span {
		e.Fail(ErrRange, fmt.Sprintf("%d above the lower bound, at most %d", int64(v), span))
		return
	}
	switch {
	case span == 0:
	case span < 255:
		e.Bits(v, bits.Len64(span))
	case span == 255:
		e.align()
		e.buf = append(e.buf, byte(v))
	case span <= 65535:
		e.align()
		e.buf = append(e.buf, byte(v>>8), byte(v))
	default:
		octets := (bits.Len64(span) + 7) / 8
		n := octetsOf(v)
		e.Bits(uint64(n-1), bits.Len(uint(octets-1)))
		e.number(v, n)
	}
}

// octetsOf is the number of octets that v takes, 1 at least.
func octetsOf(v uint64) int { return max(1, (bits.Len64(v)+7)/8) }

// number writes v in n aligned octets.
func (e *Encoder) number(v uint64, n int) {
	e.align()
	for n--; n >= 0; n-- {
		e.buf = append(e.buf, byte(v>>(8*n)))
	}
}

// Small writes a normally small non-negative whole number (X.691 §11.6).
func (e *Encoder) Small(v int) {
	if v < 64 {
		e.Bits(uint64(v), 7)
		return
	}
	e.Bit(true)
	n := octetsOf(uint64(v))
	e.length(n)
	e.number(uint64(v), n)
}

// length writes a length determinant below 16 K (X.691 §11.9.3).
func (e *Encoder) length(n int) {
	e.align()
	if n < 0x80 {
		e.buf = append(e.buf, byte(n))
		return
	}
	e.buf = append(e.buf, byte(n>>8)|0x80, byte(n))
}

// Count writes the number of elements of a list; high < 0 is no upper bound.
func (e *Encoder) Count(n, low, high int) {
	switch {
	case n > MaxCount:
		e.Fail(ErrLimit, fmt.Sprintf("a list of %d elements, at most %d", n, MaxCount))
	case high >= 0:
		if n < low || n > high {
			e.Fail(ErrRange, fmt.Sprintf("a list of %d elements, want %d to %d", n, low, high))
			return
		}
		e.Whole(uint64(n-low), uint64(high-low))
	default:
		e.length(n)
	}
}

// Choose reports a CHOICE with no alternative chosen.
func (e *Encoder) Choose() { e.Fail(ErrChoice, "nothing is chosen") }
