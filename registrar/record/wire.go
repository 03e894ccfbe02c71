package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// format is the version of the encoding itself; new fields do not change it.
const format = 1

// maxRecord bounds a whole record in bytes, maxFields the fields in it, known or
// not, and maxText one text.
const (
	maxRecord = 16 << 10
	maxFields = 256
	maxText   = 2048
)

// What can be wrong with a record; errors of the Parse functions wrap one of them.
var (
	ErrKind      = errors.New("not a record of the expected kind")
	ErrFormat    = errors.New("a record of an unknown format")
	ErrTruncated = errors.New("a record that ends too early")
	ErrTooLong   = errors.New("a record beyond its bounds")
	ErrField     = errors.New("a field that makes no sense")
	ErrNumber    = errors.New("a record without the number that it is about")
)

// Wire types, as in protocol buffers.
const (
	wireVarint = 0
	wireBytes  = 2
)

func begin(dst []byte, k Kind) []byte { return append(dst, byte(k), format) }

// appendUint leaves zero out, as all append functions leave out the zero value.
func appendUint(dst []byte, tag int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(tag)<<3|wireVarint)
	return binary.AppendUvarint(dst, v)
}

func appendBool(dst []byte, tag int, v bool) []byte {
	if !v {
		return dst
	}
	return appendUint(dst, tag, 1)
}

func appendText(dst []byte, tag int, s string) []byte {
	if s == "" {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(tag)<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendAddr(dst []byte, tag int, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return dst
	}
	var room [32]byte
	b, _ := a.AppendBinary(room[:0]) // gives no error for any AddrPort
	dst = binary.AppendUvarint(dst, uint64(tag)<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// appendSpan writes a length of time in milliseconds, plus one so that nothing
// left of it differs from nothing said.
func appendSpan(dst []byte, tag int, d time.Duration) []byte {
	return appendUint(dst, tag, uint64(max(d.Milliseconds(), 0))+1)
}

// appendAge writes an instant as its age at now; the zero time is left out.
func appendAge(dst []byte, tag int, at, now time.Time) []byte {
	if at.IsZero() {
		return dst
	}
	return appendSpan(dst, tag, now.Sub(at))
}

// field is one field as it was read.
type field struct {
	tag    int
	number uint64
	bytes  []byte
}

// fields calls f for each field of a record. f names what it does not accept.
func fields(b []byte, k Kind, f func(*field) error) error {
	if len(b) > maxRecord {
		return fmt.Errorf("%d bytes: %w", len(b), ErrTooLong)
	}
	if len(b) < 2 {
		return ErrTruncated
	}
	if Kind(b[0]) != k {
		return fmt.Errorf("kind %d, not %d: %w", b[0], k, ErrKind)
	}
	if b[1] != format {
		return fmt.Errorf("format %d: %w", b[1], ErrFormat)
	}
	b = b[2:]
	var read field
	for n := 0; len(b) > 0; n++ {
		if n == maxFields {
			return fmt.Errorf("more than %d fields: %w", maxFields, ErrTooLong)
		}
		used, err := read.parse(b)
		if err != nil {
			return err
		}
		b = b[used:]
		if err := f(&read); err != nil {
			return fmt.Errorf("field %d: %w", read.tag, err)
		}
	}
	return nil
}

func (f *field) parse(b []byte) (used int, err error) {
	key, n := binary.Uvarint(b)
	if n <= 0 || key>>3 == 0 || key>>3 > math.MaxInt32 {
		return 0, fmt.Errorf("tag: %w", ErrTruncated)
	}
	f.tag, f.bytes = int(key>>3), nil
	value, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return 0, fmt.Errorf("field %d: %w", f.tag, ErrTruncated)
	}
	f.number = value
	used = n + m
	switch key & 7 {
	case wireVarint:
		return used, nil
	case wireBytes:
		if value > uint64(len(b)-used) {
			return 0, fmt.Errorf("field %d: %w", f.tag, ErrTruncated)
		}
		f.bytes = b[used : used+int(value)]
		return used + int(value), nil
	}
	return 0, fmt.Errorf("field %d has wire type %d: %w", f.tag, key&7, ErrField)
}

func (f *field) text(into *string, limit int) error {
	if len(f.bytes) > limit {
		return fmt.Errorf("%d bytes, at most %d: %w", len(f.bytes), limit, ErrTooLong)
	}
	*into = string(f.bytes)
	return nil
}

func (f *field) uint32(into *uint32) error {
	if f.number > math.MaxUint32 {
		return ErrField
	}
	*into = uint32(f.number)
	return nil
}

func (f *field) uint16(into *uint16) error {
	if f.number > math.MaxUint16 {
		return ErrField
	}
	*into = uint16(f.number)
	return nil
}

func (f *field) bool(into *bool) error {
	*into = f.number != 0
	return nil
}

func (f *field) addr(into *netip.AddrPort) error {
	if err := into.UnmarshalBinary(f.bytes); err != nil {
		return fmt.Errorf("address: %w", ErrField)
	}
	return nil
}

// longestSpan bounds ages and remaining times, so that none overflows a time.
const longestSpan = 10 * 365 * 24 * time.Hour

func (f *field) span() (time.Duration, error) {
	if f.number == 0 || f.number > uint64(longestSpan.Milliseconds()) {
		return 0, ErrField
	}
	return time.Duration(f.number-1) * time.Millisecond, nil
}

func (f *field) age(into *time.Time, now time.Time) error {
	d, err := f.span()
	if err == nil {
		*into = now.Add(-d)
	}
	return err
}

// oneOf reads an enumeration with the values 1 to last.
func oneOf[T ~uint8](f *field, into *T, last T) error {
	if f.number == 0 || f.number > uint64(last) {
		return ErrField
	}
	*into = T(f.number)
	return nil
}
